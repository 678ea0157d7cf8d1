package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/golang-jwt/jwt/v5"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pkcs1(key *rsa.PrivateKey) config.Secret {
	return config.Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func pkcs8(tb testing.TB, key any) config.Secret {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return config.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func signer(tb testing.TB) *identity.Signer {
	tb.Helper()
	s, err := identity.NewSigner(pkcs1(testKey()), "kid-1", "my-qpu")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// read verifies a token at a time and returns its claims.
func read(tb testing.TB, token string, at time.Time) jwt.MapClaims {
	tb.Helper()
	claims := jwt.MapClaims{}
	parsed, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return &testKey().PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer("coda"), jwt.WithIssuedAt(),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return at }))
	if err != nil {
		tb.Fatalf("at %s: %v", at, err)
	}
	if parsed.Header["kid"] != "kid-1" || parsed.Header["typ"] != "JWT" || parsed.Header["alg"] != "RS256" {
		tb.Errorf("header %v", parsed.Header)
	}
	return claims
}

func TestTokenClaims(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	token, err := signer(t).Token(now)
	if err != nil {
		t.Fatal(err)
	}
	claims := read(t, token, now)
	issued := float64(now.Unix() - 30)
	if claims["sub"] != "my-qpu" || claims["iss"] != "coda" || claims["iat"] != issued || claims["exp"] != issued+300 {
		t.Errorf("claims %v", claims)
	}
	if len(claims) != 4 {
		t.Errorf("%d claims, want 4: %v", len(claims), claims)
	}
}

func TestTokenServesOneMinute(t *testing.T) {
	t.Parallel()
	s := signer(t)
	start := time.Unix(1_800_000_000, 0)
	at := func(d time.Duration) string {
		t.Helper()
		token, err := s.Token(start.Add(d))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := at(0)
	if at(59*time.Second) != first {
		t.Error("signed again within a minute")
	}
	second := at(time.Minute)
	if second == first {
		t.Error("not signed again after a minute")
	}
	if at(0) == second {
		t.Error("a token was used at a time before it was signed")
	}
	third := at(10 * time.Second)
	s.Expire()
	if at(11*time.Second) == third {
		t.Error("an expired token was used again")
	}
}

func TestLearn(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for _, tt := range []struct {
		name    string
		skew    time.Duration
		learned bool
	}{
		{"ahead", time.Hour, true},
		{"behind", -45 * time.Minute, true},
		{"noise", time.Second, false},
		{"absurd", 48 * time.Hour, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := signer(t)
			before, err := s.Token(now)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Learn(now.Add(tt.skew), now); got != tt.learned {
				t.Errorf("learned %v, want %v", got, tt.learned)
			}
			after, err := s.Token(now.Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if after == before {
				t.Error("the refused token was used again")
			}
			cloud := now
			if tt.learned {
				cloud = now.Add(tt.skew)
			}
			read(t, after, cloud) // verifies by the cloud's clock
			if s.Learn(now.Add(tt.skew), now) {
				t.Error("the same date was learned twice")
			}
		})
	}
	if signer(t).Learn(time.Time{}, now) {
		t.Error("learned from an answer without a date")
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := signer(t)
	now := time.Unix(1_800_000_000, 0)
	var wg sync.WaitGroup
	tokens := make([]string, 16)
	for i := range tokens {
		wg.Go(func() { tokens[i], _ = s.Token(now) })
	}
	wg.Wait()
	for _, token := range tokens {
		if token == "" || token != tokens[0] {
			t.Fatal("tokens differ")
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	short, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // refused below
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := string(pkcs1(testKey()))
	for _, tt := range []struct {
		name string
		key  config.Secret
		want string
	}{
		{"PKCS#1", pkcs1(testKey()), ""},
		{"PKCS#8", pkcs8(t, testKey()), ""},
		{"blanks around", config.Secret("\n  " + good + "\n"), ""},
		{"CRLF", config.Secret(strings.ReplaceAll(good, "\n", "\r\n")), ""},
		{"empty", "", "not PEM"},
		{"placeholder", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged"},
		{"cut", config.Secret(good[:len(good)/2]), "not PEM"},
		{"short", pkcs1(short), "too short"},
		{"curve", pkcs8(t, curve), "no RSA key"},
		{"encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "encrypted"},
		{"certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "another kind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := identity.NewSigner(tt.key, "k", "q")
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if _, ok := errors.AsType[*fault.AuthError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "AAAA") {
				t.Errorf("the key is in: %v", err)
			}
		})
	}
	if _, err := identity.NewSigner(pkcs1(testKey()), "k", ""); err == nil {
		t.Error("signs for nobody")
	}
}

func TestKeyIDDefaultsToTheSubject(t *testing.T) {
	t.Parallel()
	s, err := identity.NewSigner(pkcs1(testKey()), "", "kid-1")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := s.Token(now)
	if err != nil {
		t.Fatal(err)
	}
	read(t, token, now) // checks the kid
}

func FuzzParseKey(f *testing.F) {
	f.Add(string(pkcs1(testKey())))
	f.Add("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := identity.ParseKey(config.Secret(text))
		if (key == nil) == (err == nil) {
			t.Fatalf("key %v, error %v", key != nil, err)
		}
	})
}

func BenchmarkToken(b *testing.B) {
	s := signer(b)
	now := time.Unix(1_800_000_000, 0)
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Token(now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("signed", func(b *testing.B) {
		for b.Loop() {
			s.Expire()
			if _, err := s.Token(now); err != nil {
				b.Fatal(err)
			}
		}
	})
}
