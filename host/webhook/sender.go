// Package webhook reports what became of a job: it makes the body, signs it and
// posts it, once per call. Trying again is the caller's.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

const (
	exchangeTimeout = 30 * time.Second // from the connection to the answer's end
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

	Resolver Resolver // nil: net.DefaultResolver
	// Dial makes the connections. What it is given is an address and a port, never a
	// name, except for a proxy. nil: as net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Proxy finds the proxy for a request; nil: http.ProxyFromEnvironment. It is asked
	// once for each origin, and only for https, where a proxy sees no token.
	Proxy func(*http.Request) (*url.URL, error)
}

// Sender posts results. It is safe for concurrent use.
type Sender struct {
	cloud      string                     // origin
	transports map[string]*http.Transport // by allowed origin
	headers    http.Header                // to the cloud's own
	userAgent  []string
	signer     Signer
}

// New makes a Sender. The error is a *fault.ConfigError.
func New(cfg Config) (*Sender, error) {
	s := &Sender{
		transports: map[string]*http.Transport{},
		headers:    http.Header{},
		userAgent:  []string{cfg.UserAgent},
		signer:     cfg.Signer,
	}
	(&config.Settings{Headers: cfg.Headers}).SetHeaders(s.headers)
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Dial == nil {
		cfg.Dial = new(net.Dialer).DialContext
	}
	if cfg.Proxy == nil {
		cfg.Proxy = http.ProxyFromEnvironment
	}
	direct := newTransport((&dialer{cfg.Resolver, cfg.Dial}).DialContext)
	var err error
	if s.cloud, err = s.allow(&cfg, direct, cfg.Cloud); err != nil {
		return nil, &fault.ConfigError{Where: "CODA_WEBAPP_URL", Err: err}
	}
	for _, raw := range cfg.Origins {
		if _, err := s.allow(&cfg, direct, raw); err != nil {
			return nil, &fault.ConfigError{Where: "CODA_CALLBACK_ORIGINS", Err: err}
		}
	}
	return s, nil
}

// allow lets results go to the origin of a URL, which it returns.
func (s *Sender) allow(cfg *Config, direct *http.Transport, raw string) (string, error) {
	origin, err := config.Origin(raw)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequest(http.MethodPost, origin, nil)
	if err != nil {
		return "", err
	}
	if written, err := netip.ParseAddr(request.URL.Hostname()); err == nil {
		if err := checkAddress(written.String(), written); err != nil {
			return "", fmt.Errorf("%s: %w", origin, err)
		}
	}
	s.transports[origin] = direct
	if request.URL.Scheme != "https" {
		return origin, nil
	}
	proxy, err := cfg.Proxy(request)
	if err != nil {
		return "", errors.New("HTTPS_PROXY in the environment is not the URL of a proxy") // which may hold a password
	}
	if proxy != nil {
		proxied := newTransport(cfg.Dial)
		proxied.Proxy = http.ProxyURL(proxy)
		s.transports[origin] = proxied
	}
	return origin, nil
}

// newTransport keeps connections open for many concurrent posts. It speaks
// HTTP/1.1 alone, so that an answer that does not end costs its own connection, and
// no other answer waits behind it.
func newTransport(dial dial) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.DialContext = limit(dial)
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.ForceAttemptHTTP2 = false
	t.MaxIdleConns = 0 // bounded per host
	t.MaxIdleConnsPerHost = 256
	t.MaxConnsPerHost = 256
	t.MaxResponseHeaderBytes = maxAnswerHeader
	t.DisableCompression = true // what is read is bounded as it is sent
	return t
}

// Post signs a body and posts it once under an id. It returns nil when the
// receiver took it, else a *fault.WebhookError that says what is to follow.
// Redirects are not followed, the exchange takes at most 30 s, and of the answer at
// most 64 KiB are read. The id and the bytes make a repetition harmless:
// over a kept connection that turns out closed, net/http sends them again on a
// new one.
func (s *Sender) Post(ctx context.Context, url, id string, body []byte) error {
	origin, err := s.origin(url)
	if err != nil {
		return err
	}
	to, err := within(origin, url)
	if err != nil {
		return refused(url, "the callback URL is not a URL")
	}
	bounded, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	traced := httptrace.WithClientTrace(bounded, &httptrace.ClientTrace{GotConn: anotherAnswer})
	request, err := http.NewRequestWithContext(traced, http.MethodPost, origin, bytes.NewReader(body))
	if err != nil {
		return refused(url, "the callback URL cannot be requested")
	}
	request.URL = to
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

	response, err := s.transports[origin].RoundTrip(request)
	if err != nil {
		failure := &fault.WebhookError{URL: safeURL(url), Retry: true, Reason: "no answer", Err: quoted{err}}
		if ctx.Err() == nil && bounded.Err() != nil {
			failure.Reason = "no answer within 30 s"
		}
		if isElsewhere(err) {
			failure.Next = fault.Misdirected
		}
		return failure
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

// quoted is an error of net/http, which may repeat what the receiver sent.
type quoted struct{ error }

func (q quoted) Error() string { return printable(q.error.Error()) }
func (q quoted) Unwrap() error { return q.error }

// isElsewhere reports whether a connection failed because it would have ended, or
// did end, at somebody else.
func isElsewhere(err error) bool {
	_, strayed := errors.AsType[*strayedError](err)
	_, posed := errors.AsType[*tls.CertificateVerificationError](err)
	return strayed || posed
}

// drain reads an answer to its end, so that its connection can be used again,
// and returns the beginning of one that explains a failure. A longer answer
// costs its connection.
func drain(response *http.Response) []byte {
	defer response.Body.Close()
	if response.StatusCode < 200 {
		return nil // another protocol follows, whose end no timeout of net/http brings
	}
	var excerpt []byte
	if response.StatusCode >= 300 {
		excerpt = make([]byte, excerptLength)
		n, _ := io.ReadFull(response.Body, excerpt)
		excerpt = excerpt[:n]
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return excerpt
}
