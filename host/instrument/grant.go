package instrument

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/config"
	"go.bug.st/serial"
)

// grant is one endpoint, for all guests together.
type grant struct {
	config.Endpoint
	name string
	log  *slog.Logger
	tls  *tls.Config // tls
	http *client     // http and https

	callBudget, byteBudget bucket
	complaints             bucket // how much of a guest's misfortune the log takes

	lease lease
	stuck atomic.Int64 // calls that the system would not let go of

	open                             atomic.Int64
	calls, errors, bytesIn, bytesOut atomic.Uint64
}

const maxComplaints = 10 // in a minute, of one grant

func newGrant(name string, e config.Endpoint, log *slog.Logger) (*grant, error) {
	g := &grant{
		Endpoint:   e,
		name:       name,
		log:        log.With("endpoint", name),
		callBudget: bucket{perSecond: float64(e.CallsPerSecond), most: float64(e.CallsPerSecond)},
		byteBudget: bucket{perSecond: float64(e.BytesPerSecond), most: float64(e.BytesPerSecond)},
		complaints: bucket{perSecond: maxComplaints / 60.0, most: maxComplaints},
	}
	var err error
	switch e.Scheme {
	case "tls":
		g.tls, err = tlsConfig(e)
	case "http", "https":
		g.http, err = newClient(e)
	case "tcp", "unix", "serial", "file", "mmio":
	default:
		err = errors.New("its URL was not read")
	}
	return g, err
}

// heldBack is a call whose time went by before the grant's own limits allowed it.
type heldBack struct {
	limit string
	err   error
}

func (e *heldBack) Error() string { return "waited for " + e.limit + ": " + e.err.Error() }
func (e *heldBack) Unwrap() error { return e.err }

// pass waits until the limits of the grant allow one call more. What came before is
// paid for first, so that a call is never refused for its size.
func (g *grant) pass(ctx context.Context) error {
	g.calls.Add(1)
	if err := g.callBudget.wait(ctx, 1); err != nil {
		return &heldBack{fmt.Sprintf("calls_per_second = %d", g.CallsPerSecond), err}
	}
	if err := g.byteBudget.wait(ctx, 0); err != nil {
		return &heldBack{fmt.Sprintf("bytes_per_second = %d", g.BytesPerSecond), err}
	}
	return nil
}

func (g *grant) took(n int) {
	g.bytesIn.Add(uint64(n))
	g.byteBudget.charge(n)
}

func (g *grant) gave(n int) {
	g.bytesOut.Add(uint64(n))
	g.byteBudget.charge(n)
}

// bound is the time that a call has: what the guest set, if that is less than what
// the grant has.
func (g *grant) bound(asked time.Duration) time.Duration {
	if asked > 0 {
		return min(asked, g.Timeout)
	}
	return g.Timeout
}

// refuse is a call that the grant does not allow.
func (g *grant) refuse(kind effect.ErrorKind, format string, args ...any) effect.Answer {
	g.errors.Add(1)
	return effect.Fail(kind, "the endpoint "+g.name+" "+format, args...)
}

// fail is a call that went wrong. The guest learns what kind of failure it was; what
// the system says of it is for the operator.
func (g *grant) fail(ctx context.Context, what string, err error) effect.Answer {
	kind := kindOf(ctx, err)
	g.errors.Add(1)
	if kind != effect.CancelledCall && g.complaints.allow() {
		g.log.Warn("a call to hardware failed", "call", what, "kind", kind.String(), "error", err)
	}
	why := map[effect.ErrorKind]string{
		effect.TimedOut:      "did not answer in time",
		effect.CancelledCall: "was waited for when the job was cancelled",
		effect.Closed:        "is closed or cannot be reached",
		effect.Busy:          "is held by another user",
		effect.OutOfRange:    "was asked for more than it allows",
		effect.Other:         "failed; the node's log says why",
	}[kind]
	if _, held := errors.AsType[*heldBack](err); held && kind == effect.TimedOut {
		why = "was held back by the operator's limit"
	}
	return effect.Fail(kind, "%s: the endpoint %s %s", what, g.name, why)
}

func kindOf(ctx context.Context, err error) effect.ErrorKind {
	var port *serial.PortError
	switch {
	case ctx.Err() != nil:
		return effect.Ended(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return effect.TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, fs.ErrClosed),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, syscall.EIO), isClosedIdle(err):
		return effect.Closed
	// The instrument is off, or the way to it: the WIT has no other word for it, and SDKs
	// take it for unavailable.
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		isUnplugged(err):
		return effect.Closed
	case errors.Is(err, syscall.EBUSY):
		return effect.Busy
	case errors.As(err, &port):
		switch port.Code() {
		case serial.PortBusy:
			return effect.Busy
		case serial.PortClosed, serial.PortNotFound:
			return effect.Closed
		}
	}
	return effect.Other
}

// isUnplugged reports whether a device, a socket or a host by its name is not there: a
// line that is plugged in somewhere, a daemon that has not started yet.
func isUnplugged(err error) bool {
	if unresolved, ok := errors.AsType[*net.DNSError](err); ok {
		return unresolved.IsNotFound || unresolved.IsTemporary
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENXIO)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// lease is who has a grant that only one guest at a time may have. The guest may
// open it several times: some instruments talk over several streams.
type lease struct {
	mu      sync.Mutex
	holder  *door
	handles int
}

func (g *grant) acquire(d *door) bool {
	g.lease.mu.Lock()
	defer g.lease.mu.Unlock()
	if !g.Shared {
		if g.lease.holder != nil && g.lease.holder != d {
			return false
		}
		g.lease.holder = d
	}
	g.lease.handles++
	g.open.Add(1)
	return true
}

// leave notes a call that the system does not let go of. Nobody opens the endpoint until
// the function that it returns says that the call has ended.
func (g *grant) leave() (back func()) {
	g.stuck.Add(1)
	g.log.Warn("a call to hardware did not end in time and is left alone; the endpoint is busy until the system lets go of it")
	return func() {
		g.stuck.Add(-1)
		g.log.Info("a call to hardware that was left alone has ended")
	}
}

func (g *grant) release() {
	g.lease.mu.Lock()
	defer g.lease.mu.Unlock()
	g.open.Add(-1)
	if g.lease.handles--; g.lease.handles == 0 {
		g.lease.holder = nil
	}
}
