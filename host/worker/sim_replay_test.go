//go:build !race

// The race detector has goroutines run in a random order.

package worker_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// TestASeedReplaysExactly compares all that happens in two runs of a seed, to the
// nanosecond, as -seed shows them: on one processor, and without preemption. On
// several a run differs where two goroutines of a worker wake at one instant.
func TestASeedReplaysExactly(t *testing.T) {
	t.Parallel()
	for seed := range 5 {
		var traces [2][]byte
		for i := range traces {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSimulation$", "-test.v", fmt.Sprint("-seed=", seed))
			c.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=1")
			trace, err := c.Output()
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, trace)
			}
			trace, _, _ = bytes.Cut(trace, []byte("--- PASS"))
			for line := range bytes.Lines(trace) {
				if !bytes.Contains(line, []byte(" level=")) { // jobs that end together log in any order
					traces[i] = append(traces[i], line...)
				}
			}
		}
		if len(traces[0]) < 10_000 || !bytes.Equal(traces[0], traces[1]) {
			t.Errorf("seed %d: the second run differs from the first", seed)
		}
	}
}
