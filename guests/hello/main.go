// The smallest executor: every shot of every circuit reads zero.
package main

import (
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

type hello struct{}

func (hello) Open() (coda.Device, error) {
	return coda.Device{Name: "hello", Target: coda.CZ, NumQubits: 50}, nil
}

func (hello) Run(job coda.Job) (coda.Execution, error) {
	zeros := []coda.Outcome{{Bits: 0, Count: job.Shots}}
	return coda.Execution{Outcomes: zeros, ShotsCompleted: job.Shots, Elapsed: new(time.Duration)}, nil
}

func init() { coda.Register(hello{}) }
func main() {}
