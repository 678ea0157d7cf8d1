package webhook_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/webhook"
)

// signer counts what the sender asks of it.
type signer struct {
	mu      sync.Mutex
	signed  int
	learned []time.Time
	err     error
}

func (s *signer) Token(time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signed++
	return "the-token", s.err
}

func (s *signer) Learn(date, _ time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learned = append(s.learned, date)
	return true
}

// receiver answers every request the same way and remembers them.
type receiver struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	answer   http.HandlerFunc
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	r.requests = append(r.requests, request)
	r.bodies = append(r.bodies, string(body))
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(w, request)
	}
}

func serve(t *testing.T, answer http.HandlerFunc) (*receiver, string) {
	t.Helper()
	r := &receiver{answer: answer}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, server.URL
}

func sender(t *testing.T, cfg webhook.Config) *webhook.Sender {
	t.Helper()
	if cfg.Signer == nil {
		cfg.Signer = &signer{}
	}
	s, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPost(t *testing.T) {
	t.Parallel()
	cloud, cloudURL := serve(t, nil)
	other, otherURL := serve(t, nil)
	s := sender(t, webhook.Config{
		Cloud: cloudURL, Origins: []string{otherURL},
		Headers:   map[string]config.Secret{"x-deploy": "secret", "AUTHORIZATION": "Bearer forged", "webhook-id": "forged", "user-agent": "lab/7"},
		UserAgent: "coda/1.2.3",
	})
	body := []byte(`{"job_id":"j"}`)
	for _, url := range []string{cloudURL + "/hook?x=1", otherURL} {
		if err := s.Post(t.Context(), url, "id-1", body); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range map[string]*receiver{"cloud": cloud, "other": other} {
		if len(r.requests) != 1 || r.bodies[0] != string(body) {
			t.Fatalf("%s: %d requests, bodies %q", name, len(r.requests), r.bodies)
		}
		request := r.requests[0]
		if request.Method != http.MethodPost {
			t.Errorf("%s: %s", name, request.Method)
		}
		for header, want := range map[string]string{
			"Authorization": "Bearer the-token", "Content-Type": "application/json", "webhook-id": "id-1", "Idempotency-Key": "id-1",
		} {
			if got := request.Header.Values(header); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
	}
	if cloud.requests[0].Header.Get("X-Deploy") != "secret" || other.requests[0].Header.Get("X-Deploy") != "" {
		t.Error("extra headers belong to the cloud alone")
	}
	if to, others := cloud.requests[0].UserAgent(), other.requests[0].UserAgent(); to != "lab/7" || others != "coda/1.2.3" {
		t.Errorf("user agents %q and %q", to, others)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		status     int
		retryAfter string
		next       fault.Disposition
		wait       time.Duration // at least this, at most a second more
	}{
		{status: 300, next: fault.Misdirected}, {status: 301, next: fault.Misdirected}, {status: 307, next: fault.Misdirected},
		{status: 400, next: fault.Rejected}, {status: 404, next: fault.Rejected}, {status: 409, next: fault.Rejected},
		{status: 413, next: fault.Rejected}, {status: 422, next: fault.Rejected},
		{status: 401, next: fault.SignAgain}, {status: 403, next: fault.SignAgain},
		{status: 408, next: fault.TryAgain}, {status: 425, next: fault.TryAgain},
		{status: 410, next: fault.Park},
		{status: 429, next: fault.TryAgain}, {status: 429, retryAfter: "7", next: fault.TryAgain, wait: 7 * time.Second},
		{status: 500, next: fault.TryAgain}, {status: 599, next: fault.TryAgain},
		{status: 503, retryAfter: "86400", next: fault.TryAgain, wait: time.Hour},
		{status: 503, retryAfter: "99999999999999999999", next: fault.TryAgain, wait: time.Hour},
		{status: 503, retryAfter: "-5", next: fault.TryAgain},
		{status: 503, retryAfter: "soon", next: fault.TryAgain},
		{status: 503, retryAfter: now.Add(-time.Hour).UTC().Format(http.TimeFormat), next: fault.TryAgain},
		{status: 503, retryAfter: now.Add(48 * time.Hour).UTC().Format(http.TimeFormat), next: fault.TryAgain, wait: time.Hour},
	} {
		receiver, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://"+"192.0.2.1/")
			if tt.retryAfter != "" {
				w.Header().Set("Retry-After", tt.retryAfter)
			}
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, "because\nof this")
		})
		err := sender(t, webhook.Config{Cloud: url}).Post(t.Context(), url+"/hook?secret=1", "id", nil)
		e, ok := errors.AsType[*fault.WebhookError](err)
		if !ok {
			t.Errorf("%d: %v", tt.status, err)
			continue
		}
		if e.Status != tt.status || e.Next != tt.next || e.CanRetry() != (tt.next != fault.Park) {
			t.Errorf("%d: %+v, want %s", tt.status, e, tt.next)
		}
		if e.RetryAfter < tt.wait || e.RetryAfter > tt.wait+time.Second {
			t.Errorf("%d, Retry-After %q: %s, want %s", tt.status, tt.retryAfter, e.RetryAfter, tt.wait)
		}
		if strings.Contains(err.Error(), "secret=1") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d: the error shows too much: %v", tt.status, err)
		}
		if tt.status >= 400 && !strings.Contains(err.Error(), "because of this") {
			t.Errorf("%d: the receiver's words are not in: %v", tt.status, err)
		}
		if len(receiver.requests) != 1 {
			t.Errorf("%d: %d requests", tt.status, len(receiver.requests))
		}
	}
	for _, status := range []int{200, 201, 204, 299} {
		_, url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if err := sender(t, webhook.Config{Cloud: url}).Post(t.Context(), url, "id", nil); err != nil {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestARefusedTokenIsLearnedFrom(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	_, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		w.WriteHeader(http.StatusUnauthorized)
	})
	for _, tt := range []struct {
		name string
		cfg  webhook.Config
		want time.Time
	}{
		{"from the cloud", webhook.Config{Cloud: url}, date},
		{"not from others", webhook.Config{Cloud: "https://cloud.example.com", Origins: []string{url}}, time.Time{}},
	} {
		s := &signer{}
		tt.cfg.Signer = s
		_ = sender(t, tt.cfg).Post(t.Context(), url, "id", nil)
		if len(s.learned) != 1 || !s.learned[0].Equal(tt.want) {
			t.Errorf("%s: learned %v, want %v", tt.name, s.learned, tt.want)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	listener.Close()
	err = sender(t, webhook.Config{Cloud: url}).Post(t.Context(), url, "id", nil)
	if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.Status != 0 || e.Next != fault.TryAgain || !e.CanRetry() {
		t.Errorf("got %v", err)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	r, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 32<<10)) // must be read to the end for the connection to be used again
	})
	s := sender(t, webhook.Config{Cloud: url})
	for range 5 {
		if err := s.Post(t.Context(), url, "id", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, request := range r.requests[1:] {
		if request.RemoteAddr != r.requests[0].RemoteAddr {
			t.Fatalf("connections from %s and %s", r.requests[0].RemoteAddr, request.RemoteAddr)
		}
	}
}

// With the resolver and the dialer of a node.
func TestLocalhost(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	url = strings.Replace(url, "127.0.0.1", "localhost", 1)
	if err := sender(t, webhook.Config{Cloud: url}).Post(t.Context(), url+"/hook", "id", nil); err != nil || len(r.requests) != 1 {
		t.Errorf("%v; %d requests", err, len(r.requests))
	}
}

func TestSigningFails(t *testing.T) {
	t.Parallel()
	broken := &fault.AuthError{Reason: "broken"}
	_, url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("posted without a token") })
	err := sender(t, webhook.Config{Cloud: url, Signer: &signer{err: broken}}).Post(t.Context(), url, "id", nil)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []webhook.Config{{Cloud: "ftp://x"}, {Cloud: "https://x", Origins: []string{"x"}}} {
		if _, err := webhook.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// BenchmarkPost posts to a server that allocates nothing.
func BenchmarkPost(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for b := make([]byte, 4<<10); ; {
					// A request is small enough to come in one piece.
					if n, err := c.Read(b); err != nil || n == len(b) {
						return
					}
					if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
						return
					}
				}
			}()
		}
	}()
	url := "http://" + listener.Addr().String()
	s, err := webhook.New(webhook.Config{Cloud: url, Signer: &signer{}})
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Post(b.Context(), url+"/hook", "id", body); err != nil {
			b.Fatal(err)
		}
	}
}
