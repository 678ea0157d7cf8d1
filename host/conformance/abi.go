package conformance

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// basics are the checks without which there are no others.
var basics = []check{
	{"abi", "open", func(ctx context.Context, s *suite) error {
		began := time.Now()
		e, err := s.subject.Open(ctx, s.settings(), false)
		s.opened = time.Since(began)
		if err != nil {
			return &finding{asked: "open", got: err.Error(), rule: "open returns the device (executor.wit, interface executor)", err: err}
		}
		s.e, s.device = e, e.Device()
		s.report.Device = &s.device
		s.remark("contract %s", s.subject.Contract)
		return nil
	}},
	{"abi", "device", func(_ context.Context, s *suite) error {
		if err := s.device.Check(); err != nil {
			return &finding{asked: "open", got: err.Error(), rule: "executor.wit, record device"}
		}
		both, listed := 0, map[[2]uint16]bool{}
		for _, edge := range s.device.Edges {
			listed[edge] = true
			if back := [2]uint16{edge[1], edge[0]}; !s.device.Directed && listed[back] {
				if both++; both == 1 {
					s.remark("qubits %d and %d are coupled twice", back[0], back[1])
				}
			}
		}
		if both > 1 {
			s.remark("%d pairs are coupled twice, once in each direction", both)
		}
		return nil
	}},
	{"abi", "first job", func(ctx context.Context, s *suite) error {
		job := s.job(s.plainCircuit(), gateShots)
		began := time.Now()
		execution, err := s.measureOn(ctx, s.e, job, nil)
		if err != nil {
			return err
		}
		if took := time.Since(began); execution.Elapsed != nil && *execution.Elapsed > took {
			s.remark("elapsed-ns is %v, and the whole call took %v", *execution.Elapsed, took.Round(time.Microsecond))
		}
		return nil
	}},
}

// abiChecks try what crosses the boundary beside circuits.
func abiChecks(*suite) []check {
	return []check{
		{"abi", "names", names},
		{"abi", "another instance", anotherInstance},
		{"abi", "batch", batch},
	}
}

// names tries ids and source hashes.
func names(ctx context.Context, s *suite) error {
	for _, id := range []string{"x", "Zürich-量子-🜂-\u0000-\u202e", strings.Repeat("0123456789abcde\n", 4096)} {
		job := s.job(at(s.device.Target, "", []uint16{0}, 0), gateShots)
		job.ID = id
		if _, err := s.measureOn(ctx, s.e, job, certain("0")); err != nil {
			return of(err, fmt.Sprintf("an id of %d bytes", len(id)))
		}
	}
	for _, hash := range []string{"", strings.Repeat("хэш", 5000)} {
		job := s.job(at(s.device.Target, "", []uint16{0}, 0), gateShots)
		job.Circuit.Metadata.SourceHash = hash
		if _, err := s.measureOn(ctx, s.e, job, certain("0")); err != nil {
			return of(err, fmt.Sprintf("a source-hash of %d bytes", len(hash)))
		}
	}
	return nil
}

// of says what else was asked for.
func of(err error, with string) error {
	if f, ok := err.(*finding); ok { //nolint:errorlint // it was made here and is wrapped by nobody
		f.asked += ", with " + with
	}
	return err
}

// anotherInstance opens the executor once more: the device is the same.
func anotherInstance(ctx context.Context, s *suite) error {
	return s.elsewhere(ctx, s.settings(), false, func(e Executor) error {
		again := e.Device()
		if reflect.DeepEqual(again, s.device) {
			return nil
		}
		return &finding{
			asked: "open, in a second instance with the same settings", got: fmt.Sprintf("another device: %s, at first %s", shownDevice(again), shownDevice(s.device)),
			rule: "a node reports one device, whichever instance runs a job (guests/README.md, the contract in brief)",
		}
	})
}

// shownDevice writes a device, no longer than a person reads.
func shownDevice(d abi.Device) string {
	const most = 16 // edges
	if more := len(d.Edges) - most; more > 0 {
		d.Edges = d.Edges[:most]
		return fmt.Sprintf("%+v and %d more edges", d, more)
	}
	return fmt.Sprintf("%+v", d)
}

// batch runs jobs together: each result is of its own job, in their order.
func batch(ctx context.Context, s *suite) error {
	if !s.subject.Batch {
		return skipped("the file does not export batch")
	}
	var jobs []*abi.Job
	var wants []distribution
	for i, c := range []sense{{"rx a pi", "1"}, {"", "0"}, {"rx a pi", "1"}, {"rx a pi; rx a pi", "0"}} {
		jobs = append(jobs, s.job(at(s.device.Target, c.gates, []uint16{0}, 0), uint64(10*(i+1))))
		if s.plain != nil {
			wants = append(wants, certain(c.bits))
		} else {
			wants = append(wants, nil)
		}
	}
	results, err := s.e.RunBatch(ctx, jobs)
	asked := fmt.Sprintf("run-batch of %d jobs", len(jobs))
	if err != nil {
		return &finding{asked: asked, got: err.Error(), rule: "one result per job, in the jobs' order (executor.wit, interface batch)", err: err}
	}
	if len(results) != len(jobs) {
		return &finding{asked: asked, got: fmt.Sprintf("%d results", len(results)), rule: "one result per job (executor.wit, interface batch)"}
	}
	for i, r := range results {
		if r.Err != nil {
			return &finding{asked: asked, got: fmt.Sprintf("job %d: %v", i+1, r.Err), rule: ruleOf(r.Err), err: r.Err}
		}
		if err := s.judge(jobs[i], r.Execution, wants[i]); err != nil {
			return of(err, fmt.Sprintf("others, as job %d of a batch", i+1))
		}
	}
	return nil
}
