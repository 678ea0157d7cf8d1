package link

import (
	"context"
	"os"
	"sync"
	"time"
)

// interval is how often a Poller of Open looks.
const interval = 500 * time.Millisecond

// Poller is the Monitor of systems that cannot tell of changes. It knows nothing of
// routes, nor of what came and went between two looks.
type Poller struct {
	// Reason is why Open fell back to polling, where the system could have told.
	Reason error

	read     func() (State, error)
	interval time.Duration
	wait     time.Duration // until the next look: nothing for the first
	last     State
	told     bool // last was
	closed   chan struct{}
	close    func()
}

// NewPoller returns a Monitor that calls read every interval.
func NewPoller(read func() (State, error), interval time.Duration) *Poller {
	closed := make(chan struct{})
	return &Poller{
		read:     read,
		interval: interval,
		closed:   closed,
		close:    sync.OnceFunc(func() { close(closed) }),
	}
}

// Receive is of Monitor. After an error of read it looks again an interval later.
func (p *Poller) Receive(ctx context.Context) (Change, error) {
	timer := time.NewTimer(p.wait)
	defer timer.Stop()
	p.wait = p.interval
	for {
		select {
		case <-ctx.Done():
			return Change{}, ctx.Err()
		case <-p.closed:
			return Change{}, os.ErrClosed
		case <-timer.C:
		}
		state, err := p.read()
		if err != nil {
			return Change{}, err
		}
		change := compare(p.last, state)
		if !p.told {
			change = all(state)
		}
		p.last, p.told = state, true
		if change.any() {
			return change, nil
		}
		timer.Reset(p.interval)
	}
}

// Close is of Monitor.
func (p *Poller) Close() error {
	p.close()
	return nil
}
