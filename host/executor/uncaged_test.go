//go:build unix && uncaged

package executor_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/guest"
)

func init() { mains[guest.Uncaged] = guest.MainUncaged }

// BenchmarkCage runs the same jobs through a confined child and one that is not,
// by turns, and reports what the cage costs as the ratio of their medians:
//
//	go test -tags uncaged -run '^$' -bench Cage ./host/executor
func BenchmarkCage(b *testing.B) {
	noop, _ := guests.Lookup("noop")
	for _, gates := range []int{0, 2_800} {
		b.Run(fmt.Sprintf("gates=%d", gates), func(b *testing.B) {
			cfg := executor.Config{Name: "noop", Wasm: noop.Wasm}
			free, err := executor.OpenUncaged(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer free.Close()
			both := []*executor.Executor{open(b, cfg), free}
			j := job(5)
			j.Circuit.Operations = make([]abi.Operation, gates)
			var took [2][]time.Duration
			for b.Loop() {
				for i, e := range both {
					begin := time.Now()
					if _, err := e.Run(b.Context(), j); err != nil {
						b.Fatal(err)
					}
					took[i] = append(took[i], time.Since(begin))
				}
			}
			var median [2]float64
			for i := range took {
				slices.Sort(took[i])
				median[i] = float64(took[i][len(took[i])/2])
			}
			b.ReportMetric(median[0], "caged-p50-ns")
			b.ReportMetric(median[1], "uncaged-p50-ns")
			b.ReportMetric(median[0]/median[1], "ratio")
		})
	}
}
