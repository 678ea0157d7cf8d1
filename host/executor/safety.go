package executor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// Between two attempts to bring the hardware to rest.
const (
	firstRest = time.Second
	lastRest  = time.Minute
)

// rest is what is known of the hardware behind an executor that can bring it to
// rest. Guests that end badly are counted: an attempt is good for those that had
// ended before it began, and for no other.
type rest struct {
	mu      sync.Mutex
	unsafe  string        // why it may not be at rest; "" if it is
	since   time.Time     // that it is so
	cleared chan struct{} // closed when it is at rest, or an operator says so
	owed    uint64        // guests that may have left it in the middle of something
	paid    uint64        // of them, the first so many need no attempt any more

	turn  chan struct{}   // holds one while somebody makes attempts: hardware is held once
	again chan chan error // asks for an attempt now, and is told what came of it

	begun, ended atomic.Uint64 // processes for make-safe, whatever came of them
}

// contact is what a guest's calls to the hardware tell of a job that fails by its own
// account: a guest that was refused its bytes, or whose instrument did not answer, may not
// have been able to end what it had begun.
type contact struct {
	reached bool // there was a call beyond opening
	broken  bool // one that failed, and not for what the guest asked
}

// note takes an answer as the guest gets it, from a tape too. That an instrument could
// not be opened says nothing of one that no call has reached. A request over HTTP is no
// opening, even the first: one that failed may have arrived.
func (c *contact) note(f effect.Func, answer *effect.Answer) {
	switch f {
	case effect.StreamOpen, effect.WindowOpen:
	case effect.StreamSetTimeout, effect.StreamDrop, effect.WindowDrop:
		return
	default:
		c.reached = c.reached || f.Hardware()
	}
	if !answer.Failed || !c.reached {
		return
	}
	switch answer.Kind {
	case effect.Closed, effect.TimedOut, effect.Other:
		c.broken = true
	}
}

// CanMakeSafe reports whether the executor can bring its hardware to rest.
func (e *Executor) CanMakeSafe() bool { return e.load.Exports.MakeSafe != "" }

// Unsafe says why the hardware may not be at rest, and since when; "" where nothing
// is known against it. No job is begun meanwhile.
func (e *Executor) Unsafe() (reason string, since time.Time) {
	e.rest.mu.Lock()
	defer e.rest.mu.Unlock()
	return e.rest.unsafe, e.rest.since
}

// MakeSafe has a fresh child bring the hardware to rest, once the guests that wait for
// a job have let go of it. A job that runs meanwhile has no result: see disturbed.
// Errors are *fault.ExecutorError.
func (e *Executor) MakeSafe(ctx context.Context) error {
	if !e.CanMakeSafe() {
		return e.fault(fault.Unsupported, "it exports no make-safe")
	}
	e.letGo()
	body := e.load
	body.MakeSafe = true
	_, err := e.spawn(ctx, &body)
	return err
}

// disturbed reports whether make-safe ran at any time since the child was started: what
// its guest set up at the instruments may have been undone, though the attempt failed.
func (c *child) disturbed() bool {
	return c.e.load.Doors && c.e.CanMakeSafe() && c.e.rest.begun.Load() != c.rests
}

// disturbance is what becomes of a job that was done by a child that was disturbed. It
// may be run again.
var disturbance = wire.FailedBody{Cause: fault.Unavailable, Message: "the hardware was brought to rest while it ran"}

// errResting is why nothing runs until the first attempt has ended.
var errResting = errors.New("a guest was killed, trapped, or failed with a call to its instrument, and the hardware is being brought to rest")

// untilSafe brings the hardware to rest after a guest that may not have done so, the
// one that owe gave this number. Where that fails it is tried again, until it succeeds or
// an operator says that it is done; nothing else runs meanwhile.
func (e *Executor) untilSafe(owed uint64) {
	r := &e.rest
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-e.closing.Done():
		return // Close does it
	}
	var answer chan error
	for pause := firstRest; ; pause = min(2*pause, lastRest) {
		done, cleared := r.isPaid(owed)
		if done {
			return
		}
		err := e.attempt(e.closing)
		if answer != nil {
			answer <- err
			answer = nil
		}
		if err == nil || e.closing.Err() != nil {
			return
		}
		e.cfg.Log.Error("the hardware may not be at rest", "executor", e.cfg.Name, "error", err, "next_attempt_in", pause.String())
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case asked := <-r.again:
			pause = firstRest / 2
			answer = asked
		case <-cleared:
		case <-e.closing.Done():
		}
		timer.Stop()
	}
}

// restOnce is untilSafe with one attempt, for a job that waits for it.
func (e *Executor) restOnce(ctx context.Context, owed uint64) error {
	r := &e.rest
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return e.cancelled(ctx, "before the hardware was brought to rest")
	case <-e.closing.Done():
		return e.fault(fault.Unavailable, "it is being closed")
	}
	if done, _ := r.isPaid(owed); done {
		return nil
	}
	return e.attempt(ctx)
}

// attempt brings the hardware to rest, by whoever has the turn, and writes down what
// came of it.
func (e *Executor) attempt(ctx context.Context) error {
	r := &e.rest
	r.mu.Lock()
	before := r.owed
	r.mu.Unlock()
	err := e.MakeSafe(ctx)
	if ctx.Err() != nil {
		return err // which tells nothing of the hardware
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.pay(before)
	case r.paid < before: // else an operator has cleared it meanwhile
		r.unsafe = err.Error()
	}
	return err
}

// letGo ends the guests that wait for a job: an endpoint is held once, and what they
// keep open, make-safe may need. Guests that run come to their own end, and a fresh one
// takes their place. They are not waited for: a slot may itself wait for its turn to
// make an attempt.
func (e *Executor) letGo() {
	if !e.load.Doors {
		return
	}
	for range len(e.free) {
		select {
		case s := <-e.free:
			if s.child != nil {
				s.child.kill()
				s.child = nil // the next job has a fresh one started
			}
			e.free <- s
		default:
			return
		}
	}
}

// owe notes that a guest may have left the hardware in the middle of something, and
// returns its number. No job is taken from here on.
func (r *rest) owe() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owed++
	if r.unsafe == "" {
		r.unsafe, r.since, r.cleared = errResting.Error(), time.Now(), make(chan struct{})
	}
	return r.owed
}

// pay notes that the first n guests need no attempt any more. The caller has the mutex.
func (r *rest) pay(n uint64) {
	r.paid = max(r.paid, n)
	if r.unsafe == "" {
		return
	}
	if r.paid < r.owed {
		r.unsafe = errResting.Error()
		return
	}
	close(r.cleared)
	r.unsafe, r.since, r.cleared = "", time.Time{}, nil
}

// isPaid reports whether a guest needs no attempt any more. The channel is closed when
// none does; nil: none does now.
func (r *rest) isPaid(owed uint64) (bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paid >= owed, r.cleared
}

// Rest has the hardware brought to rest now, where it may not be, and waits for
// that. Hardware that is at rest, or at work, is left alone.
func (e *Executor) Rest(ctx context.Context) error {
	e.rest.mu.Lock()
	reason, cleared := e.rest.unsafe, e.rest.cleared
	e.rest.mu.Unlock()
	if reason == "" {
		return nil
	}
	answer := make(chan error, 1)
	select {
	case e.rest.again <- answer:
	case <-cleared: // by the attempt that was being made
		return nil
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
	r.pay(r.owed)
	return true
}
