//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/private"
	"github.com/conductorquantum/coda/host/process"
)

// Who looks at a lock holds it for microseconds, together with others who do.
// Who takes it waits that long, and not longer, for them to be done.
const (
	patience = 2 * time.Second
	pause    = 2 * time.Millisecond
)

// Held is the lock of a running node on its state directory. Its methods may be
// called from several goroutines.
type Held struct {
	mu  sync.Mutex
	f   *os.File // nil once closed
	rec record
}

// Lock takes the state directory for this process, and makes it, mode 0700, if
// it is not there. The lock ends with Close, or with the process, however that
// ends. Where another node holds it, the error is an ErrRunning that names it.
func Lock(stateDir string, about About) (*Held, error) {
	f, err := acquire(stateDir)
	if errors.Is(err, ErrRunning) {
		status, lookErr := Look(stateDir)
		if lookErr == nil && status.Running {
			return nil, alreadyRunning(stateDir, status)
		}
		f, err = acquire(stateDir) // it ended just now
	}
	if err != nil {
		return nil, &fault.NodeError{Op: "start", Reason: "cannot take the state directory " + stateDir, Err: err}
	}
	rec := record{
		ID:    process.Of(os.Getpid()), // without a start nobody signals this node, which Look says
		Since: time.Now().Round(time.Second), Version: about.Version, Log: about.LogPath, Drain: about.Drain.Seconds(),
	}
	if err := rec.write(f); err != nil {
		f.Close()
		return nil, &fault.NodeError{Op: "start", Reason: "cannot write " + f.Name(), Err: err}
	}
	return &Held{f: f, rec: rec}, nil
}

// alreadyRunning is the error of whoever wanted to run beside another node.
func alreadyRunning(stateDir string, s Status) error {
	who := fmt.Sprintf("PID %d", s.PID)
	if s.PID == 0 {
		who = s.Doubt
	}
	return &fault.NodeError{Op: "start", Err: fmt.Errorf(
		"%w (%s) on the state directory %s; stop it first, or give this one a directory of its own with CODA_STATE_DIR", ErrRunning, who, stateDir)}
}

// acquire opens the lock's file and locks it, or returns ErrRunning.
func acquire(stateDir string) (*os.File, error) {
	if err := private.MakeDir(stateDir); err != nil {
		return nil, err
	}
	path := filepath.Join(stateDir, lockFile)
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		f, err := private.Make(path, os.O_RDWR)
		if err != nil {
			return nil, err
		}
		taken, err := take(f)
		if taken {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s is locked by a program that is no node; end that first", path)
		}
	}
}

// take tries to lock f for writing. It is worth another try where those in the
// way only look, or where the file was replaced under its name meanwhile.
func take(f *os.File) (taken bool, err error) {
	err = flock(f, syscall.LOCK_EX)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		if err = flock(f, syscall.LOCK_SH); errors.Is(err, syscall.EWOULDBLOCK) {
			return false, ErrRunning
		}
		return false, err
	}
	if err != nil {
		return false, err
	}
	ours, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(ours, named), nil
}

// flock locks, unlocks, or fails with EWOULDBLOCK at once.
func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EOPNOTSUPP):
			return fmt.Errorf("the file system of %s has no locks (%w); use a local directory", f.Name(), err)
		default:
			return err
		}
	}
}

// Serving says where the probes listen.
func (h *Held) Serving(address string) error {
	return h.update(func(rec *record) { rec.Address = address })
}

// Stopping says that the node was told to stop, so that nobody tells it again: a
// second signal would kill the jobs in hand.
func (h *Held) Stopping() error {
	return h.update(func(rec *record) { rec.Stopping = true })
}

func (h *Held) update(change func(*record)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.f == nil {
		return os.ErrClosed
	}
	change(&h.rec)
	if err := h.rec.write(h.f); err != nil {
		return &fault.NodeError{Op: "state", Reason: "cannot write " + h.f.Name(), Err: err}
	}
	return nil
}

// Close gives the state directory back. Further calls do nothing.
func (h *Held) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.f == nil {
		return nil
	}
	f := h.f
	h.f = nil
	// Closing alone would not do: a child between fork and exec has the file too.
	return errors.Join(f.Truncate(0), flock(f, syscall.LOCK_UN), f.Close())
}
