package canon_test

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
)

func job() *abi.Job {
	return &abi.Job{ID: "job-é", Shots: 1 << 40, Circuit: &abi.Circuit{
		Target: abi.PCZ, NumQubits: 300,
		Operations: []abi.Operation{
			{Gate: abi.RX, Q0: 1, Q1: 1, Param: math.Pi},
			{Gate: abi.CP, Q0: 2, Q1: 299, Param: -0.5},
		},
		Measurements: []uint16{299, 0, 299},
		Metadata:     abi.Metadata{SourceHash: "sha256:00"},
	}}
}

func TestLowerJob(t *testing.T) {
	t.Parallel()
	g := newGuest(4096)
	var flat [canon.RunParams]uint64
	if err := canon.LowerJob(g, job(), flat[:]); err != nil {
		t.Fatal(err)
	}
	// One allocation for each list and string: bindings free each of them.
	if want := []uint32{6, 32, 6, 9}; !slices.Equal(g.calls, want) {
		t.Errorf("allocations of %v bytes, want %v", g.calls, want)
	}
	text := func(i int) string { return string(g.memory[flat[i]:][:flat[i+1]]) }
	if text(0) != "job-é" || text(8) != "sha256:00" {
		t.Errorf("id %q, source hash %q", text(0), text(8))
	}
	if flat[2] != 2 || flat[3] != 300 || flat[5] != 2 || flat[7] != 3 || flat[10] != 1<<40 {
		t.Errorf("flat parameters %v", flat)
	}
	want := le(
		byte(0), byte(0), uint16(1), uint16(1), uint16(0), math.Float64bits(math.Pi),
		byte(5), byte(0), uint16(2), uint16(299), uint16(0), math.Float64bits(-0.5))
	if got := g.memory[flat[4]:][:32]; !slices.Equal(got, want) {
		t.Errorf("operations % x\nwant       % x", got, want)
	}
	if got := g.memory[flat[6]:][:6]; !slices.Equal(got, le(uint16(299), uint16(0), uint16(299))) {
		t.Errorf("measurements % x", got)
	}
}

func TestReallocIsNotTrusted(t *testing.T) {
	t.Parallel()
	trap := errors.New("trap")
	for name, tt := range map[string]struct {
		realloc func(align, size uint32) (uint32, error)
		what    string
		err     error
	}{
		"out of memory":  {realloc: func(_, _ uint32) (uint32, error) { return 0, nil }, what: "job.id"},
		"beyond the end": {realloc: func(_, _ uint32) (uint32, error) { return 4092, nil }, what: "job.id"},
		"far beyond":     {realloc: func(_, _ uint32) (uint32, error) { return math.MaxUint32 - 7, nil }, what: "job.id"},
		"misaligned":     {realloc: func(align, _ uint32) (uint32, error) { return align + align/2, nil }, what: "circuit.operations"},
		"traps":          {realloc: func(_, _ uint32) (uint32, error) { return 0, trap }, err: trap},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(4096)
			g.realloc = tt.realloc
			var flat [canon.RunParams]uint64
			err := canon.LowerJob(g, job(), flat[:])
			if tt.err != nil && !errors.Is(err, tt.err) || tt.err == nil && rule(err) != tt.what {
				t.Errorf("error %v, want %q or %v", err, tt.what, tt.err)
			}
		})
	}
	// The same block twice is the guest's own harm.
	g := newGuest(4096)
	g.realloc = func(_, _ uint32) (uint32, error) { return 64, nil }
	var flat [canon.RunParams]uint64
	if err := canon.LowerJob(g, job(), flat[:]); err != nil {
		t.Error(err)
	}
}

func TestLiftExecution(t *testing.T) {
	t.Parallel()
	elapsed := func(d time.Duration) *time.Duration { return &d }
	ok := func(list ...any) []byte { return le(append([]any{byte(0), byte(0), uint16(0), 0}, list...)...) }
	outcomes := le(uint64(5), uint64(600), uint64(2), uint64(400))
	for name, tt := range map[string]struct {
		memory  map[int][]byte
		want    *abi.Execution
		failure *abi.Failure
		broken  string
	}{
		"with its own time": {
			memory: map[int][]byte{16: ok(64, 2, uint64(1000), uint64(1), uint64(7)), 64: outcomes},
			want: &abi.Execution{Outcomes: []abi.Outcome{{Bits: 5, Count: 600}, {Bits: 2, Count: 400}},
				ShotsCompleted: 1000, Elapsed: elapsed(7)},
		},
		"without": {
			memory: map[int][]byte{16: ok(64, 1, uint64(9), uint64(0), uint64(7)), 64: outcomes},
			want:   &abi.Execution{Outcomes: []abi.Outcome{{Bits: 5, Count: 600}}, ShotsCompleted: 9},
		},
		"a time beyond Go's": {
			memory: map[int][]byte{16: ok(0, 0, uint64(1), uint64(1), uint64(math.MaxUint64))},
			want:   &abi.Execution{Outcomes: []abi.Outcome{}, ShotsCompleted: 1, Elapsed: elapsed(math.MaxInt64)},
		},
		"failure": {
			memory:  map[int][]byte{16: le(byte(1), byte(0), uint16(0), 0, 1, 64, 4), 64: []byte("away")},
			failure: &abi.Failure{Kind: abi.Unavailable, Message: "away"},
		},
		"a long message": {
			memory:  map[int][]byte{16: le(byte(1), byte(0), uint16(0), 0, 3, 64, 5002), 64: []byte("a" + strings.Repeat("é", 2500) + "z")},
			failure: &abi.Failure{Kind: abi.Internal, Message: "a" + strings.Repeat("é", 2047) + "... (the first 4095 of 5002 bytes)"},
		},
		"a long message not UTF-8":  {memory: map[int][]byte{16: le(byte(1), byte(0), uint16(0), 0, 1, 64, 5000), 5063: {0xff}}, broken: "failure.message"},
		"discriminant":              {memory: map[int][]byte{16: le(byte(2))}, broken: "result of run"},
		"failure kind":              {memory: map[int][]byte{16: le(byte(1), byte(0), uint16(0), 0, 4)}, broken: "failure.kind"},
		"message not UTF-8":         {memory: map[int][]byte{16: le(byte(1), byte(0), uint16(0), 0, 1, 64, 1), 64: {0xff}}, broken: "failure.message"},
		"message out of range":      {memory: map[int][]byte{16: le(byte(1), byte(0), uint16(0), 0, 1, -4, 8)}, broken: "failure.message"},
		"outcomes misaligned":       {memory: map[int][]byte{16: ok(68, 1)}, broken: "execution.outcomes"},
		"outcomes out of range":     {memory: map[int][]byte{16: ok(64, 509)}, broken: "execution.outcomes"},
		"empty list beyond the end": {memory: map[int][]byte{16: ok(8200, 0)}, broken: "execution.outcomes"},
		"list over the limit":       {memory: map[int][]byte{16: ok(64, 1<<24)}, broken: "execution.outcomes"},
		"length that wraps":         {memory: map[int][]byte{16: ok(64, 1<<28+1)}, broken: "execution.outcomes"},
		"option discriminant":       {memory: map[int][]byte{16: ok(0, 0, uint64(1), uint64(2))}, broken: "execution.elapsed-ns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, failure, err := canon.LiftExecution(at(8192, tt.memory), 16, new(canon.Budget(1000)))
			if rule(err) != tt.broken || !reflect.DeepEqual(got, tt.want) || !reflect.DeepEqual(failure, tt.failure) {
				t.Errorf("got %+v, %+v, %v", got, failure, err)
			}
		})
	}
	for _, ptr := range []uint32{4, 17, 1000, math.MaxUint32 - 7} {
		if _, _, err := canon.LiftExecution(newGuest(1024), ptr, new(canon.Budget(1000))); rule(err) != "result of run" {
			t.Errorf("result at %#x: %v", ptr, err)
		}
	}
}

// A hostile guest lets many results point at one list: the budget holds over all
// of them.
func TestTheBudgetIsForTheWholeBatch(t *testing.T) {
	t.Parallel()
	results := le()
	for range 3 {
		results = append(results, le(byte(0), byte(0), uint16(0), 0, 512, 10, uint64(10), uint64(0), uint64(0))...)
	}
	g := at(1024, map[int][]byte{8: le(64, 3), 64: results})
	budget := canon.Budget(30)
	got, err := canon.LiftResults(g, 8, 3, &budget)
	if err != nil || len(got) != 3 || len(got[2].Execution.Outcomes) != 10 || budget != 0 {
		t.Errorf("%d results, %v, %d left", len(got), err, budget)
	}
	budget = 29
	if _, err := canon.LiftResults(g, 8, 3, &budget); rule(err) != "execution.outcomes" || !over(err) {
		t.Errorf("over the budget: %v", err)
	}
	if _, err := canon.LiftResults(g, 8, 2, &budget); rule(err) != "results" {
		t.Errorf("another number: %v", err)
	}
}

func TestLowerJobs(t *testing.T) {
	t.Parallel()
	g := newGuest(4096)
	ptr, n, err := canon.LowerJobs(g, []*abi.Job{job(), job()})
	if err != nil || n != 2 || ptr%8 != 0 {
		t.Fatalf("%d jobs at %d, %v", n, ptr, err)
	}
	for i := range uint32(2) {
		record := g.memory[ptr+i*48:][:48]
		word := func(at int) uint32 { return binary.LittleEndian.Uint32(record[at:]) }
		text := func(at int) string { return string(g.memory[word(at):][:word(at+4)]) }
		if text(0) != "job-é" || record[8] != 2 || binary.LittleEndian.Uint16(record[10:]) != 300 ||
			word(16) != 2 || word(24) != 3 || text(28) != "sha256:00" || binary.LittleEndian.Uint64(record[40:]) != 1<<40 {
			t.Errorf("job %d: % x", i, record)
		}
		if first := g.memory[word(12)]; abi.Gate(first) != abi.RX {
			t.Errorf("job %d begins with gate %d", i, first)
		}
	}
}

func TestLiftDevice(t *testing.T) {
	t.Parallel()
	record := func(target byte, qubits uint16, edges, count int, directed byte, some byte, shots uint64) []byte {
		return le(byte(0), byte(0), uint16(0), 0, // ok
			100, 4, target, byte(0), qubits, edges, count, directed, byte(0), uint16(0), some, byte(0), uint16(0), 0, shots)
	}
	memory := func(b []byte) *guest {
		return at(256, map[int][]byte{16: b, 100: []byte("fake"), 128: le(uint16(1), uint16(0), uint16(2), uint16(1))})
	}
	got, failure, err := canon.LiftDevice(memory(record(3, 5, 128, 2, 9, 1, 77)), 16)
	want := &abi.Device{Name: "fake", Target: abi.CNOT, NumQubits: 5, Edges: [][2]uint16{{1, 0}, {2, 1}}, Directed: true, MaxShots: new(uint64(77))}
	if err != nil || failure != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, %v", got, failure, err)
	}
	got, _, err = canon.LiftDevice(memory(record(0, 5, 0, 0, 0, 0, 77)), 16)
	if err != nil || got.Edges != nil || got.MaxShots != nil || got.Directed {
		t.Errorf("got %+v, %v", got, err)
	}
	many := newGuest(5 << 20)
	copy(many.memory[16:], record(0, 5, 128, 1<<20+1, 0, 0, 0))
	if _, _, err := canon.LiftDevice(many, 16); rule(err) != "device.edges" || !over(err) {
		t.Errorf("edges without end: %v", err)
	}
	for what, b := range map[string][]byte{
		"device.target":    record(4, 5, 0, 0, 0, 0, 0),
		"device.edges":     record(0, 5, 129, 1, 0, 0, 0),
		"device.max-shots": record(0, 5, 0, 0, 0, 3, 0),
	} {
		if _, _, err := canon.LiftDevice(memory(b), 16); rule(err) != what {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestImportsAnswers(t *testing.T) {
	t.Parallel()
	g := newGuest(1024)
	if err := canon.LowerOptionString(g, 8, "value", true); err != nil {
		t.Fatal(err)
	}
	ptr, size := binary.LittleEndian.Uint32(g.memory[12:]), binary.LittleEndian.Uint32(g.memory[16:])
	if s, err := canon.LiftString(g, "it", ptr, size); g.memory[8] != 1 || s != "value" || err != nil {
		t.Errorf("option %d %q, %v", g.memory[8], s, err)
	}
	g.memory[8] = 0xff
	if err := canon.LowerOptionString(g, 8, "", false); err != nil || g.memory[8] != 0 {
		t.Errorf("none is %d, %v", g.memory[8], err)
	}
	if err := canon.LowerOptionString(g, 1022, "", false); rule(err) != "return area" {
		t.Error(err)
	}
	if err := canon.LowerStrings(g, 8, []string{"a", "", "ccc"}); err != nil {
		t.Fatal(err)
	}
	list, n := binary.LittleEndian.Uint32(g.memory[8:]), binary.LittleEndian.Uint32(g.memory[12:])
	var got []string
	for i := range n {
		p := g.memory[list+8*i:]
		s, err := canon.LiftString(g, "element", binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:]))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	if !slices.Equal(got, []string{"a", "", "ccc"}) {
		t.Errorf("strings %q", got)
	}
}

func BenchmarkLowerJob(b *testing.B) {
	j := job()
	j.Circuit.Operations = make([]abi.Operation, 10_000)
	g := newGuest(1 << 20)
	var flat [canon.RunParams]uint64
	b.ReportAllocs()
	for b.Loop() {
		g.next, g.calls = 64, g.calls[:0]
		if err := canon.LowerJob(g, j, flat[:]); err != nil {
			b.Fatal(err)
		}
	}
}
