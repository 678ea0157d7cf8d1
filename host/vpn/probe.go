package vpn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	probeLimit = 5 * time.Second
	firstRetry = time.Second // after a failed round; then twice as long, up to the interval
	mendAfter  = 3           // intervals without an answer through an own tunnel that seems well: it is made anew
	maxMends   = 6           // doublings of that
	maxAnswer  = 200         // characters of an error
)

// answer is what the last round of probes came to.
type answer uint8

const (
	unknown answer = iota // there was none since the tunnel came up
	passed
	refused
)

// probe asks all targets side by side, unless they are being asked. Where there is
// none, that is an answer too.
func (g *Guard) probe(ctx context.Context) {
	if g.probing != nil || g.tunnel.Name == "" {
		return
	}
	if len(g.Targets) == 0 {
		g.probed = passed
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	answers := make(chan []error, 1)
	g.probing, g.answers = cancel, answers
	g.asking.Go(func() {
		defer cancel()
		errs := make([]error, len(g.Targets))
		var all sync.WaitGroup
		for i, target := range g.Targets {
			all.Go(func() { errs[i] = g.Probe(ctx, target) })
		}
		all.Wait()
		answers <- errs
	})
}

// forget gives up what probes said, and are saying, of a tunnel that is no more.
func (g *Guard) forget() {
	g.probed = unknown
	if g.probing != nil {
		g.probing()
		g.probing, g.answers = nil, nil
	}
}

// judge takes in a round of answers and returns when the next is due.
func (g *Guard) judge(errs []error) time.Duration {
	g.probing, g.answers = nil, nil
	var said []string
	for i, err := range errs {
		if err != nil {
			said = append(said, fmt.Sprintf("%s: %s", Shown(g.Targets[i]), first(err.Error(), maxAnswer)))
		}
	}
	if len(said) == 0 {
		g.probed, g.rounds, g.mends = passed, 0, 0
		return g.Interval
	}
	g.probed, g.refusal = refused, "no answer through the tunnel: "+strings.Join(said, "; ")
	if g.rounds == 0 {
		g.since = time.Now()
	}
	g.rounds++
	if g.Own != nil && time.Since(g.since) >= mendAfter*g.Interval<<min(g.mends, maxMends) {
		g.Own.Restart(g.tunnel.own.Since, "nothing answers through the tunnel")
		g.rounds = 0
		g.mends++
	}
	if wait := firstRetry << min(g.rounds, 10); wait < g.Interval {
		return wait
	}
	return g.Interval
}

// Shown is a URL without what may be secret.
func Shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "a URL that cannot be read"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// first are the first n characters.
func first(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i] + "…"
		}
		n--
	}
	return text
}

// Prober asks targets over HTTP.
type Prober struct {
	// Headers sets the headers of a request to the cloud.
	Headers func(url string, h http.Header)
}

// Probe sends a HEAD request on a connection of its own. Any answer below 500 is
// one; redirects are not followed.
func (p Prober) Probe(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return errors.New("it is no URL that can be asked")
	}
	if p.Headers != nil {
		p.Headers(url, request.Header)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	response, err := transport.RoundTrip(request)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %s", probeLimit)
		}
		return err
	}
	response.Body.Close()
	if response.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("HTTP %d", response.StatusCode)
	}
	return nil
}
