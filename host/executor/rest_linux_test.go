package executor_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// TestAGuestKilledWhileItOpens: what it may have begun with the hardware is brought to
// an end, as after a job.
func TestAGuestKilledWhileItOpens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open  string
		cause fault.Cause
		rests int
		limit time.Duration // of opening; 0: the default
	}{
		"killed":       {fakeguest.Loop, fault.Limit, 2, 100 * time.Millisecond},
		"trapped":      {"unreachable", fault.Trapped, 2, 0},
		"in own words": {strings.NewReplacer("128", "16", "136", "24", "140", "28", "144", "32").Replace(unavailable), fault.Unavailable, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out safeBuffer
			_, err := executor.Open(t.Context(), executor.Config{
				Name: "fake", Log: slog.New(slog.NewTextHandler(&out, nil)),
				Limits: executor.Limits{OpenTime: c.limit},
				Wasm: fakeguest.Assemble(t, map[string]string{
					"imports": logImport,
					"open":    c.open,
					"exports": `(func (export "coda:executor/safety@0.1.0#make-safe") (result i32)
						(call $log (i32.const 1) (i32.const 100) (i32.const 4)) (i32.const 2000))`,
				}),
			})
			if c.cause == fault.Limit {
				cause(t, err, c.cause, "limits.open_time")
			} else {
				cause(t, err, c.cause, "")
			}
			if n := strings.Count(out.String(), "msg=fake"); n != c.rests {
				t.Errorf("the hardware was brought to rest %d times, want %d", n, c.rests)
			}
		})
	}
}

// TestRestOnce: who is not there to clear it is not left waiting.
func TestRestOnce(t *testing.T) {
	t.Parallel()
	bench := newBench(t)
	e := open(t, executor.Config{
		RestOnce: true, Hardware: bench.door,
		Wasm: fakeguest.Assemble(t, map[string]string{
			"imports": `(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))`,
			"bad":     "unreachable",
			"exports": `(data (i32.const 2200) "last")
				(func (export "coda:executor/safety@0.1.0#make-safe") (result i32)
				(call $open (i32.const 2200) (i32.const 4) (i32.const 2000))
				(if (i32.load8_u (i32.const 2000)) (then unreachable))
				(i32.const 2016))`,
		}),
	})
	good(t, e)
	_, err := e.Run(t.Context(), job(13))
	cause(t, err, fault.Trapped, "unreachable")
	for range 2 {
		_, err = e.Run(t.Context(), job(5))
		cause(t, err, fault.Unavailable, "the hardware may not be at rest: executor fake: trapped: the guest trapped during make-safe")
	}
	if err := e.Close(); err == nil {
		t.Error("it ends as if the hardware were at rest")
	}
}
