package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/socket"
)

// Client is the node behind a socket.
type Client struct {
	http *http.Client
	path string
}

var _ Outbox = (*Client)(nil)

const (
	dialLimit = 2 * time.Second
	askLimit  = time.Minute
	maxAnswer = 1<<30 + 1<<20 // the largest body that an outbox keeps, and then some
)

// Dial finds out whether a node answers at path. If none does the error is an
// ErrNobody.
func Dial(ctx context.Context, path string) (*Client, error) {
	c := &Client{path: path}
	c.http = &http.Client{Timeout: askLimit, Transport: &http.Transport{DialContext: c.dial}}
	conn, err := c.dial(ctx, "", "")
	if err != nil {
		return nil, c.wrap(fmt.Errorf("%w: %w", ErrNobody, err))
	}
	conn.Close()
	return c, nil
}

func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	short, done, err := socket.Short(c.path)
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := (&net.Dialer{Timeout: dialLimit}).DialContext(ctx, "unix", short)
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // the address is a shortened one
	}
	return conn, err
}

// Close gives the connections up.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// List implements Outbox.
func (c *Client) List(ctx context.Context, q Query) (p Page, err error) {
	err = c.askJSON(ctx, "/outbox", url.Values{"state": {q.State}, "after": {q.After}, "limit": {strconv.Itoa(q.Limit)}}, &p)
	return p, err
}

// Find implements Outbox.
func (c *Client) Find(ctx context.Context, jobID string) (e Entry, err error) {
	err = c.askJSON(ctx, "/outbox/job", url.Values{"id": {jobID}}, &e)
	return e, err
}

// Body implements Outbox.
func (c *Client) Body(ctx context.Context, jobID string) ([]byte, error) {
	return c.ask(ctx, http.MethodGet, "/outbox/body", url.Values{"id": {jobID}})
}

// Retry implements Outbox.
func (c *Client) Retry(ctx context.Context, jobID string) error {
	_, err := c.ask(ctx, http.MethodPost, "/outbox/retry", url.Values{"id": {jobID}})
	return err
}

// Drop implements Outbox.
func (c *Client) Drop(ctx context.Context, jobID string) error {
	_, err := c.ask(ctx, http.MethodPost, "/outbox/drop", url.Values{"id": {jobID}})
	return err
}

// MakeSafe has the hardware brought to rest now, where it may not be.
func (c *Client) MakeSafe(ctx context.Context) error {
	_, err := c.ask(ctx, http.MethodPost, "/device/make-safe", nil)
	return err
}

// ClearDevice takes the operator's word that the hardware is at rest.
func (c *Client) ClearDevice(ctx context.Context) error {
	_, err := c.ask(ctx, http.MethodPost, "/device/clear", nil)
	return err
}

func (c *Client) askJSON(ctx context.Context, what string, values url.Values, into any) error {
	text, err := c.ask(ctx, http.MethodGet, what, values)
	if err == nil {
		if err = json.Unmarshal(text, into); err != nil {
			err = c.wrap(err)
		}
	}
	return err
}

func (c *Client) ask(ctx context.Context, method, what string, values url.Values) ([]byte, error) {
	// The host is a word of ours: the connection leads to the socket.
	request, err := http.NewRequestWithContext(ctx, method, "http://node"+what+"?"+values.Encode(), nil)
	if err != nil {
		return nil, c.wrap(err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if at, ok := errors.AsType[*url.Error](err); ok {
			err = at.Err
		}
		return nil, c.wrap(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, c.wrap(err)
	}
	if response.StatusCode/100 == 2 {
		return text, nil
	}
	var said failure
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = "the node answers with HTTP " + strconv.Itoa(response.StatusCode)
	}
	cause := map[int]error{http.StatusNotFound: ErrUnknown, http.StatusConflict: ErrRefused}[response.StatusCode]
	return nil, &fault.NodeError{Op: op(what), Err: &answered{strings.TrimPrefix(said.Error, "outbox: "), cause}}
}

// op is what a path is about.
func op(path string) string {
	if strings.HasPrefix(path, "/device") {
		return "device"
	}
	return "outbox"
}

// answered is an error in the node's own words, with the cause that its status
// names, if any.
type answered struct {
	text  string
	cause error
}

func (e *answered) Error() string { return e.text }
func (e *answered) Unwrap() error { return e.cause }

func (c *Client) wrap(err error) error {
	return &fault.NodeError{Op: "control", Reason: "the node behind " + c.path, Retry: true, Err: err}
}
