//go:build unix

package executor_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/executor"
)

// BenchmarkJob is what a job costs through the child, over the guest's own time:
// one after the other, and with pauses in which both processes go to sleep.
func BenchmarkJob(b *testing.B) {
	noop, _ := guests.Lookup("noop")
	e := open(b, executor.Config{Wasm: noop.Wasm})
	for _, gates := range []int{0, 100, 2_800, 10_000} {
		for _, pause := range []time.Duration{0, time.Millisecond} {
			b.Run(fmt.Sprintf("gates=%d/pause=%s", gates, pause), func(b *testing.B) {
				j := job(5)
				j.Circuit.Operations = make([]abi.Operation, gates)
				var over []time.Duration
				b.ReportAllocs()
				for b.Loop() {
					begin := time.Now()
					if _, err := e.Run(b.Context(), j); err != nil {
						b.Fatal(err)
					}
					over = append(over, time.Since(begin)) // noop itself takes none
					time.Sleep(pause)
				}
				slices.Sort(over)
				b.ReportMetric(float64(over[len(over)/2]), "p50-ns")
				b.ReportMetric(float64(over[len(over)*99/100]), "p99-ns")
			})
		}
	}
}

// BenchmarkOpen is an executor's start to its first opened instance, with its
// code in the cache.
func BenchmarkOpen(b *testing.B) {
	cache := b.TempDir()
	for _, name := range guests.Names() {
		b.Run(name, func(b *testing.B) {
			builtin, _ := guests.Lookup(name)
			cfg := executor.Config{Name: name, Wasm: builtin.Wasm, CacheDir: cache}
			open(b, cfg)
			for b.Loop() {
				e, err := executor.Open(b.Context(), cfg)
				if err != nil {
					b.Fatal(err)
				}
				_ = e.Close()
			}
		})
	}
}
