// An executor that does what the source hash of its circuit says, for the tests
// of the command line. Otherwise every shot reads zero.
package main

import (
	"math/rand/v2"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

type backend struct{}

func (backend) Open() (coda.Device, error) {
	if why, ok := coda.Config("broken"); ok {
		return coda.Device{}, coda.Failf(coda.Unavailable, "no answer from %s", why)
	}
	return coda.Device{
		Name: "chain", Target: coda.CNOT, NumQubits: 3, Edges: [][2]uint16{{0, 1}, {1, 2}}, Directed: true,
		MaxShots: new(uint64(2000)),
	}, nil
}

func (backend) Run(job coda.Job) (coda.Execution, error) {
	done := job.Shots
	switch job.Circuit.Metadata.SourceHash {
	case "wait": // until told to stop
		coda.Log(coda.LevelInfo, "the backend waits")
		for !coda.IsCancelled() {
			time.Sleep(time.Millisecond)
		}
		return coda.Execution{}, coda.Failf(coda.Cancelled, "as asked")
	case "loop": // whatever it is told
		coda.Log(coda.LevelInfo, "the backend loops")
		for {
		}
	case "nap": // and then as for dice
		coda.Log(coda.LevelInfo, "the backend naps")
		time.Sleep(2 * time.Second)
		return dice(job), nil
	case "dice": // no two executions come to the same
		coda.Log(coda.LevelInfo, "the backend rolls dice")
		return dice(job), nil
	case "half":
		done /= 2
	case "seed":
		seed, _ := coda.Config("seed")
		gain, _ := coda.Config("gain")
		return coda.Execution{}, coda.Failf(coda.Internal, "seed %q, gain %q", seed, gain)
	}
	return coda.Execution{
		Outcomes:       []coda.Outcome{{Bits: 0, Count: done}},
		ShotsCompleted: done, Elapsed: new(1500 * time.Microsecond),
	}, nil
}

func dice(job coda.Job) coda.Execution {
	some := 1 + rand.Uint64N(job.Shots-1)
	return coda.Execution{
		Outcomes:       []coda.Outcome{{Bits: 0, Count: some}, {Bits: 1, Count: job.Shots - some}},
		ShotsCompleted: job.Shots, Elapsed: new(time.Duration(1 + rand.Int64N(int64(time.Second)))),
	}
}

func init() { coda.Register(backend{}) }
func main() {}
