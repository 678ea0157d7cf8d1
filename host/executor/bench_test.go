package executor_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor"
)

func BenchmarkJob(b *testing.B) {
	wasm, _ := os.ReadFile("../../guests/noop/noop.wasm")
	e, err := executor.Open(b.Context(), executor.Config{Name: "noop", Wasm: wasm})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	for _, n := range []int{0, 100, 2800, 10000} {
		job := &abi.Job{ID: "x", Shots: 1000, Circuit: &abi.Circuit{NumQubits: 5, Measurements: []uint16{0, 1, 2}, Operations: make([]abi.Operation, n)}}
		for _, gap := range []time.Duration{0, time.Millisecond} {
			b.Run(gap.String(), func(b *testing.B) {
				var times, guest []time.Duration
				for b.Loop() {
					t := time.Now()
					ex, err := e.Run(b.Context(), job)
					d := time.Since(t)
					if err != nil {
						b.Fatal(err)
					}
					times = append(times, d)
					guest = append(guest, *ex.Elapsed)
					time.Sleep(gap)
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "p50-ns")
				b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds()), "p99-ns")
				b.ReportMetric(float64(n), "gates")
			})
		}
	}
}
