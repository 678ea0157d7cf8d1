//go:build unix

package executor_test

import (
	"strconv"
	"strings"
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

// What a guest says of a job fills no screen and moves no cursor, alone or in a batch.
func TestWhatGuestsSayIsShown(t *testing.T) {
	t.Parallel()
	const said = `(data (i32.const 300) "\1b[2J") `
	alone := open(t, executor.Config{Wasm: fakeguest.Assemble(t, map[string]string{
		"exports": said, "bad": strings.Replace(unavailable, "(i32.const 100)", "(i32.const 300)", 1),
	})})
	_, err := alone.Run(t.Context(), job(13))
	cause(t, err, fault.Unavailable, `\x1b[2J`)

	batch := strings.Replace(fakeguest.Batch, "(i32.store offset=12 (local.get $result) (i32.const 100))",
		"(i32.store offset=12 (local.get $result) (i32.const 300))", 1)
	together := open(t, executor.Config{Wasm: fakeguest.Assemble(t, map[string]string{"exports": said + batch})})
	results, err := together.RunBatch(t.Context(), numbered(13))
	if err != nil {
		t.Fatal(err)
	}
	cause(t, results[0].Err, fault.Unsupported, `\x1b[2J`)

	// A message as large as the memory: 12 MB of zeros, which printed are four times as much.
	long := open(t, executor.Config{Wasm: fakeguest.Assemble(t, map[string]string{
		"memory": "200", "bad": strings.NewReplacer("(i32.const 100)", "(i32.const 400000)", "(i32.const 4)", "(i32.const 12000000)").Replace(unavailable),
	})})
	_, err = long.Run(t.Context(), job(13))
	cause(t, err, fault.Unavailable, "(the first 4096 of 12000000 bytes)")
	if len(err.Error()) > 40<<10 {
		t.Errorf("a message of %d bytes", len(err.Error()))
	}
}
