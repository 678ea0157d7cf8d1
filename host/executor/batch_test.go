//go:build unix

package executor_test

import (
	"strconv"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// numbered are jobs of so many qubits, with a different number of shots each.
func numbered(qubits ...uint16) (jobs []*abi.Job) {
	for i, n := range qubits {
		j := job(n)
		j.ID = "job-" + strconv.Itoa(i)
		j.Shots = uint64(100 + i)
		if n == 12 {
			j.Shots = 100
		}
		jobs = append(jobs, j)
	}
	return jobs
}

func TestBatch(t *testing.T) {
	t.Parallel()
	e := open(t, executor.Config{Wasm: fakeguest.Assemble(t, map[string]string{"exports": fakeguest.Batch})})
	if !e.Batches() {
		t.Fatal("the executor has no batches")
	}
	full := make([]uint16, executor.MaxBatch)
	for i := range full {
		full[i] = 5
	}
	for _, qubits := range [][]uint16{{1}, {5, 13, 51, 2, 12}, full} {
		jobs := numbered(qubits...)
		results, err := e.RunBatch(t.Context(), jobs)
		if err != nil || len(results) != len(jobs) {
			t.Fatalf("%d results, %v", len(results), err)
		}
		for i, r := range results {
			switch qubits[i] {
			case 13:
				cause(t, r.Err, fault.Unsupported, "fake")
			case 51: // more than the device has: the guest never saw it
				cause(t, r.Err, fault.Unsupported, "50")
			case 12:
				cause(t, r.Err, fault.Invalid, "result of run")
			default:
				if r.Err != nil || r.Execution.ShotsCompleted != jobs[i].Shots || r.Execution.Elapsed == nil {
					t.Errorf("job %d: %+v, %v", i, r.Execution, r.Err)
				}
			}
		}
	}
	// What goes wrong as a whole leaves every job without a result.
	_, err := e.RunBatch(t.Context(), numbered(5, 11))
	cause(t, err, fault.Trapped, "run-batch")
	_, err = e.RunBatch(t.Context(), numbered(5, 10))
	cause(t, err, fault.Invalid, "1 for 2 jobs")
	good(t, e)
	if results, err := e.RunBatch(t.Context(), numbered(51, 52)); err != nil || results[0].Err == nil || results[1].Err == nil {
		t.Errorf("jobs that are all refused: %+v, %v", results, err)
	}
}
