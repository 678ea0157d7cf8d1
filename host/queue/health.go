package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Timing of the probe. An outage is known at the latest after the two together,
// its end after the first.
const (
	ProbeEvery = time.Second
	ProbeLimit = 2 * time.Second // then Redis counts as away
)

// health is how Redis stands: well once a probe has found that jobs can be
// taken, until something cannot be done.
type health struct {
	mu     sync.Mutex
	away   chan struct{} // closed when the outage ends; nil while there is none
	broken int           // how often something could not be done
}

// Healthy reports whether jobs can be taken; false before the first contact.
func (q *Queue) Healthy() bool { return q.Outage() == nil }

// Outage is closed when the outage that goes on ends; nil where there is none.
func (q *Queue) Outage() <-chan struct{} {
	q.health.mu.Lock()
	defer q.health.mu.Unlock()
	return q.health.away
}

// Watch finds out about outages and their end, until ctx ends.
func (q *Queue) Watch(ctx context.Context) {
	tick := time.NewTicker(ProbeEvery)
	defer tick.Stop()
	for {
		_ = q.probe(ctx) // what it found is in health
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Join makes the stream and its group where they are missing. The group starts
// at 0, so that jobs queued before it existed are delivered.
func (q *Queue) Join(ctx context.Context) error { return q.probe(ctx) }

// probe makes this node's consumer, and on the way whatever is missing. On a
// node that runs nothing changes, and yet Redis refuses it wherever it would
// refuse to hand out jobs: without its group, as a replica, with a full disk.
func (q *Queue) probe(ctx context.Context) error {
	began, rdb := q.health.failures(), q.line.current()
	limited, cancel := context.WithTimeout(ctx, ProbeLimit)
	defer cancel()
	err := q.consume(limited, rdb)
	if refused(err) {
		err = q.create(limited, rdb)
	}
	switch {
	case err == nil:
		q.health.recovered(began)
	case ctx.Err() != nil || rdb != q.line.current() || q.line.isTakenUp(err): // it met nothing that counts
	case refused(err):
		q.health.failed()
	default:
		q.health.failed()
		q.line.cut(rdb)
	}
	return err
}

func (q *Queue) consume(ctx context.Context, rdb *redis.Client) error {
	return rdb.XGroupCreateConsumer(ctx, q.keys.Stream, q.keys.Group, q.consumer).Err()
}

func (q *Queue) create(ctx context.Context, rdb *redis.Client) error {
	err := rdb.XGroupCreateMkStream(ctx, q.keys.Stream, q.keys.Group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return err
	}
	return q.consume(ctx, rdb)
}

// seen keeps health true to what a command of a job met on a client. A refusal
// says nothing about other jobs, and a client that was given up nothing about the
// one in use. Nor does a deadline while a large answer takes up the way. A command that nobody waits for any more, as its job has ended, may
// still have met a dead connection. A group that a flush took away is made again.
func (q *Queue) seen(ctx context.Context, rdb *redis.Client, err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled) || refused(err) && ctx.Err() != nil:
	case strings.HasPrefix(err.Error(), "NOGROUP"):
		return errors.Join(err, q.Join(ctx))
	case refused(err):
	case rdb != q.line.current():
		return fmt.Errorf("given up, as Redis was away: %w", err)
	case q.line.isTakenUp(err):
		return fmt.Errorf("a large answer takes up the way to Redis: %w", err)
	case q.health.failed():
		q.line.cut(rdb)
	}
	return err
}

// taken is seen for the commands that take jobs: for them a refusal is an outage
// too, whose end the probe finds. What the probe would not meet, being refused
// nothing, is none: whoever asked says so.
func (q *Queue) taken(ctx context.Context, rdb *redis.Client, err error) error {
	if refused(err) && !Refused(err) && ctx.Err() == nil && !strings.HasPrefix(err.Error(), "NOGROUP") {
		q.health.failed()
		return err
	}
	return q.seen(ctx, rdb, err)
}

// refused reports whether an error is Redis' own answer.
func refused(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok && !strings.HasPrefix(err.Error(), "LOADING")
}

// failed reports whether an outage begins with this.
func (h *health) failed() (begins bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken++
	if h.away != nil {
		return false
	}
	h.away = make(chan struct{})
	return true
}

func (h *health) failures() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.broken
}

// recovered ends the outage, unless something failed after the probe began.
func (h *health) recovered(began int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away != nil && h.broken == began {
		close(h.away)
		h.away = nil
	}
}
