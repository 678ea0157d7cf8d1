//go:build !race

// The race detector is slow in other places than the machine, and allocates.

package abi_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// TestParseCircuitIsFast holds the decoder to five times the throughput of
// encoding/json. Both run in turn and their fastest rounds are compared, so that
// the speed of the machine and what else it does cancel out.
func TestParseCircuitIsFast(t *testing.T) {
	const (
		want   = 5
		rounds = 20
		tries  = 5
	)
	ir := string(generate(2_800).AppendIR(nil))
	bytes := []byte(ir)
	ours, plain, wire := time.Hour, time.Hour, time.Hour
	timed := func(fastest *time.Duration, parse func() error) {
		start := time.Now()
		if err := parse(); err != nil {
			t.Fatal(err)
		}
		*fastest = min(*fastest, time.Since(start))
	}
	for range tries {
		for range rounds {
			timed(&ours, func() error { _, err := abi.ParseCircuit(ir); return err })
			timed(&wire, func() error { return json.Unmarshal(bytes, new(wireCircuit)) })
			timed(&plain, func() error { _, err := decodePlain(bytes); return err })
		}
		if min(plain, wire) >= want*ours {
			break
		}
	}
	t.Logf("ParseCircuit %v; encoding/json into plain structs %v (%.1f times), into the same types %v (%.1f times)",
		ours, wire, float64(wire)/float64(ours), plain, float64(plain)/float64(ours))
	if min(plain, wire) < want*ours && testing.CoverMode() == "" { // which instruments ours alone
		t.Errorf("ParseCircuit must be at least %d times as fast as encoding/json", want)
	}
}

// TestParseCircuitAllocates bounds what a parse allocates: the circuit, its two
// lists and its three strings, whatever the number of gates. The text must not be
// kept alive by them.
func TestParseCircuitAllocates(t *testing.T) {
	for _, gates := range []int{0, 100, 10_000} {
		ir := string(generate(gates).AppendIR(nil))
		for _, text := range []string{ir, indent(t, ir)} {
			n := testing.AllocsPerRun(20, func() {
				if _, err := abi.ParseCircuit(text); err != nil {
					t.Fatal(err)
				}
			})
			if n > 6 {
				t.Errorf("%d gates: %v allocations, want at most 6", gates, n)
			}
		}
	}
}
