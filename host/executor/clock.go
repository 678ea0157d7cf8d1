package executor

import (
	"context"
	"os"
	"sync"
	"time"
)

// clock keeps the one deadline of what a child does, which the goroutine that waits
// for it and a cancellation both set.
type clock struct {
	socket *os.File
	hurry  context.Context // ends the guest's calls with the guest; nil: nothing does

	mu                 sync.Mutex
	deadline           time.Time
	cancelled, stopped bool
}

// start sets the deadline, unless there was a cancellation.
func (c *clock) start(limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.cancelled {
		c.set(time.Now().Add(limit))
	}
}

func (c *clock) set(deadline time.Time) {
	c.deadline = deadline
	_ = c.socket.SetDeadline(deadline)
}

// cancel shortens the deadline to a grace period. It reports whether there is still
// something to cancel.
func (c *clock) cancel(grace time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return false
	}
	c.cancelled = true
	c.set(time.Now().Add(grace))
	return true
}

// finish ends the job: a cancellation from now on does nothing.
func (c *clock) finish() {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
}

// within is ctx for one call of the guest's. A call that begins after the job was
// cancelled is not cancelled any more: that is how a guest brings its instrument to
// an end within its grace.
func (c *clock) within(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancelled {
		ctx = context.WithoutCancel(ctx)
	}
	deadline := time.Now().Add(most)
	if c.deadline.Before(deadline) {
		deadline = c.deadline
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	if c.hurry == nil {
		return ctx, cancel
	}
	stop := context.AfterFunc(c.hurry, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}
