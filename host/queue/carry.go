package queue

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// An answer that brings messages may be of any size, and the way to Redis slow. It
// has time for as long as it moves: bytes must follow each other within the line's
// patience, and come at no less than leastRate once it has taken leastTime.
const (
	leastTime = time.Minute
	leastRate = 8 << 10 // bytes per second
	large     = 64 << 10
)

// carried is a connection whose answers have time for as long as they move. One
// goroutine reads from it at a time, which also sets its deadlines.
type carried struct {
	net.Conn
	line     *line
	deadline time.Time // of reading; zero: none
	began    time.Time // when the answer did
	got      int       // bytes of it
}

// carriedSocket is one that can be asked, while it is idle, whether the server has
// closed it.
type carriedSocket struct {
	*carried
	syscall.Conn
}

func (l *line) carry(conn net.Conn) net.Conn {
	c := &carried{Conn: conn, line: l}
	if socket, ok := conn.(syscall.Conn); ok {
		return carriedSocket{c, socket}
	}
	return c
}

// SetReadDeadline is called before each answer, and says when it must have begun.
func (c *carried) SetReadDeadline(t time.Time) error {
	c.deadline, c.got = t, 0
	return c.Conn.SetReadDeadline(t)
}

func (c *carried) SetDeadline(t time.Time) error {
	c.deadline, c.got = t, 0
	return c.Conn.SetDeadline(t)
}

func (c *carried) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 || c.deadline.IsZero() {
		return n, err
	}
	now := time.Now()
	if c.got == 0 {
		c.began = now
	}
	c.got += n
	if c.got > large {
		c.line.moved.Store(int64(now.Sub(c.line.made)))
	}
	next := now.Add(c.line.patience)
	if last := c.began.Add(leastTime + time.Duration(c.got)*time.Second/leastRate); next.After(last) {
		next = last
	}
	if next.After(c.deadline) {
		c.deadline = next
		_ = c.Conn.SetReadDeadline(next) // an error: it is closed, as the next read says
	}
	return n, err
}

// isTakenUp reports whether a command may have met its deadline because a large
// answer, which moves, is all that the way to Redis carries: that is no outage.
func (l *line) isTakenUp(err error) bool {
	moved := l.moved.Load()
	return moved != 0 && time.Since(l.made)-time.Duration(moved) < l.patience &&
		(errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded))
}

// keep renews the leases of all that is pending for this consumer until stop is
// called: an answer may take longer than the lease of the messages that it brings,
// which nobody else can renew before they are here.
func (q *Queue) keep() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() {
		tick := time.NewTicker(q.keepEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = q.renew(ctx) // else the lease runs out
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		loop.Wait()
	}
}

func (q *Queue) renew(ctx context.Context) error {
	rdb := q.line.current()
	return q.seen(ctx, rdb, keep.Run(ctx, rdb, []string{q.keys.Stream}, q.keys.Group, q.consumer, Lease.Milliseconds()).Err())
}

// keep renews the leases of what is pending for a consumer, but for what was given
// back.
//
//	KEYS  stream
//	ARGV  group, consumer, lease ms
var keep = redis.NewScript(`
local ids = {}
for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[2])) do
  if p[3] < tonumber(ARGV[3]) then ids[#ids + 1] = p[1] end
end
if #ids > 0 then redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids), 'JUSTID') end
return #ids
`)
