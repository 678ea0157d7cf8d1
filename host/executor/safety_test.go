package executor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/conductorquantum/coda/abi/effect"
)

// TestTheFirstCallThatFails: a stream that was not opened carried nothing, and a request
// that failed may have arrived.
func TestTheFirstCallThatFails(t *testing.T) {
	t.Parallel()
	refused := effect.Fail(effect.Other, "connection refused")
	for f, broken := range map[effect.Func]bool{effect.StreamOpen: false, effect.WindowOpen: false, effect.HTTPSend: true} {
		var c contact
		if c.note(f, &refused); c.broken != broken {
			t.Errorf("%v: broken %v", f, c.broken)
		}
	}
}

// TestRestIsOwedToEachGuest: what brings the hardware to rest after one guest says
// nothing of a guest that was killed meanwhile; an operator's word covers all.
func TestRestIsOwedToEachGuest(t *testing.T) {
	t.Parallel()
	var e Executor
	r := &e.rest
	pay := func(n uint64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pay(n)
	}
	first, second := r.owe(), r.owe()
	why, since := e.Unsafe()
	if !strings.HasPrefix(why, "a guest ") { // not all are at a job
		t.Errorf("it says %q", why)
	}
	pay(first)
	if reason, at := e.Unsafe(); reason == "" || at != since {
		t.Errorf("the second guest is forgotten: %q since %v, not %v", reason, at, since)
	}
	if done, _ := r.isPaid(first); !done {
		t.Error("the first guest is not done with")
	}
	done, cleared := r.isPaid(second)
	if done {
		t.Error("the second guest is done with")
	}
	pay(second)
	<-cleared
	if reason, at := e.Unsafe(); reason != "" || !at.IsZero() {
		t.Errorf("%q since %v", reason, at)
	}
	third := r.owe()
	if !e.Clear() || e.Clear() {
		t.Error("there was one guest to clear")
	}
	if done, _ := r.isPaid(third); !done {
		t.Error("an operator's word is not enough")
	}
}

// TestRestEndsWithTheAttemptThatItMet: nobody takes up the wish once the hardware is
// at rest.
func TestRestEndsWithTheAttemptThatItMet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Executor{}
		e.closing, e.shut = context.WithCancel(t.Context())
		defer e.shut()
		e.rest.again = make(chan chan error)
		owed := e.rest.owe()
		rested := make(chan error, 1)
		go func() { rested <- e.Rest(e.closing) }()
		synctest.Wait()
		select {
		case err := <-rested:
			t.Fatalf("it ends before the attempt: %v", err)
		default:
		}
		e.rest.mu.Lock()
		e.rest.pay(owed)
		e.rest.mu.Unlock()
		synctest.Wait()
		select {
		case err := <-rested:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("it waits for ever")
		}
	})
}

// TestAttemptsTakeTurns: a job that waits for somebody else's attempt goes when it
// is cancelled.
func TestAttemptsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Executor{}
		e.closing, e.shut = context.WithCancel(t.Context())
		defer e.shut()
		e.rest.turn = make(chan struct{}, 1)
		owed := e.rest.owe()
		e.rest.turn <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		waits, paid := make(chan error, 1), make(chan error, 1)
		go func() { waits <- e.restOnce(ctx, owed) }()
		go func() { paid <- e.restOnce(t.Context(), owed) }()
		synctest.Wait()
		cancel()
		if err := <-waits; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		e.Clear()
		<-e.rest.turn
		if err := <-paid; err != nil {
			t.Errorf("what is paid is attempted: %v", err)
		}
		if len(e.rest.turn) != 0 {
			t.Error("a turn is kept")
		}
	})
}

// TestNoGuestStartsBesideHardwareThatIsNotAtRest, though a slot of its own is free.
func TestNoGuestStartsBesideHardwareThatIsNotAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Executor{free: make(chan *slot, 2)}
		e.closing, e.shut = context.WithCancel(t.Context())
		defer e.shut()
		e.free <- &slot{}
		owed := e.rest.owe()
		took := make(chan *slot, 1)
		go func() {
			s, err := e.take(t.Context())
			if err != nil {
				t.Error(err)
			}
			took <- s
		}()
		synctest.Wait()
		if len(e.free) != 1 {
			t.Error("the slot is taken")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e.take(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		e.rest.mu.Lock()
		e.rest.pay(owed)
		e.rest.mu.Unlock()
		if s := <-took; s == nil || len(e.free) != 0 {
			t.Errorf("it has %v, and %d slots are free", s, len(e.free))
		}
	})
}
