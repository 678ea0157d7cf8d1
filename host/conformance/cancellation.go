package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
)

func cancellationChecks(*suite) []check {
	return []check{{"cancellation", "a long job", cancelled}}
}

// until is how long a job runs before it is cancelled.
const until = 50 * time.Millisecond

// cancelled cancels a job that is as long as the device allows without being
// large. The executor ends it itself, or the host does after the grace period.
func cancelled(ctx context.Context, s *suite) error {
	if s.cfg.Timeless {
		return skipped("where in a job a cancellation comes is a matter of time")
	}
	for _, qubits := range []uint16{20, 12, 4, 1} {
		if qubits > s.width() && qubits > 1 {
			continue
		}
		job := s.job(s.heavy(qubits), 10_000_000)
		if err := s.next(ctx, "nothing"); err != nil { // so that a child stands by
			return err
		}
		running, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(until, cancel)
		began := time.Now()
		_, err := s.e.Run(running, job)
		took := time.Since(began)
		timer.Stop()
		cancel()
		failed, ok := errors.AsType[*fault.ExecutorError](err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && took < until:
			return skipped(fmt.Sprintf("its longest job, of %d operations and %d shots, ended before it could be cancelled", len(job.Circuit.Operations), job.Shots))
		case err == nil:
			s.remark("the job went on to its end, which came %v after the cancellation", (took - until).Round(time.Millisecond))
		case ok && failed.Cause == fault.Unsupported:
			continue // too large for it
		case ok && failed.Cause == fault.Cancelled && errors.Is(err, context.Canceled):
			s.remark("it does not ask whether it is cancelled, and was killed: a run that takes longer than a second asks now and then (guests/README.md, logs, progress, cancellation)")
		case ok && failed.Cause == fault.Cancelled:
			s.remark("it stopped %v after it was cancelled", (took - until).Round(time.Millisecond))
		default:
			return &finding{
				asked: asked(job) + ", cancelled after " + until.String(), got: err.Error(),
				rule: "a run that is cancelled fails as cancelled, or goes on (executor.wit, enum failure-kind)", err: err,
			}
		}
		return s.next(ctx, "a job that was cancelled")
	}
	return skipped("every long job was refused")
}

// heavy is a long circuit on so many qubits.
func (s *suite) heavy(qubits uint16) *abi.Circuit {
	on := make([]uint16, qubits)
	for q := range on {
		on[q] = uint16(q)
	}
	c := at(s.device.Target, "", on, qubits-1)
	gates := legal(s.device.Target)
	two, pairs := gates[len(gates)-1], s.pairsAmong(on)
	for i := range 20_000 {
		q := uint16(i) % qubits
		c.Operations = append(c.Operations, abi.Operation{Gate: abi.RX, Q0: q, Q1: q, Param: 0.1 + math.Mod(float64(i), 3)})
		if len(pairs) > 0 {
			pair := pairs[i*7%len(pairs)]
			op := abi.Operation{Gate: two, Q0: pair[0], Q1: pair[1]}
			if two.HasParam() {
				op.Param = 0.3
			}
			c.Operations = append(c.Operations, op)
		}
	}
	return c
}
