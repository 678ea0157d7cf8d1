package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

const (
	maxBundle     = 1 << 20 // bytes of an answer; a tunnel's profile has at most 256 KiB
	maxDetail     = 400     // code points of a refusal that are shown
	firstWait     = time.Second
	maxWait       = time.Minute
	maxRetryAfter = 5 * time.Minute
)

// failure is an attempt that brought no bundle.
type failure struct {
	err        error
	retry      bool
	lost       bool // the request may have been carried out all the same
	clock      bool // the token was refused, and the next will be dated by the cloud's clock
	retryAfter time.Duration
}

// final is the error for a refused attempt. After a lost answer to a token, the
// refusal may be the echo of our own success.
func (f *failure) final(lost int) error {
	if ours, ok := errors.AsType[fault.Error](f.err); ok {
		return ours // it was not the cloud who refused
	}
	return &fault.NodeError{Op: "connect", Reason: "the cloud refused" + redeemed(lost), Err: costing(lost, f.err)}
}

// attempt posts once. It returns the body of a 2xx answer, of which no more than
// maxBundle+1 bytes are read.
func (c *Client) attempt(ctx context.Context, settings config.Settings, url string, body []byte) ([]byte, *failure) {
	bearer, err := c.bearer(settings)
	if err != nil {
		return nil, &failure{err: err}
	}
	if settings.NodeToken != "" {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, settings.ConnectTimeout)
	defer cancel()
	go func() {
		select {
		case <-c.cfg.Kill: // nil: never
			cancel()
		case <-ctx.Done():
		}
	}()
	var connecting atomic.Bool // and whoever is to be reached has heard nothing yet
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connecting.Store(false) },
	}), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, &failure{err: &fault.NodeError{Op: "connect", Reason: "the connect URL cannot be requested; correct CODA_CONNECT_PATH"}}
	}
	request.Header.Set("User-Agent", c.cfg.UserAgent)
	settings.SetHeaders(request.Header)
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Content-Type", "application/json")

	response, err := c.cfg.Transport.RoundTrip(request) // follows no redirects
	if err != nil {
		return nil, &failure{err: timedOut(ctx, settings, err), retry: true, lost: !connecting.Load()}
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBundle+1))
	switch status := response.StatusCode; {
	case status < 200 || status > 299:
		return nil, c.refusal(settings, response, answer, bearer)
	case err != nil:
		return nil, &failure{err: timedOut(ctx, settings, err), retry: true, lost: true}
	}
	return answer, nil
}

func (c *Client) bearer(settings config.Settings) (string, error) {
	if settings.NodeToken != "" {
		return string(settings.NodeToken), nil
	}
	return c.cfg.Signer.Token(time.Now())
}

func (c *Client) refusal(settings config.Settings, response *http.Response, answer []byte, bearer string) *failure {
	now := time.Now()
	f := &failure{
		err:        errors.New("HTTP " + strconv.Itoa(response.StatusCode) + ": " + detail(answer, bearer)),
		retryAfter: retryAfter(response.Header.Get("Retry-After"), now),
	}
	switch status := response.StatusCode; {
	case status >= 500:
		// A gateway may have lost the answer of a cloud that did the work.
		f.retry, f.lost = true, true
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests:
		f.retry = true
	case settings.NodeToken == "" && (status == http.StatusUnauthorized || status == http.StatusForbidden):
		date, _ := http.ParseTime(response.Header.Get("Date"))
		f.clock = c.cfg.Signer.Learn(date, now)
	}
	return f
}

// detail is the beginning of the cloud's own words, without our credential.
func detail(answer []byte, bearer string) string {
	text := strings.ToValidUTF8(string(answer), "\uFFFD")
	text = strings.ReplaceAll(text, bearer, "[redacted]")
	text = strings.TrimSpace(text)
	if r := []rune(text); len(r) > maxDetail {
		text = string(r[:maxDetail])
	}
	if text == "" {
		return "no reason given"
	}
	return text
}

func timedOut(ctx context.Context, settings config.Settings, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", settings.ConnectTimeout)
	}
	return err
}

// backoff doubles from a second, spread by half either way so that nodes that
// failed together do not return together. The cloud may ask for more.
func backoff(attempt int, retryAfter time.Duration) time.Duration {
	wait := min(firstWait<<min(attempt-1, 16), maxWait)
	wait = wait/2 + rand.N(wait)
	return max(wait, retryAfter)
}

// retryAfter reads seconds or a date; what cannot be read counts as nothing.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, min(date.Sub(now), maxRetryAfter))
}
