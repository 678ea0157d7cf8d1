package executor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/fault"
)

// Between two attempts to bring the hardware to rest.
const (
	firstRest = time.Second
	lastRest  = time.Minute
)

// rest is what is known of the hardware behind an executor that can bring it to
// rest.
type rest struct {
	mu     sync.Mutex
	unsafe string          // why it may not be at rest; "" if it is
	since  time.Time       // that it is so
	clear  chan struct{}   // closed when an operator clears it
	again  chan chan error // asks for an attempt now, and is told what came of it
}

// CanMakeSafe reports whether the executor can bring its hardware to rest.
func (e *Executor) CanMakeSafe() bool { return e.load.Exports.MakeSafe != "" }

// Unsafe says why the hardware may not be at rest, and since when; "" where nothing
// is known against it. No job runs meanwhile.
func (e *Executor) Unsafe() (reason string, since time.Time) {
	e.rest.mu.Lock()
	defer e.rest.mu.Unlock()
	return e.rest.unsafe, e.rest.since
}

// MakeSafe has a fresh child bring the hardware to rest. Errors are
// *fault.ExecutorError.
func (e *Executor) MakeSafe(ctx context.Context) error {
	if !e.CanMakeSafe() {
		return e.fault(fault.Unsupported, "it exports no make-safe")
	}
	body := e.load
	body.MakeSafe = true
	c, err := e.spawn(ctx, &body)
	if err != nil {
		return err
	}
	c.kill()
	return nil
}

// errResting is why nothing runs until the first attempt has ended.
var errResting = errors.New("a job was killed or its guest trapped, and the hardware is being brought to rest")

// untilSafe brings the hardware to rest after a guest was killed or trapped. Where
// that fails it is tried again, until it succeeds or an operator says that it is
// done; nothing else runs meanwhile.
func (e *Executor) untilSafe() {
	var answer chan error
	for pause := firstRest; ; pause = min(2*pause, lastRest) {
		err := e.MakeSafe(e.closing)
		if answer != nil {
			answer <- err
			answer = nil
		}
		if e.closing.Err() != nil {
			return // Close does it
		}
		cleared := e.noteRest(err)
		if err == nil {
			return
		}
		e.cfg.Log.Error("the hardware may not be at rest", "executor", e.cfg.Name, "error", err, "next_attempt_in", pause.String())
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case asked := <-e.rest.again:
			timer.Stop()
			pause = firstRest / 2
			answer = asked
		case <-cleared:
			timer.Stop()
			return
		case <-e.closing.Done():
			timer.Stop()
			return
		}
	}
}

// noteRest writes down what an attempt came to, and returns what is closed when an
// operator clears it.
func (e *Executor) noteRest(err error) <-chan struct{} {
	r := &e.rest
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.unsafe, r.since, r.clear = "", time.Time{}, nil
		return nil
	}
	if r.unsafe == "" {
		r.since = time.Now()
		r.clear = make(chan struct{})
	}
	r.unsafe = err.Error()
	return r.clear
}

// Rest has the hardware brought to rest now, where it may not be, and waits for
// that. Hardware that is at rest, or at work, is left alone.
func (e *Executor) Rest(ctx context.Context) error {
	if reason, _ := e.Unsafe(); reason == "" {
		return nil
	}
	answer := make(chan error, 1)
	select {
	case e.rest.again <- answer:
	case <-ctx.Done():
		return e.cancelled(ctx, "before the hardware was asked to rest")
	case <-e.closing.Done():
		return e.fault(fault.Unavailable, "it is being closed")
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return e.cancelled(ctx, "while the hardware was brought to rest")
	case <-e.closing.Done():
		return e.fault(fault.Unavailable, "it is being closed")
	}
}

// Clear takes an operator's word that the hardware is at rest. It reports whether
// there was anything to clear.
func (e *Executor) Clear() bool {
	r := &e.rest
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unsafe == "" {
		return false
	}
	close(r.clear)
	r.unsafe, r.since, r.clear = "", time.Time{}, nil
	return true
}
