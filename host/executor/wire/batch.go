package wire

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/host/fault"
)

// A batch is a sequence of parts: a size (u32), a mark (u32) and so many bytes,
// filled up to a multiple of 8.
const partHeader = 8

// The marks of a part.
const (
	partJob    = iota // see AppendJob
	partDone          // see AppendDone
	partFailed        // JSON FailedBody
)

// AppendJobs appends a batch of jobs.
func AppendJobs(b []byte, jobs []*abi.Job) []byte {
	for _, job := range jobs {
		b = appendPart(b, partJob, func(b []byte) []byte { return AppendJob(b, job) })
	}
	return b
}

// ParseJobs reads what AppendJobs wrote. Operations may be views of b.
func ParseJobs(b []byte) ([]*abi.Job, error) {
	var jobs []*abi.Job
	err := parts(b, func(mark uint32, part []byte) error {
		if mark != partJob {
			return &ProtocolError{"a batch with something else than jobs"}
		}
		job := &abi.Job{Circuit: new(abi.Circuit)}
		jobs = append(jobs, job)
		return ParseJob(part, job)
	})
	return jobs, err
}

// AppendResults appends what became of a batch that took call in all. Each job
// without a time of its own is given an equal share.
func AppendResults(b []byte, results []canon.Result, call time.Duration) []byte {
	share := call / time.Duration(max(len(results), 1))
	for _, r := range results {
		if r.Failure == nil {
			b = appendPart(b, partDone, func(b []byte) []byte { return AppendDone(b, r.Execution, share) })
			continue
		}
		b = appendPart(b, partFailed, func(b []byte) []byte {
			// The four kinds of the WIT are the first four causes.
			body, _ := json.Marshal(FailedBody{Cause: fault.Cause(r.Failure.Kind), Message: r.Failure.Message}) // cannot fail
			return append(b, body...)
		})
	}
	return b
}

// Outcome is what became of one job of a batch: an execution, or why there is
// none.
type Outcome struct {
	Execution *abi.Execution
	Failed    FailedBody
}

// ParseResults reads what AppendResults wrote.
func ParseResults(b []byte) ([]Outcome, error) {
	var outcomes []Outcome
	err := parts(b, func(mark uint32, part []byte) (err error) {
		var o Outcome
		switch mark {
		case partDone:
			o.Execution, err = ParseDone(part)
		case partFailed:
			err = json.Unmarshal(part, &o.Failed)
		default:
			err = &ProtocolError{"a batch with something else than results"}
		}
		outcomes = append(outcomes, o)
		return err
	})
	return outcomes, err
}

func appendPart(b []byte, mark uint32, fill func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, partHeader)...)
	b = fill(b)
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start-partHeader))
	binary.NativeEndian.PutUint32(b[start+4:], mark)
	return append(b, make([]byte, -(len(b)-start)&7)...)
}

// parts calls each with every part of b.
func parts(b []byte, each func(mark uint32, part []byte) error) error {
	for len(b) > 0 {
		if len(b) < partHeader {
			return &ProtocolError{"a batch that ends in a header"}
		}
		size, mark := int(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
		whole := (partHeader + size + 7) &^ 7
		if whole > len(b) {
			return &ProtocolError{"a batch that ends in a part"}
		}
		if err := each(mark, b[partHeader:partHeader+size]); err != nil {
			return err
		}
		b = b[whole:]
	}
	return nil
}
