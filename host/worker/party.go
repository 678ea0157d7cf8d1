package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/conductorquantum/coda/abi"
)

// party is the jobs of one claim. They hold one execution slot between them and,
// where the executor can, run together: as soon as each of them has either asked
// to run or left.
type party struct {
	w     *Worker
	alone chan struct{} // held by a member that runs by itself

	mu        sync.Mutex
	members   int // that have not left; the last gives the slot back
	undecided int // that have neither asked to run nor left
	waiting   []*seat
}

// seat is one job's place in its party.
type seat struct {
	party *party // nil for a job that is decided, and only to be delivered
	once  sync.Once
	hand  bool // its job counts against what may be in hand

	charge func() error // counts a further start; an error is why it may not be made
	failed error        // of the batch that the job was in; read after result
	resent bool         // the operator has the outcome sent again, which was parked

	ctx    context.Context
	job    *abi.Job
	result chan Result // what became of the job in a batch; closed without one where it must run alone
}

func (w *Worker) party(members int) *party {
	return &party{w: w, alone: make(chan struct{}, 1), members: members, undecided: members}
}

// run runs a job, together with its party where that is possible.
func (s *seat) run(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	p := s.party
	if s.result == nil && s.w().Batch != nil {
		s.ctx, s.job, s.result = ctx, job, make(chan Result, 1)
		p.decide(s)
		select {
		case r, ok := <-s.result:
			if ok {
				return r.Execution, r.Err
			}
			if s.failed != nil {
				if err := s.charge(); err != nil {
					return nil, fmt.Errorf("%w; %w", s.failed, err)
				}
			}
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errStopped) && p.started() { // and all were asked to stop: what is measured by then counts
				if r, ok := <-s.result; ok {
					return r.Execution, r.Err
				}
			}
			return nil, context.Cause(ctx) // else the batch goes on for the others
		}
	}
	if !acquire(ctx, p.alone) {
		return nil, context.Cause(ctx)
	}
	defer func() { <-p.alone }()
	return s.w().Executor.Run(ctx, job)
}

func (s *seat) w() *Worker { return s.party.w }

// leave says that the job will not run, or no more. Only the first call counts.
func (s *seat) leave() {
	s.once.Do(func() {
		p := s.party
		if p == nil {
			return
		}
		if s.result == nil {
			p.decide(nil)
		}
		p.mu.Lock()
		p.members--
		last := p.members == 0
		p.mu.Unlock()
		if last {
			<-p.w.slots
		}
	})
}

// letGo lets another job be taken up in place of this one. Only the first call
// counts.
func (s *seat) letGo() {
	if s.hand {
		s.hand = false
		<-s.party.w.hands
	}
}

// decide counts a member that asks to run, or, as nil, one that has left. The
// last one starts the batch.
func (p *party) decide(s *seat) {
	p.mu.Lock()
	if s != nil {
		p.waiting = append(p.waiting, s)
	}
	p.undecided--
	start := p.undecided == 0
	p.mu.Unlock()
	if start {
		p.w.jobs.Go(p.runBatch)
	}
}

// started reports whether nobody is waited for any more.
func (p *party) started() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.undecided == 0
}

// runBatch runs what waits. A single job, and all of them where the batch as a
// whole fails, run by themselves. A cancellation ends the batch only once every
// one of its jobs is cancelled.
func (p *party) runBatch() {
	seats := p.waiting
	if len(seats) > 1 {
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		going := new(atomic.Int32)
		going.Store(int32(len(seats)))
		jobs := make([]*abi.Job, len(seats))
		for i, s := range seats {
			jobs[i] = s.job
			stop := context.AfterFunc(s.ctx, func() {
				if going.Add(-1) == 0 {
					cancel(context.Cause(s.ctx))
				}
			})
			defer stop()
		}
		results, err := p.w.Batch.RunBatch(ctx, jobs)
		if err == nil && len(results) != len(seats) {
			err = fmt.Errorf("%d results for %d jobs", len(results), len(seats))
		}
		switch {
		case err == nil:
			for i, s := range seats {
				s.result <- results[i]
			}
		case ctx.Err() == nil: // else nobody waits for them
			p.w.Log.Warn("a batch failed; its jobs run one by one", "jobs", len(jobs), "error", err)
			for _, s := range seats {
				s.failed = err
			}
		}
	}
	for _, s := range seats {
		close(s.result)
	}
}
