package guest

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/host/executor/wire"
)

func BenchmarkLower(b *testing.B) {
	wasm, _ := os.ReadFile("../../../guests/noop/noop.wasm")
	c := &child{conn: wire.NewConn(&bytes.Buffer{}, 1<<20), pending: func() bool { return false }}
	p := "coda:executor/executor@0.1.0#"
	l, err := c.start(b.Context(), wire.LoadBody{Memory: 256 << 20, Exports: wire.Exports{Memory: "memory", Realloc: "cabi_realloc", Open: p + "open", OpenPost: "cabi_post_" + p + "open", Run: p + "run", RunPost: "cabi_post_" + p + "run"}}, wasm)
	if err != nil {
		b.Fatal(err)
	}
	b.Log(l)
	for _, n := range []int{0, 2800, 10000} {
		job := &abi.Job{ID: "x", Shots: 1000, Circuit: &abi.Circuit{NumQubits: 5, Measurements: []uint16{0, 1, 2}, Operations: make([]abi.Operation, n)}}
		b.Run("", func(b *testing.B) {
			var open, lower, run, cl []time.Duration
			for b.Loop() {
				t0 := time.Now()
				in, err := c.open(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				t1 := time.Now()
				if err := canon.LowerJob(in, job, in.stack[:]); err != nil {
					b.Fatal(err)
				}
				t2 := time.Now()
				if err := in.call.run.CallWithStack(b.Context(), in.stack[:]); err != nil {
					b.Fatal(err)
				}
				t3 := time.Now()
				in.close(b.Context())
				t4 := time.Now()
				open, lower, run, cl = append(open, t1.Sub(t0)), append(lower, t2.Sub(t1)), append(run, t3.Sub(t2)), append(cl, t4.Sub(t3))
			}
			for name, s := range map[string][]time.Duration{"open": open, "lower": lower, "run": run, "close": cl} {
				slices.Sort(s)
				b.ReportMetric(float64(s[len(s)/2]), name+"-ns")
			}
		})
	}
}
