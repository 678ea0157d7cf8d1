// An executor that does what the id of its job says, for the tests of the SDK.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/logger"
)

func main() {}

func init() { coda.Register(&exercise{}) }

type exercise struct {
	jobs int
	kept []coda.Job
	copy []coda.Operation
}

func (e *exercise) Open() (coda.Device, error) {
	slog.SetDefault(logger.New())
	switch open, _ := coda.Config("open"); open {
	case "fail":
		return coda.Device{}, coda.Failf(coda.Unavailable, "no answer from %s", "the AWG")
	case "panic":
		panic("no device file")
	case "edges":
		return coda.Device{
			Name: "grid \xff", Target: coda.CNOT, NumQubits: 9, Directed: true, MaxShots: new(uint64(math.MaxUint64)),
			Edges: [][2]uint16{{0, 1}, {1, 0}, {7, 8}},
		}, nil
	}
	return coda.Device{Name: "exercise", NumQubits: 50}, nil
}

func (e *exercise) Run(job coda.Job) (coda.Execution, error) {
	e.jobs++
	what, argument, _ := strings.Cut(job.ID, ":")
	switch what {
	case "describe": // everything that crossed, in words
		c := job.Circuit
		return coda.Execution{}, coda.Failf(coda.Unsupported, "%q target %v of %d, %v, measured %d, hash %q, %d shots",
			job.ID, c.Target, c.NumQubits, c.Operations, c.Measurements, c.Metadata.SourceHash, job.Shots)
	case "settings":
		value, ok := coda.Config(argument)
		if stale, some := coda.Config("unset"); some || stale != "" {
			return coda.Execution{}, coda.Failf(coda.Internal, "the setting unset is %q", stale)
		}
		return coda.Execution{}, coda.Failf(coda.Unavailable, "%q %v of %q", value, ok, coda.ConfigKeys())
	case "count": // the jobs of this instance, this one included
		return coda.Execution{}, coda.Failf(coda.Unsupported, "%d jobs", e.jobs)
	case "error":
		return coda.Execution{}, errors.New("broken \xff text")
	case "wrapped":
		return coda.Execution{}, fmt.Errorf("cool down: %w", coda.Failf(coda.Unavailable, "warm"))
	case "panic":
		var none *coda.Circuit
		return coda.Execution{ShotsCompleted: uint64(none.NumQubits)}, nil
	case "deadlock":
		select {}
	case "cancelled":
		for !coda.IsCancelled() {
			time.Sleep(time.Millisecond)
		}
		return coda.Execution{}, coda.Failf(coda.Cancelled, "as asked")
	case "log":
		slog.Warn("the fridge", "kelvin", 4)
		coda.Log(coda.LevelInfo, "two\xffparts")
		fmt.Println("to standard output")
		coda.Progress(job.Shots / 2)
	case "outcomes": // one for each shot
		out := make([]coda.Outcome, job.Shots)
		for i := range out {
			out[i] = coda.Outcome{Bits: uint64(i), Count: 1}
		}
		return coda.Execution{Outcomes: out, ShotsCompleted: job.Shots}, nil
	case "keep": // the job, and a copy to compare it with later
		e.kept = append(e.kept, job)
		e.copy = slices.Clone(job.Circuit.Operations)
	case "kept":
		for _, kept := range e.kept {
			if !slices.Equal(kept.Circuit.Operations, e.copy) || !strings.HasPrefix(kept.ID, "keep:") {
				return coda.Execution{}, errors.New("a kept job has changed")
			}
		}
		return coda.Execution{}, coda.Failf(coda.Unsupported, "%d kept", len(e.kept))
	case "goroutines": // that talk to the node, some of them after the job
		debug.SetGCPercent(1) // collections give other goroutines their turn inside the allocator
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for range 100 {
					if value, _ := coda.Config("a"); strings.Trim(value, "a") != "" || len(value) < 1000 {
						panic("another setting")
					}
					if value, _ := coda.Config("b"); value != "short" {
						panic("another setting")
					}
					if keys := coda.ConfigKeys(); !slices.Equal(keys, []string{"a", "b"}) {
						panic("other keys")
					}
					coda.Progress(1)
					runtime.Gosched()
				}
			})
		}
		wait.Wait()
		go func() {
			for {
				coda.IsCancelled()
				_ = bytes.Repeat([]byte{1}, 1<<14) // so that collections start anywhere
				runtime.Gosched()
			}
		}()
	}
	zeros := []coda.Outcome{{Count: job.Shots}}
	return coda.Execution{Outcomes: zeros, ShotsCompleted: job.Shots, Elapsed: new(-time.Second)}, nil
}
