package devcloud_test

import (
	"maps"
	"testing"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/golang-jwt/jwt/v5"
)

// forge makes tokens that a node would not.
type forge struct {
	key    *node
	kid    string // "": the key's own; "-": none
	alg    string // "": RS256
	claims map[string]any
	raw    string // used instead of a token
}

// with changes one claim; nil removes it.
func (f forge) with(claim string, value any) forge {
	f.claims = maps.Clone(f.claims)
	f.claims[claim] = value
	if value == nil {
		delete(f.claims, claim)
	}
	return f
}

func (f forge) token(t *testing.T) string {
	t.Helper()
	if f.raw != "" {
		return f.raw
	}
	private, err := identity.ParseKey(f.key.settings.JWTPrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var method jwt.SigningMethod = jwt.SigningMethodRS256
	var key any = private
	switch f.alg {
	case "none":
		method, key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
	case "RS512":
		method = jwt.SigningMethodRS512
	case "HS256":
		method, key = jwt.SigningMethodHS256, private.N.Bytes()
	}
	unsigned := jwt.NewWithClaims(method, jwt.MapClaims(f.claims))
	switch f.kid {
	case "":
		unsigned.Header["kid"] = f.key.settings.JWTKeyID
	case "-":
	default:
		unsigned.Header["kid"] = f.kid
	}
	token, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// post sends an outcome with the token and returns the status.
func (f forge) post(t *testing.T, cloud *devcloud.Cloud) int {
	t.Helper()
	return request(t, "POST", cloud.URL()+"/api/internal/qpu/webhook", `{"job_id":"forged","status":"failed","error":""}`,
		"Authorization", "Bearer "+f.token(t)).StatusCode
}
