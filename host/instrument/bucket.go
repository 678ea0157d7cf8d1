package instrument

import (
	"context"
	"sync"
	"time"
)

// bucket is a limit by the second. Unlike the usual one it may be overdrawn: how much
// a read brings is known only afterwards, and is paid for by those that follow.
type bucket struct {
	perSecond float64 // 0: no limit
	most      float64 // what is saved up while nobody asks

	mu     sync.Mutex
	tokens float64
	last   time.Time
}

// wait returns once the debt is paid and n more are there, and takes these.
func (b *bucket) wait(ctx context.Context, n float64) error {
	if b.perSecond == 0 {
		return nil
	}
	b.mu.Lock()
	b.refill()
	b.tokens -= n
	debt := -b.tokens
	b.mu.Unlock()
	if debt <= 0 {
		return nil
	}
	timer := time.NewTimer(time.Duration(debt / b.perSecond * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		b.mu.Lock()
		b.tokens += n // was not used
		b.mu.Unlock()
		return ctx.Err()
	}
}

// charge takes n, which may not be there yet.
func (b *bucket) charge(n int) {
	if b.perSecond == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	b.tokens -= float64(n)
}

// allow takes one if it is there.
func (b *bucket) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *bucket) refill() {
	now := time.Now()
	if b.last.IsZero() {
		b.tokens = b.most
	} else {
		b.tokens = min(b.most, b.tokens+now.Sub(b.last).Seconds()*b.perSecond)
	}
	b.last = now
}
