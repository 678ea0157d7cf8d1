//go:build !race

// With the race detector the job takes several gigabytes.

package executor_test

import (
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/executor"
)

// TestALargeJobBesideMemory sends the largest job that the canonical ABI allows, again
// and again.
func TestALargeJobBesideMemory(t *testing.T) {
	noop, _ := guests.Lookup("noop")
	e := open(t, executor.Config{Wasm: noop.Wasm, Limits: executor.Limits{Memory: 320 << 20, OpenTime: time.Hour, JobTime: time.Hour, CPUTime: time.Hour}})
	j := job(5)
	j.Circuit.Operations = make([]abi.Operation, 1<<24-1) // the canonical ABI's limit
	for i := range j.Circuit.Operations {
		j.Circuit.Operations[i] = abi.Operation{Gate: abi.RX, Param: 1}
	}
	for range 3 {
		if _, err := e.Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
}
