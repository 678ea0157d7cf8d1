package outbox

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/conductorquantum/coda/host/fault"
)

// The causes of errors, for errors.Is. Every error is a *fault.NodeError around
// one of them, around the cause of a context that ended, or, from Open alone,
// around what the system or a file's owner and mode are at fault for.
var (
	// ErrUnknown is a job that the store does not know, or whose body is gone.
	ErrUnknown = errors.New("nothing is known of it")
	// ErrIllegal is a verb that the job's state does not allow.
	ErrIllegal = errors.New("not in this state")
	// ErrInvalid is an argument that cannot be kept.
	ErrInvalid = errors.New("cannot be kept")
	// ErrDisk is a write that failed. It may be on disk nevertheless; the same
	// verb can be called again.
	ErrDisk = errors.New("cannot be written")
	// ErrDamaged is a file whose content is not what was written.
	ErrDamaged = errors.New("damaged")
	// ErrLocked is a file that another process has open.
	ErrLocked = errors.New("in use by another process")
	// ErrNewer is a file in a format that a newer version wrote.
	ErrNewer = errors.New("written by a newer version")
	// ErrClosed is a store after Close.
	ErrClosed = errors.New("closed")
)

// wrap puts an error into the family. Only what the disk did may go better when
// it is tried again.
func (s *Store) wrap(err error) error {
	if err == nil {
		return nil
	}
	e := &fault.NodeError{Op: "outbox", Err: err}
	switch {
	case errors.Is(err, ErrLocked):
		e.Reason = s.path + ": another process has it open; end that one first"
		e.Retry = true
	case errors.Is(err, ErrNewer):
		e.Reason = s.path + ": use the newer version of coda to deliver what it holds, or move it away"
	case errors.Is(err, ErrDamaged):
		e.Reason = s.path + ": restore it, or move it away; what was decided and not delivered is then run again"
	case errors.Is(err, ErrDisk):
		e.Reason = s.path
		e.Retry = true
	case errors.Is(err, ErrClosed):
		e.Reason = s.path
	}
	return e
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// guard calls f, and makes an error of a panic: bbolt panics on pages that make
// no sense, and a file that was cut short under its mapping faults.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damaged("%v", p)
		}
	}()
	return f()
}
