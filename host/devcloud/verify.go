package devcloud

import (
	"errors"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

var parser = jwt.NewParser(
	jwt.WithValidMethods([]string{"RS256"}),
	jwt.WithIssuer("coda"),
	jwt.WithIssuedAt(), // an iat in the future is refused
	jwt.WithExpirationRequired(),
)

// bearer is the credential of a request, or "".
func bearer(r *http.Request) string {
	scheme, credential, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
		return ""
	}
	return strings.TrimSpace(credential)
}

// authenticate tells which node signed a request. It shares nothing with the
// code that signs. There is no leeway for clocks.
func (c *Cloud) authenticate(r *http.Request) (Node, error) {
	credential := bearer(r)
	if credential == "" {
		return Node{}, errors.New("missing bearer token")
	}
	node, err := c.verify(credential)
	if err != nil {
		c.jobs.signatureFailed()
	}
	return node, err
}

func (c *Cloud) verify(credential string) (Node, error) {
	var node Node
	claims := jwt.RegisteredClaims{}
	_, err := parser.ParseWithClaims(credential, &claims, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		if id == "" {
			return nil, errors.New("the token names no key")
		}
		known, ok := c.registry.node(id)
		if !ok {
			return nil, errors.New("the token's key is not known")
		}
		node = known
		return known.public, nil
	})
	switch {
	case err != nil:
		return Node{}, err
	case claims.IssuedAt == nil:
		return Node{}, errors.New("the token has no iat")
	case claims.Subject != node.QPU:
		return Node{}, errors.New("the token's subject is not its key's")
	}
	return node, nil
}
