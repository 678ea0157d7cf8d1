// Package webhook reports what became of a job: it makes the body, signs it and
// posts it, once per call. Trying again is the caller's.
package webhook

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

const (
	exchangeTimeout = 30 * time.Second // from the connection to the answer's end
	maxAnswer       = 64 << 10         // read of an answer's body
	maxAnswerHeader = 32 << 10
	excerptLength   = 800
)

// Signer makes the tokens that the node shows. Implementers are safe for
// concurrent use.
type Signer interface {
	// Token is one that is good now. Its error is a *fault.AuthError.
	Token(now time.Time) (string, error)
	// Learn is told that the token was refused, and the receiver's time if it
	// may be trusted; later tokens are signed anew.
	Learn(date, now time.Time) bool
}

// Config is what a Sender needs.
type Config struct {
	Cloud   string                   // the cloud's base URL
	Origins []string                 // others that may receive results, as config.Origin writes them
	Headers map[string]config.Secret // sent to the cloud's own origin only
	Signer  Signer

	UserAgent string // of the requests, unless an extra header says otherwise; "": they have none

	// Transport carries the requests; nil stands for one that keeps
	// connections open for many concurrent posts, and makes them with Dial.
	Transport http.RoundTripper
	Dial      func(ctx context.Context, network, address string) (net.Conn, error) // nil: as net/http does
}

// Sender posts results. It is safe for concurrent use.
type Sender struct {
	cloud     string // origin
	origins   map[string]bool
	headers   http.Header // to the cloud's own
	userAgent []string
	signer    Signer
	transport http.RoundTripper
}

// New makes a Sender. The error is a *fault.ConfigError.
func New(cfg Config) (*Sender, error) {
	cloud, err := config.Origin(cfg.Cloud)
	if err != nil {
		return nil, &fault.ConfigError{Where: "CODA_WEBAPP_URL", Reason: err.Error()}
	}
	s := &Sender{
		cloud:     cloud,
		origins:   map[string]bool{cloud: true},
		headers:   http.Header{},
		userAgent: []string{cfg.UserAgent},
		signer:    cfg.Signer,
		transport: cfg.Transport,
	}
	for _, raw := range cfg.Origins {
		origin, err := config.Origin(raw)
		if err != nil {
			return nil, &fault.ConfigError{Where: "CODA_CALLBACK_ORIGINS", Reason: err.Error()}
		}
		s.origins[origin] = true
	}
	(&config.Settings{Headers: cfg.Headers}).SetHeaders(s.headers)
	if s.transport == nil {
		s.transport = newTransport(cfg.Dial)
	}
	return s, nil
}

func newTransport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if dial != nil {
		t.DialContext = dial
	}
	t.MaxIdleConns = 0 // bounded per host
	t.MaxIdleConnsPerHost = 256
	t.MaxConnsPerHost = 256
	t.MaxResponseHeaderBytes = maxAnswerHeader
	t.DisableCompression = true // what is read is bounded as it is sent
	return t
}

// Post signs a body and posts it once under an id. It returns nil when the
// receiver took it, else a *fault.WebhookError that says what is to follow.
// Redirects are not followed. The id and the bytes make a repetition harmless:
// over a kept connection that turns out closed, net/http sends them again on a
// new one.
func (s *Sender) Post(ctx context.Context, url, id string, body []byte) error {
	origin, err := s.origin(url)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(bounded, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return refused(url, "the callback URL cannot be requested")
	}
	token, err := s.signer.Token(time.Now())
	if err != nil {
		return &fault.WebhookError{URL: safeURL(url), Retry: true, Reason: "cannot sign", Err: err}
	}
	request.Header["User-Agent"] = s.userAgent
	own := origin == s.cloud
	if own {
		for name, values := range s.headers {
			request.Header[name] = values
		}
	}
	request.Header["Authorization"] = []string{"Bearer " + token}
	request.Header["Content-Type"] = contentType
	request.Header["Webhook-Id"] = []string{id}
	request.Header["Idempotency-Key"] = request.Header["Webhook-Id"]

	response, err := s.transport.RoundTrip(request)
	if err != nil {
		reason := "no answer"
		if ctx.Err() == nil && bounded.Err() != nil {
			reason = "no answer within 30 s"
		}
		return &fault.WebhookError{URL: safeURL(url), Retry: true, Reason: reason, Err: err}
	}
	excerpt := drain(response)
	now := time.Now()
	failure := judge(response.StatusCode, response.Header, excerpt, now)
	if failure == nil {
		return nil
	}
	failure.URL = safeURL(url)
	if failure.Next == fault.SignAgain {
		var date time.Time // only the cloud itself may set the clock that tokens are dated by
		if own {
			date, _ = http.ParseTime(response.Header.Get("Date"))
		}
		s.signer.Learn(date, now)
	}
	return failure
}

var contentType = []string{"application/json"}

// drain reads an answer to its end, so that its connection can be used again,
// and returns the beginning of one that explains a failure. A longer answer
// costs its connection.
func drain(response *http.Response) []byte {
	defer response.Body.Close()
	limited := io.LimitedReader{R: response.Body, N: maxAnswer}
	var excerpt []byte
	if response.StatusCode >= 300 {
		excerpt = make([]byte, excerptLength)
		n, _ := io.ReadFull(&limited, excerpt)
		excerpt = excerpt[:n]
	}
	_, _ = io.Copy(io.Discard, &limited)
	return excerpt
}
