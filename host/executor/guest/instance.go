package guest

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/host/fault"
)

// instance is one instantiation of the executor. It runs one job at a time.
type instance struct {
	child  *child
	module api.Module
	device *abi.Device

	handles handles
	call    struct{ realloc, run, runPost, runBatch, runBatchPost api.Function }

	stack [canon.RunParams]uint64 // of calls
	dead  bool                    // trapped; wazero does not say so of a Go guest that panicked
	used  bool
}

// open calls the guest's open and keeps the device that it reports.
func (in *instance) open(ctx context.Context) error {
	exports := &in.child.engine.body.Exports
	in.call.realloc = function(in.module, exports.Realloc)
	in.call.run = function(in.module, exports.Run)
	in.call.runPost = function(in.module, exports.RunPost)
	in.call.runBatch = function(in.module, exports.RunBatch)
	in.call.runBatchPost = function(in.module, exports.RunBatchPost)

	stack := in.stack[:1]
	if err := function(in.module, exports.Open).CallWithStack(ctx, stack); err != nil {
		return trapped("open", err)
	}
	ret := stack[0]
	device, refusal, err := canon.LiftDevice(in.memory(), uint32(ret))
	if err != nil {
		return trapped("the result of open", err)
	}
	in.post(ctx, function(in.module, exports.OpenPost), ret)
	if refusal != nil {
		return said(refusal)
	}
	if in.dead {
		return fail(fault.Trapped, "the guest trapped in the clean-up after open")
	}
	if err := device.Check(); err != nil {
		return fail(fault.Invalid, "the device that open reports: %v", err)
	}
	in.device = device
	return nil
}

// makeSafe calls the guest's make-safe.
func (in *instance) makeSafe(ctx context.Context) error {
	exports := &in.child.engine.body.Exports
	in.call.realloc = function(in.module, exports.Realloc)
	stack := in.stack[:1]
	if err := function(in.module, exports.MakeSafe).CallWithStack(ctx, stack); err != nil {
		return trapped("make-safe", err)
	}
	ret := stack[0]
	refusal, err := canon.LiftDone(in.memory(), uint32(ret))
	if err != nil {
		return trapped("the result of make-safe", err)
	}
	in.post(ctx, function(in.module, exports.MakeSafePost), ret)
	if refusal != nil {
		return said(refusal)
	}
	return nil
}

// run runs a job and returns its result and how long the guest took.
func (in *instance) run(ctx context.Context, job *abi.Job) (*abi.Execution, time.Duration, error) {
	in.used = true
	in.dead = true // until the call has come back whole
	if err := canon.LowerJob(in, job, in.stack[:]); err != nil {
		return nil, 0, trapped("the lowering of the job", err)
	}
	begin := in.child.now()
	if err := in.call.run.CallWithStack(ctx, in.stack[:]); err != nil {
		return nil, 0, trapped("run", err)
	}
	call := in.child.now() - begin
	ret := in.stack[0]
	budget := canon.Budget(in.child.engine.body.Outcomes)
	execution, refusal, err := canon.LiftExecution(in.memory(), uint32(ret), &budget)
	if err != nil {
		return nil, 0, in.tooMuch(trapped("the result of run", err))
	}
	in.dead = false
	in.post(ctx, in.call.runPost, ret)
	if refusal != nil {
		return nil, call, said(in.believed(refusal))
	}
	return execution, call, nil
}

// runBatch runs many jobs in one call and returns a result for each, in their
// order, and how long the guest took.
func (in *instance) runBatch(ctx context.Context, jobs []*abi.Job) ([]canon.Result, time.Duration, error) {
	in.used = true
	in.dead = true // until the call has come back whole
	ptr, length, err := canon.LowerJobs(in, jobs)
	if err != nil {
		return nil, 0, trapped("the lowering of the jobs", err)
	}
	stack := in.stack[:2]
	stack[0], stack[1] = uint64(ptr), uint64(length)
	begin := in.child.now()
	if err := in.call.runBatch.CallWithStack(ctx, stack); err != nil {
		return nil, 0, trapped("run-batch", err)
	}
	call := in.child.now() - begin
	ret := stack[0]
	budget := canon.Budget(in.child.engine.body.Outcomes)
	results, err := canon.LiftResults(in.memory(), uint32(ret), len(jobs), &budget)
	if err != nil {
		return nil, 0, in.tooMuch(trapped("the result of run-batch", err))
	}
	in.dead = false
	in.post(ctx, in.call.runBatchPost, ret)
	for i := range results {
		if f := results[i].Failure; f != nil {
			results[i].Failure = in.believed(f)
		}
	}
	return results, call, nil
}

// tooMuch names the limit that a result is over.
func (in *instance) tooMuch(f *failure) *failure {
	if f.cause == fault.Limit {
		f.message += "; " + in.child.engine.body.OutcomesBy + " allows no more"
	}
	return f
}

// believed corrects a guest that says that its job was cancelled when nobody
// cancelled it.
func (in *instance) believed(f *abi.Failure) *abi.Failure {
	if f.Kind == abi.Cancelled && !in.child.cancelled {
		f.Kind = abi.Internal
		f.Message = "the guest says that the job was cancelled, but it was not: " + f.Message
	}
	return f
}

// post calls the clean-up of a result. A trap there costs the instance; the
// result, already lifted, stands.
func (in *instance) post(ctx context.Context, clean api.Function, ret uint64) {
	if clean == nil {
		return
	}
	in.child.mayNotLeave = true
	in.stack[0] = ret
	if err := clean.CallWithStack(ctx, in.stack[:1]); err != nil {
		in.dead = true
	}
	in.child.mayNotLeave = false
}

// spent reports whether the next job needs another instance: always, unless
// instances are kept; else after a trap, or once the memory has grown past half
// of its limit, since no memory shrinks.
func (in *instance) spent() bool {
	e := in.child.engine
	if in.dead || in.module.IsClosed() {
		return true
	}
	if !e.keep {
		return in.used
	}
	return uint64(in.memory().Size()) > e.body.Memory/2
}

func (in *instance) close(ctx context.Context) { _ = in.module.Close(ctx) }

// memory is the view of the guest's memory, which dies when the guest grows it.
func (in *instance) memory() api.Memory {
	return in.module.ExportedMemory(in.child.engine.body.Exports.Memory)
}

// size is how many bytes of memory the instance has.
func (in *instance) size() uint64 {
	if in.module.IsClosed() {
		return 0
	}
	return uint64(in.memory().Size())
}

// Read implements canon.Memory.
func (in *instance) Read(ptr, size uint32) ([]byte, bool) { return in.memory().Read(ptr, size) }

// Realloc implements canon.Guest.
func (in *instance) Realloc(align, size uint32) (uint32, error) {
	return in.child.realloc(in.call.realloc, align, size)
}

// realloc calls a guest's allocator, from which no import may be called.
func (c *child) realloc(f api.Function, align, size uint32) (uint32, error) {
	stack := [4]uint64{2: uint64(align), 3: uint64(size)}
	c.mayNotLeave = true
	err := f.CallWithStack(context.Background(), stack[:])
	c.mayNotLeave = false
	return uint32(stack[0]), err
}
