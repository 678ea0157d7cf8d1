package instrument

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/config"
)

// client sends the requests of one grant. It has connections of its own. A redirect
// is the answer, for it would lead out of the grant; there are no cookies, and no
// proxy from the environment.
type client struct {
	transport *http.Transport
	base      *url.URL
	headers   http.Header // that the grant sets
	secrets   [][]byte    // of headers, that no answer may repeat
}

const (
	maxAnswerHeaders = 64 << 10
	leastSecret      = 8 // bytes; shorter ones are in any text by chance
)

func newClient(e config.Endpoint) (*client, error) {
	base, err := url.Parse(e.Base)
	if err != nil {
		return nil, errors.New("its URL was not read")
	}
	secure, err := tlsConfig(e)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: e.ConnectTimeout, KeepAliveConfig: keepAlive}
	c := &client{base: base, headers: http.Header{}, transport: &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        secure,
		TLSHandshakeTimeout:    e.ConnectTimeout,
		DisableCompression:     true, // the guest gets what was sent
		MaxIdleConnsPerHost:    4,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        keepAlive.Idle,
		MaxResponseHeaderBytes: maxAnswerHeaders,
	}}
	for name, source := range e.Headers {
		value, err := source.Read()
		if err != nil {
			return nil, fmt.Errorf("headers.%s: %w", name, err)
		}
		c.headers.Set(name, string(value))
		if source.Elsewhere() {
			c.guard(string(value))
		}
	}
	return c, nil
}

// guard remembers a secret, and the token in one such as "Bearer token".
func (c *client) guard(value string) {
	for _, secret := range []string{value, value[strings.LastIndexByte(value, ' ')+1:]} {
		if len(secret) >= leastSecret {
			c.secrets = append(c.secrets, []byte(secret))
		}
	}
}

func (d *door) send(ctx context.Context, call *effect.Call) effect.Answer {
	g, refusal := d.bench.grant(call.Text, "http")
	if g == nil {
		return refusal
	}
	ctx, cancel := context.WithTimeout(ctx, g.bound(milliseconds(call.Number)))
	defer cancel()
	if err := g.pass(ctx); err != nil {
		return g.fail(ctx, "http.send", err)
	}
	request, err := g.http.request(ctx, call, g.MaxBytes)
	if err != nil {
		return g.refuse(effect.OutOfRange, "takes no such request: %v", err)
	}
	g.open.Add(1)
	defer g.open.Add(-1)
	g.gave(len(call.Data))
	response, err := g.http.transport.RoundTrip(request)
	if err != nil {
		return g.fail(ctx, "http.send", err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return g.fail(ctx, "http.send", errors.New("the server changed the protocol, which nobody asked for"))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(g.MaxBytes)+1))
	g.took(len(body))
	switch {
	case err != nil:
		return g.fail(ctx, "http.send", err)
	case uint64(len(body)) > g.MaxBytes:
		return g.refuse(effect.OutOfRange, "answered with more than %d bytes", g.MaxBytes)
	}
	answer := effect.Answer{Number: uint64(response.StatusCode), Data: body, Pairs: headersOf(response)}
	if g.http.repeats(&answer) {
		return g.fail(ctx, "http.send", errors.New("the answer repeats a secret of the request's headers, so the guest does not get it"))
	}
	return answer
}

// isClosedIdle reports whether a server closed a connection that was kept, before or as
// a request went out. The library has no name for it.
func isClosedIdle(err error) bool {
	return strings.Contains(err.Error(), "http: server closed idle connection")
}

// headersOf are an answer's headers, their names in lower case and in order; the
// values of one name keep theirs. Those about the connection are the host's.
func headersOf(response *http.Response) [][2]string {
	var pairs [][2]string
	for name, values := range response.Header {
		if name = strings.ToLower(name); name == "connection" || name == "keep-alive" {
			continue
		}
		for _, value := range values {
			pairs = append(pairs, [2]string{name, value})
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return pairs
}

// repeats reports whether an answer holds a secret, as servers that show a request
// back do.
func (c *client) repeats(answer *effect.Answer) bool {
	for _, secret := range c.secrets {
		if bytes.Contains(answer.Data, secret) {
			return true
		}
		for _, pair := range answer.Pairs {
			if strings.Contains(pair[1], string(secret)) {
				return true
			}
		}
	}
	return false
}
