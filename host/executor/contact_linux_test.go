package executor_test

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// TestJobsThatLoseTheirInstrument: a guest that fails in its own words and had no answer
// from its instrument, or no bytes left for it, may not have ended what it began. Whoever
// else fails has, and is taken at its word.
func TestJobsThatLoseTheirInstrument(t *testing.T) {
	t.Parallel()
	const (
		wit     = "coda:executor/"
		imports = logImport + `
			(import "` + wit + `byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
			(import "` + wit + `byte-stream@0.1.0" "[method]connection.write" (func $write (param i32 i32 i32 i32)))`
		safety = `(data (i32.const 2200) "fake") (data (i32.const 2210) "mute") (data (i32.const 2220) "nobody")
			(func (export "` + wit + `safety@0.1.0#make-safe") (result i32)
			(call $log (i32.const 1) (i32.const 100) (i32.const 4)) (i32.const 2000))`
	)
	dial := func(at, length int) string {
		return "(call $open (i32.const " + strconv.Itoa(at) + ") (i32.const " + strconv.Itoa(length) + ") (i32.const 2100))"
	}
	write := func(bytes int) string {
		return "(call $write (i32.load (i32.const 2104)) (i32.const 4096) (i32.const " + strconv.Itoa(bytes) + ") (i32.const 2100))"
	}
	for name, c := range map[string]struct {
		calls  string
		result string // of run; "": it is right
		later  bool   // it is of a job of 7 shots, which comes after
		batch  bool
		rests  bool
	}{
		"out of its bytes":           {calls: dial(2200, 4) + write(2000), result: unavailable, rests: true},
		"no answer":                  {calls: dial(2210, 4) + write(8), result: unavailable, rests: true},
		"no answer, and it went on":  {calls: dial(2210, 4) + write(8)},
		"all is well, and it failed": {calls: dial(2200, 4) + write(8), result: unavailable},
		"not granted":                {calls: dial(2220, 6), result: unavailable},
		"in a batch":                 {calls: dial(2210, 4) + write(8), batch: true, rests: true},
		"without an instrument":      {result: unavailable},
		"no answer, to the job before": { // which has 100 shots, and goes on
			calls:  "(if (i64.eq (local.get 10) (i64.const 100)) (then " + dial(2210, 4) + write(8) + "))",
			result: "(if (i64.eq (local.get 10) (i64.const 7)) (then " + unavailable + "))", later: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out safeBuffer
			batch := ""
			if c.batch {
				batch = strings.Replace(fakeguest.Batch, "(local.set $given (local.get $n))", "(local.set $given (local.get $n))"+c.calls, 1)
			}
			e := open(t, executor.Config{
				RestOnce: true, Hardware: newBench(t).door, Log: slog.New(slog.NewTextHandler(&out, nil)),
				Limits: executor.Limits{IOTime: 20 * time.Millisecond, IOBytes: 1000},
				Wasm:   fakeguest.Assemble(t, map[string]string{"imports": imports, "bad": c.calls + c.result, "exports": safety + batch}),
			})
			rests := func() int { return strings.Count(out.String(), "msg=fake") }
			want := rests()
			for range 2 {
				if c.batch {
					results, err := e.RunBatch(t.Context(), numbered(5, 13))
					if err != nil {
						t.Fatal(err)
					}
					cause(t, results[1].Err, fault.Unsupported, "fake")
				} else if _, err := e.Run(t.Context(), job(13)); c.result != "" && !c.later {
					cause(t, err, fault.Unavailable, "fake")
				} else if err != nil {
					t.Error(err)
				}
				if c.rests {
					want++
				}
				if c.later {
					next := job(13)
					next.Shots = 7
					_, err := e.Run(t.Context(), next)
					cause(t, err, fault.Unavailable, "fake")
				}
				good(t, e)
				if n := rests(); n != want {
					t.Errorf("the hardware was brought to rest %d times, want %d", n, want)
				}
			}
		})
	}
}
