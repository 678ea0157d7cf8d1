package guest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/executor/wire"
)

// load compiles a built-in in this process and opens an instance of it.
func load(tb testing.TB, name string) *child {
	tb.Helper()
	builtin, ok := guests.Lookup(name)
	if !ok {
		tb.Fatalf("there is no built-in %s", name)
	}
	m, err := module.Parse(builtin.Wasm)
	if err != nil {
		tb.Fatal(err)
	}
	contract, err := module.Check(m)
	if err != nil {
		tb.Fatal(err)
	}
	c := &child{conn: wire.NewConn(&bytes.Buffer{}, 1<<20), pending: func() bool { return false }}
	_, err = c.start(tb.Context(), wire.LoadBody{Memory: 16 << 20, Outcomes: wire.MaxOutcomes, LogLines: 100, LogBytes: 1 << 20, Exports: wire.Exports{
		Memory: contract.Memory, Realloc: contract.Realloc, Initialize: contract.Initialize,
		Open: contract.Open.Name, OpenPost: contract.Open.Post, Run: contract.Run.Name, RunPost: contract.Run.Post,
	}}, builtin.Wasm, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func circuit(gates int) *abi.Job {
	return &abi.Job{ID: "job", Shots: 100, Circuit: &abi.Circuit{
		NumQubits: 5, Operations: make([]abi.Operation, gates), Measurements: []uint16{0, 1, 2},
	}}
}

// A circuit costs one allocation for each of its lists and strings in the guest,
// and nothing here.
func TestLoweringAllocatesNothing(t *testing.T) {
	c, job := load(t, "noop"), circuit(10_000)
	n := testing.AllocsPerRun(100, func() {
		if err := canon.LowerJob(c.spare, job, c.spare.stack[:]); err != nil {
			t.Fatal(err)
		}
		if err := c.spare.call.run.CallWithStack(t.Context(), c.spare.stack[:]); err != nil {
			t.Fatal(err)
		}
		c.spare.post(t.Context(), c.spare.call.runPost, c.spare.stack[0])
	})
	if n > 4 { // wazero's own, one for each call of realloc
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkInstance splits what one job costs a guest that gets an instance for
// each: making and opening it, lowering the job, the run, and closing it.
func BenchmarkInstance(b *testing.B) {
	c := load(b, "noop")
	for _, gates := range []int{0, 2_800, 10_000} {
		b.Run(fmt.Sprintf("gates=%d", gates), func(b *testing.B) {
			job, ctx := circuit(gates), b.Context()
			steps := [4][]time.Duration{}
			for b.Loop() {
				at := time.Now()
				step := func(i int) {
					now := time.Now()
					steps[i] = append(steps[i], now.Sub(at))
					at = now
				}
				in, err := c.open(ctx)
				if err != nil {
					b.Fatal(err)
				}
				step(0)
				if err := canon.LowerJob(in, job, in.stack[:]); err != nil {
					b.Fatal(err)
				}
				step(1)
				if err := in.call.run.CallWithStack(ctx, in.stack[:]); err != nil {
					b.Fatal(err)
				}
				step(2)
				in.close(ctx)
				step(3)
			}
			for i, name := range []string{"open", "lower", "run", "close"} {
				slices.Sort(steps[i])
				b.ReportMetric(float64(steps[i][len(steps[i])/2]), name+"-p50-ns")
			}
		})
	}
}
