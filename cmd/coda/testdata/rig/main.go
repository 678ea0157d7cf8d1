// An executor that asks the world for all that it has, for the tests of tapes; its twin
// in C is rig.c. What else it does is the source hash of its circuit.
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/safety"
	"github.com/conductorquantum/coda/guests/sdk/go/stream"
)

type rig struct{}

func init() {
	coda.Register(rig{})
	safety.Register(rest)
}

func main() {}

func (rig) Open() (coda.Device, error) {
	_, err := ask("HELLO")
	return coda.Device{Name: "rig", NumQubits: 2}, err
}

func rest() error {
	_, err := ask("ABOR")
	return err
}

// ask has the instrument send back a line.
func ask(line string) (string, error) {
	c, err := stream.Dial("echo")
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "%s\n", line); err != nil {
		return "", err
	}
	back, err := c.ReadUntil('\n', 100)
	return string(back), err
}

func (rig) Run(job coda.Job) (coda.Execution, error) {
	began := time.Now()
	calibration, err := os.ReadFile("/device/calibration")
	if err != nil {
		return coda.Execution{}, err
	}
	gain, _ := coda.Config("gain")
	var die [2]byte
	_, _ = rand.Read(die[:])
	back, err := ask(fmt.Sprintf("%x %s %s", die, gain, calibration))
	if err != nil {
		return coda.Execution{}, err
	}
	coda.Log(coda.LevelInfo, "it says "+back)
	switch job.Circuit.Metadata.SourceHash {
	case "fail":
		return coda.Execution{}, coda.Failf(coda.Unavailable, "no good: %s", back)
	case "trap":
		os.Exit(3)
	case "wait":
		for !coda.IsCancelled() {
			time.Sleep(10 * time.Millisecond)
		}
		return coda.Execution{}, coda.Failf(coda.Cancelled, "as asked, after %s", back)
	case "poll": // for ever, and looking at the clock
		for {
			time.Sleep(10 * time.Millisecond)
		}
	case "listen": // to what says nothing
		c, err := stream.Dial("echo")
		if err == nil {
			_, err = c.ReadExact(1)
		}
		return coda.Execution{}, fmt.Errorf("listening: %w", err)
	}
	coda.Progress(job.Shots)
	ones := uint64(die[0]) * job.Shots / 256
	e := coda.Execution{ShotsCompleted: job.Shots, Elapsed: new(time.Since(began))}
	for bits, count := range []uint64{job.Shots - ones, ones} {
		if count > 0 {
			e.Outcomes = append(e.Outcomes, coda.Outcome{Bits: uint64(bits), Count: count})
		}
	}
	return e, nil
}
