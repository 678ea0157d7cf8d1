package outbox

import (
	"context"
	"runtime"
	"sync"
)

// One commit takes at most so many requests, and at most so many bytes, so that
// a transaction stays small in memory.
const (
	maxRequests = 1024
	maxGroup    = 16 << 20
)

// request is a change that somebody waits for.
type request struct {
	apply  func(*batch) error // looks before it writes: if it fails it changed nothing
	size   int
	sweeps bool  // and then the file may be written anew
	err    error // for the caller, once done is closed
	done   chan struct{}
}

// committer groups requests: while one group is being synced the next gathers,
// and nobody waits for anything but the disk.
type committer struct {
	commit  func([]*request)
	mu      sync.Mutex
	queue   []*request
	closing bool
	wake    chan struct{} // something was queued, or closing was set
	ended   chan struct{}
}

func newCommitter(commit func([]*request)) *committer {
	c := &committer{commit: commit, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.run()
	return c
}

// do waits until the request is on disk, or failed. A context that ends takes
// back a request that is not yet part of a commit, and its error then says that
// nothing was written. Once the request is, its outcome is awaited.
func (c *committer) do(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	r.done = make(chan struct{})
	if !c.push(r) {
		return ErrClosed
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if c.takeBack(r) {
			return context.Cause(ctx)
		}
		<-r.done
	}
	return r.err
}

func (c *committer) run() {
	defer close(c.ended)
	for range c.wake {
		for {
			// Whom the last commit woke may queue again first. Without that every
			// other group would be theirs, and groups half as large as they can be.
			runtime.Gosched()
			group, more := c.gather()
			if len(group) > 0 {
				c.commit(group)
			} else if !more {
				return
			} else {
				break
			}
		}
	}
}

// gather takes a group from the front of the queue, and reports whether there
// can be another.
func (c *committer) gather() (group []*request, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size := 0, 0
	for n < min(len(c.queue), maxRequests) && (n == 0 || size+c.queue[n].size <= maxGroup) {
		size += c.queue[n].size
		n++
	}
	group = c.queue[:n:n]
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return group, !c.closing || len(c.queue) > 0
}

func (c *committer) push(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.queue = append(c.queue, r)
	c.signal()
	return true
}

// takeBack removes a request from the queue, if it is still there.
func (c *committer) takeBack(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, queued := range c.queue {
		if queued == r {
			c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
			return true
		}
	}
	return false
}

// close lets no more requests in, and returns when those in hand are done.
func (c *committer) close() {
	c.mu.Lock()
	c.closing = true
	c.signal()
	c.mu.Unlock()
	<-c.ended
}

func (c *committer) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
