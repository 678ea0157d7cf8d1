// Package stream talks to instruments over byte streams: TCP, TLS, Unix sockets,
// serial lines and devices, which the operator grants by name. A stream is a
// net.Conn, so whatever speaks a protocol over one works on it.
//
// A call waits in the node, and the whole program with it: no other goroutine runs
// meanwhile. A job that is cancelled ends the wait, with coda.ErrCancelled.
//
// Use a bufio.Reader on a Conn, or its ReadUntil and ReadExact, but not both.
//
// It is a package of its own because net adds 300 kB to a module.
package stream

import (
	"errors"
	"io"
	"math"
	"net"
	"os"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

func init() { guest.LearnKinds() }

// Conn is a stream. Its errors are *coda.IOError, and io.EOF at the end. Like the
// executor it belongs to, it is for one goroutine at a time.
type Conn struct {
	endpoint string
	handle   uint32 // 0 once closed

	readBy, writeBy time.Time     // deadlines
	timeout         time.Duration // of one call, where there is no deadline
	told            uint32        // what the node was last told, in milliseconds
}

var _ net.Conn = (*Conn)(nil)

// Dial opens the stream behind an endpoint. It lives as long as the instance, across
// jobs, unless it is closed.
func Dial(endpoint string) (*Conn, error) {
	handle, failure := guest.StreamOpen(endpoint)
	if failure != nil {
		return nil, ioError("dial", endpoint, failure)
	}
	return &Conn{endpoint: endpoint, handle: handle}, nil
}

// Read reads what has arrived, at least one byte.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	data, err := c.read("read", func() ([]byte, *guest.IOFailure) {
		return guest.StreamRead(c.handle, length(len(p)))
	})
	if err == nil && len(data) == 0 {
		err = io.EOF
	}
	return copy(p, data), err
}

// ReadExact reads n bytes, in one call to the node. Where the stream ends before
// them the error is io.ErrUnexpectedEOF, and what had arrived is lost.
func (c *Conn) ReadExact(n int) ([]byte, error) {
	data, err := c.read("read", func() ([]byte, *guest.IOFailure) {
		return guest.StreamReadExact(c.handle, length(n))
	})
	if e, ok := errors.AsType[*coda.IOError](err); ok && e.Kind == coda.IOClosed && e.Err == nil {
		e.Err = io.ErrUnexpectedEOF
	}
	return data, err
}

// ReadUntil reads up to and with delimiter, in one call to the node. Without the
// delimiter at its end is what was cut at limit bytes, or what was left at the end of
// the stream; io.EOF says that nothing was.
func (c *Conn) ReadUntil(delimiter byte, limit int) ([]byte, error) {
	data, err := c.read("read", func() ([]byte, *guest.IOFailure) {
		return guest.StreamReadUntil(c.handle, delimiter, length(limit))
	})
	if err == nil && len(data) == 0 && limit > 0 {
		err = io.EOF
	}
	return data, err
}

func (c *Conn) read(op string, call func() ([]byte, *guest.IOFailure)) ([]byte, error) {
	if err := c.ready(op, c.readBy); err != nil {
		return nil, err
	}
	data, failure := call()
	if failure != nil {
		return nil, ioError(op, c.endpoint, failure)
	}
	return data, nil
}

// Write writes all of p, or says why not: how much of it went out is not known then.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.ready("write", c.writeBy); err != nil {
		return 0, err
	}
	if failure := guest.StreamWrite(c.handle, p); failure != nil {
		return 0, ioError("write", c.endpoint, failure)
	}
	return len(p), nil
}

// Close gives the endpoint back. What is called later fails with net.ErrClosed.
func (c *Conn) Close() error {
	if c.handle == 0 {
		return c.closed("close")
	}
	guest.StreamDrop(c.handle)
	c.handle = 0
	return nil
}

// SetTimeout bounds each later call that no deadline bounds; 0 leaves the limit that
// the operator set, which always holds.
func (c *Conn) SetTimeout(d time.Duration) error {
	c.timeout = max(d, 0)
	return c.open("set")
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *Conn) SetDeadline(t time.Time) error {
	c.readBy, c.writeBy = t, t
	return c.open("set")
}

// SetReadDeadline ends later reads at t; the zero time takes that back. It does not
// end a read that waits already: nothing else runs meanwhile.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.readBy = t
	return c.open("set")
}

// SetWriteDeadline ends later writes at t; the zero time takes that back.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writeBy = t
	return c.open("set")
}

// LocalAddr is the endpoint: no executor sees an address.
func (c *Conn) LocalAddr() net.Addr { return Endpoint(c.endpoint) }

// RemoteAddr is the endpoint.
func (c *Conn) RemoteAddr() net.Addr { return Endpoint(c.endpoint) }

// Endpoint is the address of a stream: the name that the operator gave it.
type Endpoint string

// Network is "coda".
func (Endpoint) Network() string { return "coda" }

func (e Endpoint) String() string { return string(e) }

// ready tells the node how long the next call may take, where it does not know.
func (c *Conn) ready(op string, deadline time.Time) error {
	if err := c.open(op); err != nil {
		return err
	}
	limit := c.timeout
	if !deadline.IsZero() {
		if limit = time.Until(deadline); limit <= 0 {
			return &coda.IOError{Op: op, Endpoint: c.endpoint, Kind: coda.IOTimedOut, Message: "the deadline has passed", Err: os.ErrDeadlineExceeded}
		}
	}
	if ms := milliseconds(limit); ms != c.told {
		guest.StreamSetTimeout(c.handle, ms)
		c.told = ms
	}
	return nil
}

func (c *Conn) open(op string) error {
	if c.handle == 0 {
		return c.closed(op)
	}
	return nil
}

func (c *Conn) closed(op string) error {
	return &coda.IOError{Op: op, Endpoint: c.endpoint, Kind: coda.IOClosed, Message: "it was closed here", Err: net.ErrClosed}
}

// milliseconds rounds up: 0 would be no limit.
func milliseconds(d time.Duration) uint32 {
	return uint32(min((d+time.Millisecond-1)/time.Millisecond, math.MaxUint32))
}

func length(n int) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) }

func ioError(op, endpoint string, f *guest.IOFailure) error {
	return &coda.IOError{Op: op, Endpoint: endpoint, Kind: coda.IOKind(f.Kind), Message: f.Message}
}
