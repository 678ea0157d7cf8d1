package worker_test

import (
	"context"
	"fmt"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/worker"
)

// simGuest executes jobs. What a job does it does at every execution, but no two
// of them have the same result.
type simGuest struct{ *boot }

func (g simGuest) Run(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	if !g.enter() {
		return nil, errSimDead
	}
	w := g.w
	w.mu.Lock()
	if g.dead {
		w.mu.Unlock()
		return nil, errSimDead
	}
	w.started[job.ID]++
	number := w.started[job.ID]
	w.note(g.n.name, "execute", job.ID, fmt.Sprint(number))
	if number > simMaximum {
		w.breaks("%s starts %s for the %dth time", g.consumer, job.ID, number)
	}
	nature, spread := w.nature("nature", job.ID), w.nature("length", job.ID)
	w.mu.Unlock()
	length := 50*time.Millisecond + time.Duration(spread*float64(3*time.Second))
	switch {
	case nature < 0.03:
		length = 250 * time.Second // it hangs, and is ended
	case nature < 0.08:
		length = 70*time.Second + 20*length
	case nature < 0.20:
		length *= 12
	}
	if !simSleep(ctx, length+w.latency("execution", g.consumer, job.ID)) {
		return nil, context.Cause(ctx)
	}
	failed := func(cause fault.Cause) (*abi.Execution, error) {
		return nil, &fault.ExecutorError{Executor: "sim", Cause: cause, Reason: fmt.Sprintf("in execution %d", number)}
	}
	switch {
	case nature < 0.03:
		return failed(fault.Limit)
	case nature > 0.97:
		w.mu.Lock()
		if !w.calm || number < 2 { // it takes the node with it
			g.kill(false)
		}
		w.mu.Unlock()
		return failed(fault.Lost)
	case nature > 0.92:
		return failed(fault.Trapped)
	case nature > 0.84 && number == 1, nature > 0.90:
		return failed(fault.Lost)
	}
	return &abi.Execution{ShotsCompleted: uint64(number)}, nil
}

func (g simGuest) RunBatch(ctx context.Context, jobs []*abi.Job) ([]worker.Result, error) {
	results := make([]worker.Result, len(jobs))
	for i, job := range jobs {
		results[i].Execution, results[i].Err = g.Run(ctx, job)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return results, nil
}

// nature is a number in [0, 1) that is always the same. The world is locked.
func (w *world) nature(what, jobID string) float64 {
	q := question{what, "", jobID}
	delete(w.asked, q)
	return w.chance(what, "", jobID)
}
