// Package identity is who a node is: the key that it signs with, the tokens it
// makes, the machine it runs on, and the credentials it keeps between runs.
package identity

import (
	"crypto/rsa"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer = "coda"

	// A signature costs about a millisecond, so a token is used again, but not for long.
	tokenServes = time.Minute
	// Tokens are dated back, because a receiver refuses one from its future.
	tokenBackdate = 30 * time.Second
	tokenLifetime = 5 * time.Minute // from its date on

	// A Date header counts whole seconds and travels for a while.
	skewNoise = 2 * time.Second
	// A clock further off than a day is a broken answer or a broken machine.
	skewMost = 24 * time.Hour
)

// Signer makes the tokens (JWT, RS256) that a node shows to the cloud. It is
// safe for concurrent use.
type Signer struct {
	key     *rsa.PrivateKey
	keyID   string
	subject string

	mu     sync.Mutex
	token  string
	signed time.Time     // when, by this machine's clock
	skew   time.Duration // the cloud's clock minus this machine's
}

// NewSigner takes the node's private key, its id and the QPU id to sign for.
// Without a key id the subject takes its place. The error is a
// *fault.AuthError.
func NewSigner(key config.Secret, keyID, subject string) (*Signer, error) {
	if subject == "" {
		return nil, &fault.AuthError{Reason: "there is no QPU id to sign for; set CODA_QPU_ID"}
	}
	parsed, err := ParseKey(key)
	if err != nil {
		return nil, err
	}
	if keyID == "" {
		keyID = subject
	}
	return &Signer{key: parsed, keyID: keyID, subject: subject}, nil
}

// Token is a signed token that is good for the minutes after now. One token
// serves for at most a minute.
func (s *Signer) Token(now time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.signed); s.token != "" && age >= 0 && age < tokenServes {
		return s.token, nil
	}
	issued := now.Add(s.skew - tokenBackdate).Truncate(time.Second)
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"sub": s.subject,
		"iss": issuer,
		"iat": issued.Unix(),
		"exp": issued.Add(tokenLifetime).Unix(),
	})
	unsigned.Header["kid"] = s.keyID
	token, err := unsigned.SignedString(s.key)
	if err != nil {
		return "", &fault.AuthError{Reason: "cannot sign a token", Err: err}
	}
	s.token, s.signed = token, now
	return token, nil
}

// Expire drops the token in use, so that the next one is signed anew.
func (s *Signer) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = ""
}

// Learn takes the cloud's own time, from the Date of an answer that refused a
// token, and dates later tokens by it. It drops the token in use, and reports
// whether the clocks were found to differ from what was assumed.
func (s *Signer) Learn(date, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = ""
	skew := date.Sub(now)
	if date.IsZero() || skew.Abs() > skewMost || (skew-s.skew).Abs() <= skewNoise {
		return false
	}
	s.skew = skew
	return true
}
