package provision_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/provision"
)

// cloud answers attempt after attempt; the last answer repeats.
type cloud struct {
	answers  []func(*http.Request) (*http.Response, error)
	requests []*http.Request
	bodies   []string
	times    []time.Time
}

func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	c.requests = append(c.requests, r)
	c.bodies = append(c.bodies, string(body))
	c.times = append(c.times, time.Now())
	return c.answers[min(len(c.requests), len(c.answers))-1](r)
}

func answer(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func lost(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }

// unreached is a transport's error about a connection that it could not make.
func unreached(err error) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(r.Context()).GetConn(r.Host)
		return nil, err
	}
}

var (
	refused   = unreached(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
	noProxy   = unreached(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connection refused")})
	untrusted = unreached(&tls.CertificateVerificationError{Err: errors.New("unknown authority")})
)

func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

type keeper struct {
	saved []config.Settings
	err   error
}

func (k *keeper) Save(s config.Settings) error { k.saved = append(k.saved, s); return k.err }

type signer struct{ learned bool }

func (*signer) Token(time.Time) (string, error) { return "a.signed.token", nil }
func (s *signer) Learn(date, now time.Time) bool {
	s.learned = date.Sub(now).Abs() > time.Minute
	return s.learned
}

func settings(token string) config.Settings {
	s := config.Defaults()
	s.NodeToken, s.WebappURL, s.Fingerprint = config.Secret(token), "https://cloud.example.com/", "host-1"
	return s
}

func client(c http.RoundTripper, cfg provision.Config) *provision.Client {
	cfg.Transport = c
	cfg.Log = slog.New(slog.DiscardHandler)
	return provision.New(cfg)
}

func TestConnectWithAToken(t *testing.T) {
	t.Parallel()
	c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, string(bundle(t, nil)))}}
	k := &keeper{}
	s := settings("one-time")
	s.Headers = map[string]config.Secret{"X-Deploy": "secret", "authorization": "Bearer forged"}
	b, err := client(c, provision.Config{Keeper: k, Connectivity: [][2]uint16{{0, 1}}, UserAgent: "coda/1.2.3"}).Connect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r := c.requests[0]
	if r.Method != http.MethodPost || r.URL.String() != "https://cloud.example.com/api/internal/qpu/connect" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	for name, want := range map[string]string{"Authorization": "Bearer one-time", "Content-Type": "application/json", "X-Deploy": "secret", "User-Agent": "coda/1.2.3"} {
		if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if want := `{"machine_fingerprint":"host-1","connectivity":[[0,1]]}`; c.bodies[0] != want {
		t.Errorf("body %s, want %s", c.bodies[0], want)
	}
	if b.Settings.NodeToken != "" || b.Settings.QPUID != "my-qpu" {
		t.Errorf("%+v", b.Settings)
	}
	if len(k.saved) != 1 || k.saved[0].Provenance != (config.Provenance{TokenHash: config.HashToken("one-time"), KeyFromCloud: true}) {
		t.Errorf("kept %+v", k.saved)
	}
}

// The operator's headers stand above ours, whatever the case of their letters.
func TestAnotherUserAgent(t *testing.T) {
	t.Parallel()
	c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, string(bundle(t, nil)))}}
	s := settings("one-time")
	s.Headers = map[string]config.Secret{"user-agent": "lab/7"}
	if _, err := client(c, provision.Config{UserAgent: "coda/1.2.3"}).Connect(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got := c.requests[0].Header.Values("User-Agent"); len(got) != 1 || got[0] != "lab/7" {
		t.Errorf("user agent %q", got)
	}
}

func TestConnectivityInTheBody(t *testing.T) {
	t.Parallel()
	for want, edges := range map[string][][2]uint16{
		`{"machine_fingerprint":"host-1"}`:                              nil,
		`{"machine_fingerprint":"host-1","connectivity":[]}`:            {},
		`{"machine_fingerprint":"host-1","connectivity":[[0,1],[2,1]]}`: {{0, 1}, {2, 1}},
	} {
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, string(bundle(t, nil)))}}
		if _, err := client(c, provision.Config{Connectivity: edges}).Connect(t.Context(), settings("t")); err != nil || c.bodies[0] != want {
			t.Errorf("%s, %v; want %s", c.bodies[0], err, want)
		}
	}
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, string(bundle(t, map[string]string{"jwt_private_key": "", "jwt_key_id": ""})))}}
	s := settings("")
	s.JWTPrivateKey, s.JWTKeyID = "held", "held-id"
	s.Provenance.TokenHash = "kept"
	b, err := client(c, provision.Config{Signer: &signer{}}).Connect(t.Context(), s)
	if err != nil || c.requests[0].Header.Get("Authorization") != "Bearer a.signed.token" {
		t.Fatalf("%v, %v", err, c.requests)
	}
	if b.Settings.JWTPrivateKey != "held" || b.Settings.JWTKeyID != "held-id" || b.Settings.Provenance != (config.Provenance{TokenHash: "kept"}) {
		t.Errorf("%+v", b.Settings)
	}
	if _, err := client(c, provision.Config{}).Connect(t.Context(), settings("")); err == nil || len(c.requests) != 1 {
		t.Errorf("connected without any credential: %v", err)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	good := string(bundle(t, nil))
	for _, tt := range []struct {
		name     string
		answers  []func(*http.Request) (*http.Response, error)
		requests int
		want     string // part of the error; "" for success
	}{
		{"5xx is retried", []func(*http.Request) (*http.Response, error){answer(500, ""), answer(503, ""), answer(201, good)}, 3, ""},
		{"transport failures are retried", []func(*http.Request) (*http.Response, error){lost, answer(200, good)}, 2, ""},
		{"a timeout is retried", []func(*http.Request) (*http.Response, error){silent, answer(200, good)}, 2, ""},
		{"Q15 408 is retried", []func(*http.Request) (*http.Response, error){answer(408, ""), answer(200, good)}, 2, ""},
		{"Q15 425 is retried", []func(*http.Request) (*http.Response, error){answer(425, ""), answer(200, good)}, 2, ""},
		{"Q15 429 is retried", []func(*http.Request) (*http.Response, error){answer(429, ""), answer(200, good)}, 2, ""},
		{"400 is final", []func(*http.Request) (*http.Response, error){answer(400, "bad topology")}, 1, "HTTP 400: bad topology"},
		{"401 is final", []func(*http.Request) (*http.Response, error){answer(401, `{"error":"token one-time has expired"}`)}, 1, "token [redacted] has expired"},
		{"a redirect is final", []func(*http.Request) (*http.Response, error){answer(307, "", "Location", "https://evil.example.com")}, 1, "HTTP 307"},
		{"attempts run out", []func(*http.Request) (*http.Response, error){refused}, 3, "no success in 3 attempts at https://cloud.example.com/api/internal/qpu/connect: dial tcp: connection refused"},
		{"the cloud is down", []func(*http.Request) (*http.Response, error){answer(429, "down")}, 3, "/connect: HTTP 429: down"},
		{"Q14 the last answer is lost", []func(*http.Request) (*http.Response, error){refused, refused, lost}, 3, "may have been redeemed by attempt 3"},
		{"Q14 the first answer is lost", []func(*http.Request) (*http.Response, error){answer(502, ""), refused}, 3, "may have been redeemed by attempt 1"},
		{"Q14 nobody was reached", []func(*http.Request) (*http.Response, error){noProxy, untrusted, answer(401, "revoked")}, 3, "connect: the cloud refused: HTTP 401: revoked"},
		{"timeouts run out", []func(*http.Request) (*http.Response, error){silent}, 3, "no answer within 15s"},
		{"Q14 a refusal after a lost answer", []func(*http.Request) (*http.Response, error){lost, answer(503, ""), answer(401, "already used")}, 3, "may have been redeemed by attempt 1"},
		{"Q17 not JSON", []func(*http.Request) (*http.Response, error){answer(200, "<html>")}, 1, "it is not JSON"},
		{"Q17 trailing data", []func(*http.Request) (*http.Response, error){answer(200, good+"{}")}, 1, "it is not JSON"},
		{"Q17 not an object", []func(*http.Request) (*http.Response, error){answer(200, "[1]")}, 1, "not an object"},
		{"an endless answer", []func(*http.Request) (*http.Response, error){answer(200, strings.Repeat(" ", 2<<20))}, 1, "ask for a new token: it is larger than"},
		{"a long refusal is cut", []func(*http.Request) (*http.Response, error){answer(400, strings.Repeat("é", 999))}, 1, "HTTP 400: " + strings.Repeat("é", 400)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &cloud{answers: tt.answers}
				k := &keeper{}
				_, err := client(c, provision.Config{Keeper: k}).Connect(t.Context(), settings("one-time"))
				if len(c.requests) != tt.requests {
					t.Errorf("%d requests, want %d", len(c.requests), tt.requests)
				}
				if tt.want == "" {
					if err != nil || len(k.saved) != 1 {
						t.Errorf("%v, kept %d", err, len(k.saved))
					}
					return
				}
				if _, ok := errors.AsType[*fault.NodeError](err); !ok || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if strings.Contains(err.Error(), "one-time") || strings.Contains(err.Error(), strings.Repeat("é", 401)) || len(k.saved) != 0 {
					t.Errorf("shows or keeps too much: %v", err)
				}
			})
		})
	}
}

func TestWaits(t *testing.T) {
	t.Parallel()
	const ms, s = time.Millisecond, time.Second
	for _, tt := range []struct {
		name   string
		header []string
		waits  [][2]time.Duration // least and most before each further attempt
	}{
		{"doubling, with jitter", nil, [][2]time.Duration{{500 * ms, 1500 * ms}, {1 * s, 3 * s}, {2 * s, 6 * s}}},
		{"Retry-After in seconds", []string{"Retry-After", "20"}, [][2]time.Duration{{20 * s, 20 * s}, {20 * s, 20 * s}, {20 * s, 20 * s}}},
		{"Retry-After is capped", []string{"Retry-After", "99999"}, [][2]time.Duration{{300 * s, 300 * s}, {300 * s, 300 * s}, {300 * s, 300 * s}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(503, "", tt.header...)}}
			token := settings("t")
			token.ConnectRetries = 4
			start := time.Now()
			_, _ = client(c, provision.Config{}).Connect(t.Context(), token)
			if len(c.times) != 4 {
				t.Fatalf("%s: %d attempts", tt.name, len(c.times))
			}
			for i, bounds := range tt.waits {
				if wait := c.times[i+1].Sub(c.times[i]); wait < bounds[0] || wait > bounds[1] {
					t.Errorf("%s: wait %d is %s, want %v", tt.name, i+1, wait, bounds)
				}
			}
			if !c.times[3].Equal(time.Now()) || !c.times[0].Equal(start) {
				t.Errorf("%s: waits before the first or after the last attempt", tt.name)
			}
		})
	}
}

func TestAPathThatCannotBeRequested(t *testing.T) {
	t.Parallel()
	s := settings("t")
	s.ConnectPath = "/con\x01nect"
	c := &cloud{}
	_, err := client(c, provision.Config{}).Connect(t.Context(), s)
	if e, ok := errors.AsType[*fault.NodeError](err); !ok || e.Reason != "the connect URL cannot be requested; correct CODA_CONNECT_PATH" || len(c.requests) != 0 {
		t.Errorf("%v, %d requests", err, len(c.requests))
	}
}

// Q16: at least one attempt.
func TestZeroRetriesStillTryOnce(t *testing.T) {
	t.Parallel()
	c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, string(bundle(t, nil)))}}
	s := settings("t")
	s.ConnectRetries = 0
	if _, err := client(c, provision.Config{}).Connect(t.Context(), s); err != nil || len(c.requests) != 1 {
		t.Errorf("%d requests, %v", len(c.requests), err)
	}
}

func TestAWrongClockIsLearnedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(401, "expired", "Date", date), answer(200, string(bundle(t, nil)))}}
		s := settings("")
		s.ConnectRetries = 1
		if _, err := client(c, provision.Config{Signer: &signer{}}).Connect(t.Context(), s); err != nil || len(c.requests) != 2 {
			t.Errorf("%d requests, %v", len(c.requests), err)
		}
		c = &cloud{answers: []func(*http.Request) (*http.Response, error){answer(401, "expired", "Date", date)}}
		if _, err := client(c, provision.Config{Signer: &signer{}}).Connect(t.Context(), s); err == nil || len(c.requests) != 2 {
			t.Errorf("%d requests, %v", len(c.requests), err)
		}
	})
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(503, "", "Retry-After", "60")}}
		start := time.Now()
		_, err := client(c, provision.Config{}).Connect(ctx, settings("t"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// slow gives an answer after a while, unless the request ends before.
func slow(after time.Duration, then func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(after):
			return then(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// A token works once: a stop while it is being redeemed waits for what it brings,
// and where that is lost all the same, says so.
func TestAStopDuringALogOn(t *testing.T) {
	t.Parallel()
	const second = time.Second
	good := answer(200, string(bundle(t, nil)))
	for _, tt := range []struct {
		name   string
		token  string
		answer func(*http.Request) (*http.Response, error)
		stop   time.Duration
		kill   time.Duration // 0: never
		took   time.Duration
		want   string // part of the error; "" for success
		lost   bool
	}{
		{"the answer is awaited and kept", "one-time", slow(4*second, good), second, 0, 4 * second, "", false},
		{"as long as an attempt may take", "one-time", silent, second, 0, 15 * second, "connect: interrupted; the token may have been redeemed by attempt 1", true},
		{"the answer is lost", "one-time", slow(4*second, lost), second, 0, 4 * second, "connect: interrupted; the token may have been redeemed by attempt 1", true},
		{"it never left", "one-time", slow(4*second, refused), second, 0, 4 * second, "connect: interrupted: context canceled", false},
		{"it is refused", "one-time", slow(4*second, answer(401, "revoked")), second, 0, 4 * second, "connect: the cloud refused: HTTP 401: revoked", false},
		{"it brings nothing", "one-time", slow(4*second, answer(200, "{}")), second, 0, 4 * second, "the token has been redeemed", true},
		{"killed", "one-time", slow(4*second, good), second, 2 * second, 2 * second, "may have been redeemed by attempt 1", true},
		{"a signed token is made anew", "", slow(4*second, good), second, 0, second, "connect: interrupted: context canceled", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer time.AfterFunc(tt.stop, cancel).Stop()
				var kill chan struct{}
				if tt.kill > 0 {
					kill = make(chan struct{})
					time.AfterFunc(tt.kill, func() { close(kill) })
				}
				c := &cloud{answers: []func(*http.Request) (*http.Response, error){tt.answer}}
				k := &keeper{}
				s := settings(tt.token)
				s.JWTPrivateKey, s.JWTKeyID = "held", "held-id"
				begin := time.Now()
				_, err := client(c, provision.Config{Keeper: k, Signer: &signer{}, Kill: kill}).Connect(ctx, s)
				if len(c.requests) != 1 || time.Since(begin) != tt.took || provision.TokenLost(err) != tt.lost {
					t.Errorf("%d requests in %s, and of the token lost: %v", len(c.requests), time.Since(begin), provision.TokenLost(err))
				}
				if tt.want == "" {
					if err != nil || len(k.saved) != 1 {
						t.Errorf("%v, kept %d", err, len(k.saved))
					}
				} else if err == nil || !strings.Contains(err.Error(), tt.want) || len(k.saved) != 0 {
					t.Errorf("got %v, kept %d, want %q", err, len(k.saved), tt.want)
				}
			})
		})
	}
	t.Run("nobody is reached", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			// A firewall that says nothing, and the library's own transport.
			end := make(chan struct{})
			defer close(end)
			dial := func(context.Context, string, string) (net.Conn, error) {
				<-end
				return nil, errors.New("nobody answers")
			}
			_, err := client(&http.Transport{DialContext: dial}, provision.Config{}).Connect(t.Context(), settings("one-time"))
			if err == nil || provision.TokenLost(err) || !strings.Contains(err.Error(), "no answer within 15s") {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("before the first attempt", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){good}}
		_, err := client(c, provision.Config{}).Connect(ctx, settings("one-time"))
		if !errors.Is(err, context.Canceled) || len(c.requests) != 0 || provision.TokenLost(err) {
			t.Errorf("%v after %d requests", err, len(c.requests))
		}
	})
}

// Q19: what the cloud gave is kept before anything else can fail, the tunnel above
// all, which is made from the profile that comes back.
func TestCredentialsAreKeptBeforeTheTunnel(t *testing.T) {
	t.Parallel()
	c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, string(bundle(t, map[string]string{
		"vpn": `{"required": true, "client_profile_ovpn": "client\n"}`})))}}
	k := &keeper{}
	b, err := client(c, provision.Config{Keeper: k}).Connect(t.Context(), settings("t"))
	if err != nil || len(k.saved) != 1 || k.saved[0].JWTPrivateKey == "" || b.Profile != "client\n" {
		t.Errorf("kept %d, profile %q, %v", len(k.saved), b.Profile, err)
	}
}

func TestNothingBadIsKept(t *testing.T) {
	t.Parallel()
	good := string(bundle(t, nil))
	authError := &fault.AuthError{Reason: "damaged"}
	for name, tt := range map[string]struct {
		body string
		cfg  provision.Config
	}{
		"a key that cannot sign": {good, provision.Config{CheckKey: func(config.Secret) error { return authError }}},
		"a profile that is refused": {
			string(bundle(t, map[string]string{"vpn": `{"required": true, "client_profile_ovpn": "up x"}`})),
			provision.Config{CheckProfile: func(string) error { return errors.New("line 1") }},
		},
		"a bundle with an error at its end": {string(bundle(t, map[string]string{"vpn": `{"required": true}`})), provision.Config{}},
	} {
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, tt.body)}}
		k := &keeper{}
		tt.cfg.Keeper = k
		_, err := client(c, tt.cfg).Connect(t.Context(), settings("t"))
		if err == nil || len(k.saved) != 0 || !provision.TokenLost(err) || !strings.Contains(err.Error(), "the token has been redeemed") {
			t.Errorf("%s: %v, kept %d", name, err, len(k.saved))
		}
		s := settings("")
		s.JWTPrivateKey, s.JWTKeyID, tt.cfg.Signer = "held", "held-id", &signer{}
		if _, err := client(c, tt.cfg).Connect(t.Context(), s); err == nil || provision.TokenLost(err) || strings.Contains(err.Error(), "redeemed") {
			t.Errorf("%s, without a token: %v", name, err)
		}
	}
	c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, good)}}
	full := errors.New("disk full")
	if _, err := client(c, provision.Config{Keeper: &keeper{err: full}}).Connect(t.Context(), settings("t")); !errors.Is(err, full) || !provision.TokenLost(err) {
		t.Errorf("a failed save: %v", err)
	}
}
