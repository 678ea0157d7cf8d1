//go:build unix

package executor_test

import (
	"reflect"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// A guest may let its tables grow to limits.table_size and no further, whatever maximum
// it declares: wazero itself bounds memories alone.
func TestTablesStopAtTheirLimit(t *testing.T) {
	t.Parallel()
	// It reports 3 where a table of 1 grew to 1000 and then no more.
	const grow = `
      (if (i32.ne (table.grow $t (ref.null func) (i32.const 999)) (i32.const 1)) (then unreachable))
      (if (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1)) (then unreachable))
      (if (i32.ne (table.size $t) (i32.const 1000)) (then unreachable))
      (i64.store (i32.const 192) (i64.const 3))`
	for name, test := range map[string]struct {
		table string
		limit uint64
		stops bool
	}{
		"no maximum":          {"(table $t 1 funcref)", 1000, true},
		"a larger one":        {"(table $t 1 100000 funcref)", 1000, true},
		"its own":             {"(table $t 1 1000 funcref)", 0, true},
		"the second of two":   {"(table 7 funcref) (table $t 1 funcref)", 1000, true},
		"below the limit":     {"(table $t 1 funcref)", 1001, false},
		"below the usual one": {"(table $t 1 funcref)", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t, executor.Config{
				Wasm:   fakeguest.Assemble(t, map[string]string{"exports": test.table, "bad": grow}),
				Limits: executor.Limits{TableSize: test.limit},
			})
			got, err := e.Run(t.Context(), job(13))
			if !test.stops {
				cause(t, err, fault.Trapped, "unreachable")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := []abi.Outcome{{Bits: 3, Count: 100}}; !reflect.DeepEqual(got.Outcomes, want) {
				t.Errorf("outcomes %v", got.Outcomes)
			}
		})
	}
}

// The built-in guests run as they did where their tables cannot grow at all.
func TestGuestsNeedNoGrowingTables(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"noop", "noisy", "statevector"} { // the others drive hardware
		builtin, _ := guests.Lookup(name)
		e := open(t, executor.Config{Wasm: builtin.Wasm, Limits: executor.Limits{TableSize: 1000}})
		j := job(5)
		j.Circuit.Target = e.Device().Target
		got, err := e.Run(t.Context(), j)
		if err != nil || got.ShotsCompleted != 100 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
