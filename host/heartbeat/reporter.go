// Package heartbeat tells the cloud, again and again, that the node lives and
// what it does. A report that fails is logged; it stops nothing.
package heartbeat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

const (
	exchangeTimeout = 10 * time.Second
	maxAnswer       = 64 << 10
	maxDetail       = 800 // code points of a refusal that are kept
)

// Facts are what one report says.
type Facts struct {
	CurrentJob   string      // "" when idle
	LastJobAt    *time.Time  // when the last result was delivered; nil before the first
	RedisHealthy bool        // the queue can be read
	Connectivity [][2]uint16 // the device's edges; nil without a device
}

// Signer makes the tokens that the node shows.
type Signer interface {
	// Token is one that is good now. Its error is a *fault.AuthError.
	Token(now time.Time) (string, error)
	// Learn is told that the token was refused, and the cloud's time.
	Learn(date, now time.Time) bool
}

// Config is what a Reporter needs.
type Config struct {
	URL      string
	Interval time.Duration            // from the end of a report to the next
	Headers  map[string]config.Secret // extra headers
	Signer   Signer
	Facts    func() Facts // asked for each report

	UserAgent string            // of the requests, unless an extra header says otherwise; "": they have none
	Transport http.RoundTripper // nil: http.DefaultTransport
	Log       *slog.Logger      // nil: slog.Default
}

// Reporter sends heartbeats.
type Reporter struct {
	cfg     Config
	failing string // the last report's error, "" after a success
}

// New makes a Reporter.
func New(cfg Config) *Reporter {
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Reporter{cfg: cfg}
}

// Run reports at once and then after each interval, until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	for {
		r.log(ctx, r.Report(ctx))
		select {
		case <-time.After(r.cfg.Interval):
		case <-ctx.Done():
			return
		}
	}
}

// Report sends one heartbeat. An answer other than 2xx is a
// *fault.HeartbeatRejectedError, no answer a *fault.NodeError.
func (r *Reporter) Report(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	body := encode(r.cfg.Facts())
	request, err := http.NewRequestWithContext(bounded, http.MethodPost, r.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return &fault.NodeError{Op: "heartbeat", Reason: "the heartbeat URL cannot be requested"}
	}
	token, err := r.cfg.Signer.Token(time.Now())
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", r.cfg.UserAgent)
	(&config.Settings{Headers: r.cfg.Headers}).SetHeaders(request.Header)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")

	response, err := r.cfg.Transport.RoundTrip(request) // follows no redirects
	if err != nil {
		reason := "no answer"
		if ctx.Err() == nil && bounded.Err() != nil {
			reason = fmt.Sprintf("no answer within %s", exchangeTimeout)
		}
		return &fault.NodeError{Op: "heartbeat", Reason: reason, Retry: true, Err: err}
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	status := response.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		date, _ := http.ParseTime(response.Header.Get("Date"))
		r.cfg.Signer.Learn(date, time.Now())
	}
	return &fault.HeartbeatRejectedError{Status: status, Detail: detail(status, bytes.ReplaceAll(answer, []byte(token), []byte("[redacted]")))}
}

// log says once what fails and once that it no longer does.
func (r *Reporter) log(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		if r.failing != "" {
			r.cfg.Log.Info("heartbeats are taken again", "url", r.cfg.URL)
		}
		r.failing = ""
		return
	}
	text := err.Error()
	if text == r.failing {
		r.cfg.Log.Debug("heartbeat failed again", "error", err)
		return
	}
	r.failing = text
	advice := "the node goes on; the cloud shows it offline after about 90 s without a heartbeat"
	if rejected, ok := errors.AsType[*fault.HeartbeatRejectedError](err); ok && rejected.Status == http.StatusBadRequest {
		advice = "check that the device's connectivity fits the device registered at the cloud"
	}
	r.cfg.Log.Warn("heartbeat failed", "error", err, "advice", advice)
}

// detail is the cloud's own reason: its member error, else its text, else the
// status in words.
func detail(status int, answer []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) == nil {
		if raw, ok := members["error"]; ok && string(raw) != "null" {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				text = string(raw)
			}
			return cut(text)
		}
	}
	if text := strings.TrimSpace(strings.ToValidUTF8(string(answer), "\uFFFD")); text != "" {
		return cut(text)
	}
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "unknown error"
}

func cut(text string) string {
	if r := []rune(text); len(r) > maxDetail {
		return string(r[:maxDetail])
	}
	return text
}
