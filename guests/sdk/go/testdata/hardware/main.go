// An executor that makes every call into hardware, for the tests of the SDK; its twin
// in C is guests/testdata/hardware. What it does depends on the id of its job, and what
// came of it is the message with which the job fails.
package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/batch"
	"github.com/conductorquantum/coda/guests/sdk/go/registers"
	"github.com/conductorquantum/coda/guests/sdk/go/safety"
	"github.com/conductorquantum/coda/guests/sdk/go/stream"
)

type hardware struct{}

func init() {
	coda.Register(hardware{})
	batch.Register(together)
	safety.Register(rest)
}

func main() {}

func (hardware) Open() (coda.Device, error) {
	return coda.Device{Name: "hardware", NumQubits: 3}, nil
}

func (hardware) Run(job coda.Job) (coda.Execution, error) {
	var report strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&report, format+"; ", args...) }
	var err error
	switch job.ID {
	case "stream":
		err = streams(say)
	case "kinds":
		for range 7 {
			_, err := stream.Dial("awg")
			sayError(say, err)
		}
	case "broken":
		err = broken(say)
	case "large":
		err = large(say)
	case "http":
		err = requests(say)
	case "registers":
		err = windows(say)
	case "fail":
		_, err = stream.Dial("awg")
	case "zeros":
		return zeros(job), nil
	}
	if err != nil {
		return coda.Execution{}, err
	}
	return coda.Execution{}, coda.Failf(coda.Unsupported, "%s", report.String())
}

func zeros(job coda.Job) coda.Execution {
	return coda.Execution{Outcomes: []coda.Outcome{{Count: job.Shots}}, ShotsCompleted: job.Shots}
}

func sayError(say func(string, ...any), err error) {
	if e, ok := errors.AsType[*coda.IOError](err); ok {
		say("%d %s", e.Kind, e.Message)
		return
	}
	say("no IOError: %v", err)
}

func streams(say func(string, ...any)) error {
	c, err := stream.Dial("awg")
	if err != nil {
		return err
	}
	_ = c.SetTimeout(1500 * time.Millisecond)
	if _, err := io.WriteString(c, "*IDN?\n"); err != nil {
		return err
	}
	line, err := c.ReadUntil('\n', 64)
	if err != nil {
		return err
	}
	say("%s", strings.TrimSpace(string(line)))
	data, err := c.ReadExact(5)
	if err != nil {
		return err
	}
	say("%d", data)
	buffer := make([]byte, 8)
	n, err := c.Read(buffer)
	if err != nil {
		return err
	}
	say("%s", buffer[:n])
	if _, err := c.Read(buffer); errors.Is(err, io.EOF) {
		say("end")
	}
	return c.Close()
}

func broken(say func(string, ...any)) error {
	c, err := stream.Dial("awg")
	if err != nil {
		return err
	}
	_, err = c.Write(nil)
	sayError(say, err)
	_, err = c.ReadExact(3)
	sayError(say, err)
	_, err = c.ReadUntil(255, 3)
	sayError(say, err)
	_, err = c.Read(make([]byte, 3))
	sayError(say, err)
	if err := c.Close(); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 3))
	if errors.Is(err, coda.ErrCancelled) {
		return err
	}
	say("closed")
	return nil
}

func large(say func(string, ...any)) error {
	c, err := stream.Dial("awg")
	if err != nil {
		return err
	}
	var sum uint64
	for range 80 {
		data, err := c.ReadExact(1 << 20)
		if err != nil {
			return err
		}
		for _, b := range data {
			sum += uint64(b)
		}
	}
	say("%d", sum)
	return c.Close()
}

func windows(say func(string, ...any)) error {
	w, err := registers.Open("fpga")
	if err != nil {
		return err
	}
	word, err := w.Read32(8)
	if err != nil {
		return err
	}
	say("%d", word)
	if err := w.Write32(12, 0x80000001); err != nil {
		return err
	}
	words, err := w.ReadBlock(16, 3)
	if err != nil {
		return err
	}
	say("%d", words)
	if err := w.WriteBlock(32, []uint32{5, 0xFFFFFFFF}); err != nil {
		return err
	}
	if word, err = w.Poll32(4, 0xF0, 0x30, 250*time.Millisecond); err != nil {
		return err
	}
	say("%d", word)
	_, err = w.Read32(0xFFFFFFFC)
	sayError(say, err)
	sayError(say, w.Write32(0, 0))
	_, err = w.ReadBlock(4, 9)
	sayError(say, err)
	sayError(say, w.WriteBlock(4, nil))
	_, err = w.Poll32(0, 1, 1, 0)
	sayError(say, err)
	if err := w.Close(); err != nil {
		return err
	}
	if _, err = w.Read32(0); err != nil {
		say("closed")
	}
	return nil
}

// together fails every job whose id is not zeros, with all that came of it.
func together(jobs []coda.Job) []batch.Result {
	results := make([]batch.Result, len(jobs))
	for i, job := range jobs {
		if job.ID == "zeros" {
			results[i].Execution = zeros(job)
			continue
		}
		c := job.Circuit
		results[i].Err = coda.Failf(coda.Unavailable, "%d of %d: %s, target %d, %d qubits, %d gates, last on %d, %d measured, hash %s, %d shots",
			i, len(jobs), job.ID, c.Target, c.NumQubits, len(c.Operations), c.Operations[len(c.Operations)-1].Q0, len(c.Measurements), c.Metadata.SourceHash, job.Shots)
	}
	return results
}

// rest tells the instrument to stop.
func rest() error {
	c, err := stream.Dial("awg")
	if err != nil {
		return err
	}
	_, err = io.WriteString(c, "ABOR\n")
	return err
}
