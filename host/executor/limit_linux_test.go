package executor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// TestProcessorTimeIsBound: of each job alone, long before its time is up.
func TestProcessorTimeIsBound(t *testing.T) {
	t.Parallel()
	const name = "fake-burns"
	e := open(t, executor.Config{
		Name: name, Wasm: fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop}),
		Limits: executor.Limits{CPUTime: time.Second, JobTime: time.Hour},
	})
	for range 2 {
		good(t, e)
		pid := child(t, name)
		_, err := e.Run(t.Context(), job(13))
		cause(t, err, fault.Limit, "the job took more of the processor than limits.cpu_time = 1s; it was killed")
		gone(t, pid, true)
	}
	good(t, e)
}

// TestMemoryUpToItsLimit: the cage leaves room for a guest that takes all it may,
// once and again, after traps too.
func TestMemoryUpToItsLimit(t *testing.T) {
	t.Parallel()
	for _, memory := range []uint64{16 << 20, 2304 << 20, 4 << 30} {
		pages := min(memory>>16, 1<<16-1)
		e := open(t, executor.Config{Limits: executor.Limits{Memory: memory}, Wasm: fakeguest.Assemble(t, map[string]string{
			"exports": fmt.Sprintf(`(func $all
				(if (i32.eq (memory.grow (i32.const %d)) (i32.const -1)) (then (loop $l (br $l))))
				(if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (loop $l (br $l))))
				(i32.store (i32.const %d) (i32.const -1)))`, pages-2, uint32(pages<<16-4)),
			"bad": "(call $all) unreachable",
		}), CacheDir: folder(t)})
		for range 3 {
			_, err := e.Run(t.Context(), job(13))
			cause(t, err, fault.Trapped, "unreachable")
			good(t, e)
		}
	}
}
