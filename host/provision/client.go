// Package provision logs a node on to the cloud: for the first time with a
// one-time token, later with a token that it signs itself. What the cloud
// answers becomes the node's settings.
package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// Signer makes the tokens of a node that was provisioned before.
type Signer interface {
	// Token is one that is good now. Its error is a *fault.AuthError.
	Token(now time.Time) (string, error)
	// Learn takes the cloud's clock from an answer that refused a token, and
	// reports whether later tokens will be dated differently.
	Learn(date, now time.Time) bool
}

// Keeper keeps the credentials of this node between runs.
type Keeper interface {
	Save(config.Settings) error
}

// Config is what a Client needs beside the settings. The zero value connects
// with a token and keeps nothing.
type Config struct {
	Signer       Signer      // for settings without a token
	Keeper       Keeper      // nil: nothing is kept
	Connectivity [][2]uint16 // the device's edges; nil: no device is known

	// CheckKey and CheckProfile judge what the cloud sent, before anything is
	// kept; nil accepts everything. Their errors must not show what they judge.
	CheckKey     func(config.Secret) error
	CheckProfile func(profile string) error

	// Kill, if set, cuts off even a request that carries a token, when it is closed.
	Kill <-chan struct{}

	UserAgent string            // of the requests, unless an extra header says otherwise; "": they have none
	Transport http.RoundTripper // nil: http.DefaultTransport
	Log       *slog.Logger      // nil: slog.Default
}

// Client connects a node. A Client is for one call at a time.
type Client struct {
	cfg Config
}

// New makes a Client.
func New(cfg Config) *Client {
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Client{cfg: cfg}
}

// Connect logs on: with the settings' token where there is one, else with a
// signed token. The answer is validated whole and kept before anything else is
// done with it. The token is not in the settings that come back.
//
// A token works once, and what it is redeemed for comes once. So the end of ctx
// does not touch a request that carries one, nor the keeping of its answer: it
// counts before an attempt and between two. Such a request ends with its answer,
// with the settings' ConnectTimeout, or with Kill.
//
// Errors: *fault.NodeError when the cloud cannot be reached, refuses, or
// answers what cannot be used, and when the credentials cannot be kept;
// *fault.AuthError for a key that cannot sign. TokenLost tells whether a token may
// have gone with it.
func (c *Client) Connect(ctx context.Context, settings config.Settings) (Bundle, error) {
	request, err := c.request(settings)
	if err != nil {
		return Bundle{}, err
	}
	body, err := c.exchange(ctx, settings, request)
	if err != nil {
		return Bundle{}, err
	}
	bundle, err := c.accept(settings, body)
	if err != nil && settings.NodeToken != "" {
		err = spent(err)
	}
	return bundle, err
}

// accept judges the answer and keeps what it brought.
func (c *Client) accept(settings config.Settings, body []byte) (Bundle, error) {
	if len(body) > maxBundle {
		return Bundle{}, bad(fmt.Errorf("it is larger than %d bytes", maxBundle))
	}
	bundle, err := Apply(settings, body, c.cfg.CheckProfile)
	if err != nil {
		return Bundle{}, err
	}
	if c.cfg.CheckKey != nil {
		if err := c.cfg.CheckKey(bundle.Settings.JWTPrivateKey); err != nil {
			return Bundle{}, err
		}
	}
	if settings.NodeToken != "" {
		bundle.Settings.Provenance.TokenHash = config.HashToken(settings.NodeToken)
		bundle.Settings.NodeToken = ""
	}
	if c.cfg.Keeper != nil {
		if err := c.cfg.Keeper.Save(bundle.Settings); err != nil {
			return Bundle{}, err
		}
	}
	return bundle, nil
}

func (c *Client) request(settings config.Settings) ([]byte, error) {
	if settings.NodeToken == "" && c.cfg.Signer == nil {
		return nil, &fault.NodeError{Op: "connect",
			Reason: "there is neither a token nor a key to sign with; set CODA_NODE_TOKEN"}
	}
	body, err := json.Marshal(struct {
		Fingerprint  string      `json:"machine_fingerprint"`
		Connectivity [][2]uint16 `json:"connectivity,omitzero"` // omitted without a device, never null
	}{settings.Fingerprint, c.cfg.Connectivity})
	if err != nil {
		return nil, &fault.NodeError{Op: "connect", Reason: "cannot write the request", Err: err}
	}
	return body, nil
}

// exchange posts until the cloud takes the request, refuses it, or the attempts
// are used up.
func (c *Client) exchange(ctx context.Context, settings config.Settings, body []byte) ([]byte, error) {
	attempts := max(1, settings.ConnectRetries)
	url := settings.ConnectURL()
	withToken := settings.NodeToken != ""
	lost := 0 // the first attempt with a token whose answer was lost
	learned := false
	for k := 1; ; k++ {
		if ctx.Err() != nil {
			return nil, interrupted(ctx, lost)
		}
		answer, failure := c.attempt(ctx, settings, url, body)
		if failure == nil {
			return answer, nil
		}
		if withToken && failure.lost && lost == 0 {
			lost = k
		}
		if ctx.Err() != nil && failure.retry {
			return nil, interrupted(ctx, lost)
		}
		if failure.clock && !learned {
			c.cfg.Log.Warn("this machine's clock differs from the cloud's; connecting by the cloud's", "url", url)
			learned = true
			k--
			continue
		}
		if !failure.retry {
			return nil, failure.final(lost)
		}
		if k >= attempts {
			return nil, &fault.NodeError{Op: "connect", Retry: true,
				Reason: fmt.Sprintf("no success in %s at %s%s", times(attempts), url, redeemed(lost)), Err: costing(lost, failure.err)}
		}
		wait := backoff(k, failure.retryAfter)
		c.cfg.Log.Warn("connecting failed, trying again", "attempt", k, "of", attempts, "wait", wait, "error", failure.err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// interrupted is the error of a log-on that was told to end. Lost is as in
// redeemed.
func interrupted(ctx context.Context, lost int) error {
	return &fault.NodeError{Op: "connect", Reason: "interrupted" + redeemed(lost), Retry: true, Err: costing(lost, ctx.Err())}
}

func times(attempts int) string {
	if attempts == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", attempts)
}
