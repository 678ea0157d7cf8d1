package coda

import (
	"errors"
	"os"
)

// IOError is how a call into hardware fails, of packages stream, httpclient and
// registers. It is a net.Error. Returned from Open or Run, wrapped or not, it fails
// the job as FailureKind says.
type IOError struct {
	Op       string // "dial", "read", "write", "send", "open", "poll", ...
	Endpoint string // by the operator's name
	Kind     IOKind
	Message  string // the node's; for people
	// Err is what Go calls it where it has a word of its own: io.ErrUnexpectedEOF,
	// net.ErrClosed; nil otherwise.
	Err error
}

// IOKind is a reason why a call into hardware failed.
type IOKind uint8

// The reasons.
const (
	IONotGranted IOKind = iota // the operator granted no endpoint of this name and kind
	IOBusy                     // the endpoint is held by another user
	IOTimedOut                 // also errors.Is os.ErrDeadlineExceeded
	IOClosed                   // by the other side, or by us; or not there: off, unplugged, out of reach
	IOCancelled                // the job was cancelled while the call waited; errors.Is ErrCancelled
	IOOutOfRange               // an address, length or value outside what the grant allows
	IOOther
)

// ErrCancelled is what an IOError of kind IOCancelled is.
var ErrCancelled = errors.New("the job was cancelled")

func (k IOKind) String() string {
	switch k {
	case IONotGranted:
		return "not granted"
	case IOBusy:
		return "busy"
	case IOTimedOut:
		return "timed out"
	case IOClosed:
		return "closed"
	case IOCancelled:
		return "cancelled"
	case IOOutOfRange:
		return "out of range"
	default:
		return "failed"
	}
}

func (e *IOError) Error() string {
	text := e.Op + " " + e.Endpoint + ": " + e.Kind.String()
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

func (e *IOError) Unwrap() error { return e.Err }

// Is makes a timeout os.ErrDeadlineExceeded, and a cancellation ErrCancelled.
func (e *IOError) Is(target error) bool {
	return target == os.ErrDeadlineExceeded && e.Kind == IOTimedOut || target == ErrCancelled && e.Kind == IOCancelled
}

// Timeout is part of net.Error.
func (e *IOError) Timeout() bool { return e.Kind == IOTimedOut }

// Temporary is part of net.Error: the same call may succeed later.
func (e *IOError) Temporary() bool { return e.Kind == IOTimedOut || e.Kind == IOBusy }

// FailureKind is how a job fails that ends with this error: as Cancelled where it was
// cancelled; as Unavailable, so that it may be tried again, where the endpoint is
// busy, too slow or gone; otherwise as Internal, because the program and the device
// file do not fit.
func (e *IOError) FailureKind() FailureKind {
	switch e.Kind {
	case IOCancelled:
		return Cancelled
	case IOBusy, IOTimedOut, IOClosed:
		return Unavailable
	default:
		return Internal
	}
}
