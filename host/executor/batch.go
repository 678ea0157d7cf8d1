package executor

import (
	"context"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor/wire"
)

// MaxBatch is the most jobs that run together.
const MaxBatch = 100

// Result is what became of one job of a batch: an execution, or why there is
// none.
type Result struct {
	Execution *abi.Execution
	Err       error // a *fault.ExecutorError
}

// Batches reports whether the executor runs many jobs cheaper together than
// apart: whether RunBatch may be called.
func (e *Executor) Batches() bool { return e.load.Exports.RunBatch != "" }

// RunBatch runs up to MaxBatch jobs as one, as Run does with one, and returns a
// result for each, in their order. A job that is refused, or whose result breaks
// a rule, does not harm the others. The error is about the batch as a whole: then
// none of its jobs has a result, and each may be run by itself.
func (e *Executor) RunBatch(ctx context.Context, jobs []*abi.Job) ([]Result, error) {
	results := make([]Result, len(jobs))
	var admitted []*abi.Job
	var places []int
	for i, job := range jobs {
		if err := e.admit(job); err != nil {
			results[i].Err = err
			continue
		}
		admitted, places = append(admitted, job), append(places, i)
	}
	if len(admitted) == 0 {
		return results, nil
	}
	var outcomes []wire.Outcome
	err := e.use(ctx, func(c *child) (err error) {
		outcomes, err = c.runBatch(ctx, admitted)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, o := range outcomes {
		r := &results[places[i]]
		if o.Execution == nil {
			r.Err = e.told(o.Failed)
			continue
		}
		if r.Err = e.verify(o.Execution, admitted[i]); r.Err == nil {
			r.Execution = o.Execution
		}
	}
	return results, nil
}
