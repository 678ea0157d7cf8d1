package wire_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// FuzzFrames reads what the other end might send, in reads of any sizes: frames and
// then an error come of it, the same as of one read; what is left over is what was not
// returned, and memory stays within what has arrived.
func FuzzFrames(f *testing.F) {
	var stream bytes.Buffer
	c := wire.NewConn(&stream, 0)
	_ = c.Write(wire.Ready, nil)
	_ = c.WriteFunc(wire.Done, func(b []byte) []byte {
		return wire.AppendDone(b, &abi.Execution{Outcomes: []abi.Outcome{{Bits: 1, Count: 1}}, ShotsCompleted: 1}, 1)
	})
	f.Add(stream.Bytes(), []byte{1, 7, 3}, false)
	f.Add(append(stream.Bytes(), "panic: runtime error"...), []byte{9}, true)
	f.Add([]byte{byte(wire.Log), 0, 0, 0, 0xff, 0xff, 0xff, 3, 'h'}, []byte{1}, false) // a header that promises 64 MiB
	f.Fuzz(func(t *testing.T, b, sizes []byte, node bool) {
		limit := wire.MaxFromChild
		if node {
			limit = wire.MaxFromNode
		}
		before := allocated()
		kinds, payloads, rest, end := frames(bytes.NewReader(b), limit)
		if used := allocated() - before; used > 4<<20+16*uint64(len(b)) {
			t.Fatalf("%d bytes are allocated for a stream of %d", used, len(b))
		}
		again, same, otherRest, otherEnd := frames(&pieces{b, sizes, 0}, limit)
		if !slices.Equal(kinds, again) || !slices.EqualFunc(payloads, same, bytes.Equal) || end.Error() != otherEnd.Error() {
			t.Fatalf("at once %v, %v; in pieces %v, %v", kinds, end, again, otherEnd)
		}
		if _, broken := errors.AsType[*wire.ProtocolError](end); !broken && !errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) {
			t.Fatalf("a foreign error: %T %v", end, end)
		}
		if !bytes.HasPrefix(rest, otherRest) || !bytes.HasSuffix(b, rest) {
			t.Fatalf("%d bytes are left over, and %d in pieces", len(rest), len(otherRest))
		}
		// What was returned and what is left is what came.
		var back bytes.Buffer
		out := wire.NewConn(&back, 0)
		for i, kind := range kinds {
			if err := out.Write(kind, payloads[i]); err != nil {
				t.Fatal(err)
			}
		}
		if got := append(back.Bytes(), rest...); !bytes.Equal(got, b) {
			t.Fatalf("% x\n% x", got, b)
		}
	})
}

// frames reads a stream to its end.
func frames(r io.Reader, limit int) (kinds []wire.Kind, payloads [][]byte, rest []byte, end error) {
	c := wire.NewConn(readOnly{r}, limit)
	for {
		kind, payload, err := c.Read()
		if err != nil {
			return kinds, payloads, c.Unread(), err
		}
		kinds, payloads = append(kinds, kind), append(payloads, bytes.Clone(payload))
	}
}

// pieces is a stream that comes in reads of the given sizes.
type pieces struct {
	b, sizes []byte
	n        int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	size := 1
	if len(p.sizes) > 0 {
		size = int(p.sizes[p.n%len(p.sizes)]) + 1
		p.n++
	}
	n := copy(b[:min(size, len(b))], p.b)
	p.b = p.b[n:]
	return n, nil
}

// FuzzPayloads reads arbitrary bytes as each kind of payload. What can be read is, when
// it is written again, read as the same; what cannot is an error, and neither takes more
// memory than the bytes explain.
func FuzzPayloads(f *testing.F) {
	job := &abi.Job{ID: "é", Shots: 9, Circuit: &abi.Circuit{
		Target: abi.CNOT, NumQubits: 50, Operations: []abi.Operation{{Gate: abi.CP, Q0: 1, Q1: 2, Param: -0.1}},
		Measurements: []uint16{3, 1}, Metadata: abi.Metadata{SourceHash: "sha256:0"},
	}}
	execution := &abi.Execution{Outcomes: []abi.Outcome{{Bits: 1, Count: 2}}, ShotsCompleted: 2, Elapsed: new(time.Duration(5))}
	f.Add(wire.AppendJob(nil, job))
	f.Add(wire.AppendJobs(nil, []*abi.Job{job, job}))
	f.Add(wire.AppendDone(nil, execution, time.Second))
	f.Add(wire.AppendResults(nil, []canon.Result{{Execution: execution}, {Failure: &abi.Failure{Kind: abi.Unavailable, Message: "away"}}}, time.Second))
	f.Add(wire.AppendProgress(nil, 7))
	f.Add(wire.AppendUsage(nil, wire.Usage{Memory: 1, Lines: 2}))
	f.Add(wire.AppendCall(nil, &effect.Call{Func: effect.HTTPSend, Handle: 1, Number: 2, Text: "e", Method: "GET", Path: "/", Data: []byte("body"), Pairs: [][2]string{{"k", "v"}}}))
	f.Add(wire.AppendAnswer(nil, &effect.Answer{Number: 200, Data: []byte("body"), Pairs: [][2]string{{"k", "v"}}}))
	f.Add(wire.AppendAnswer(nil, &effect.Answer{Failed: true, Kind: effect.Other, Message: "no"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := allocated()
		first := &abi.Job{Circuit: new(abi.Circuit)}
		again(t, "job", b, wire.ParseJob(b, first), func(b []byte) []byte { return wire.AppendJob(b, first) }, func(b []byte) ([]byte, error) {
			second := &abi.Job{Circuit: new(abi.Circuit)}
			err := wire.ParseJob(b, second)
			return wire.AppendJob(nil, second), err
		})
		jobs, err := wire.ParseJobs(b)
		again(t, "jobs", b, err, func(b []byte) []byte { return wire.AppendJobs(b, jobs) }, func(b []byte) ([]byte, error) {
			jobs, err := wire.ParseJobs(b)
			return wire.AppendJobs(nil, jobs), err
		})
		done, err := wire.ParseDone(b)
		if err == nil && done.Elapsed == nil {
			t.Fatal("a result without a time")
		}
		again(t, "done", b, err, func(b []byte) []byte { return wire.AppendDone(b, done, 0) }, func(b []byte) ([]byte, error) {
			done, err := wire.ParseDone(b)
			return wire.AppendDone(nil, done, 0), err
		})
		outcomes, err := wire.ParseResults(b)
		again(t, "results", b, err, func(b []byte) []byte { return wire.AppendResults(b, results(outcomes), 0) }, func(b []byte) ([]byte, error) {
			outcomes, err := wire.ParseResults(b)
			return wire.AppendResults(nil, results(outcomes), 0), err
		})
		shots, err := wire.ParseProgress(b)
		if written := wire.AppendProgress(nil, shots); err == nil && !bytes.Equal(written, b) {
			t.Fatalf("progress %d", shots)
		}
		usage, err := wire.ParseUsage(b)
		if written := wire.AppendUsage(nil, usage); err == nil && !bytes.Equal(written, b) {
			t.Fatalf("usage %+v", usage)
		}
		var call effect.Call
		if err := wire.ParseCall(b, &call); err == nil {
			if written := wire.AppendCall(nil, &call); !bytes.Equal(written, b) { // all of it is read
				t.Fatalf("call %+v\n% x\n% x", call, written, b)
			}
		}
		answer, err := wire.ParseAnswer(b)
		again(t, "answer", b, err, func(b []byte) []byte { return wire.AppendAnswer(b, &answer) }, func(b []byte) ([]byte, error) {
			answer, err := wire.ParseAnswer(b)
			return wire.AppendAnswer(nil, &answer), err
		})
		if used := allocated() - before; used > 1<<20+256*uint64(len(b)) {
			t.Fatalf("%d bytes are allocated for %d", used, len(b))
		}
	})
}

// again checks that what was read of b, if it could be, is written and read and written
// once more the same.
func again(t *testing.T, what string, b []byte, err error, write func([]byte) []byte, rewrite func([]byte) ([]byte, error)) {
	t.Helper()
	if err != nil {
		return
	}
	once := write(nil)
	twice, err := rewrite(once)
	if err != nil || !bytes.Equal(once, twice) {
		t.Fatalf("%s of % x: %v\n% x\n% x", what, b, err, once, twice)
	}
}

func results(outcomes []wire.Outcome) (all []canon.Result) {
	for _, o := range outcomes {
		r := canon.Result{Execution: o.Execution}
		if o.Execution == nil {
			// Of other causes none comes from a guest.
			r.Failure = &abi.Failure{Kind: abi.FailureKind(min(o.Failed.Cause, fault.Cause(abi.Internal))), Message: o.Failed.Message}
		}
		all = append(all, r)
	}
	return all
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}
