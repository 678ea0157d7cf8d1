package abi_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// job returns one that asks for shots of a circuit with that many measurements.
func job(measurements int, shots uint64) *abi.Job {
	return &abi.Job{
		ID:      "j",
		Circuit: &abi.Circuit{NumQubits: 5, Measurements: make([]uint16, measurements)},
		Shots:   shots,
	}
}

// checkError compares err's text; an empty want stands for none.
func checkError(t *testing.T, name string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s: got  %q\nwant %q", name, got, want)
	}
}

func TestExecutionCheck(t *testing.T) {
	t.Parallel()
	const most = math.MaxUint64
	for name, c := range map[string]struct {
		job       *abi.Job
		outcomes  []abi.Outcome
		completed uint64
		elapsed   *time.Duration
		want      string
	}{
		"sorted":           {job(2, 10), []abi.Outcome{{0, 4}, {3, 6}}, 10, nil, ""},
		"unsorted":         {job(2, 10), []abi.Outcome{{3, 4}, {0, 5}, {1, 1}}, 10, new(time.Duration(0)), ""},
		"fewer shots":      {job(2, 10), []abi.Outcome{{0, 1}}, 1, new(time.Hour), ""},
		"no measurements":  {job(0, 10), []abi.Outcome{{0, 10}}, 10, nil, ""},
		"64 measurements":  {job(64, most), []abi.Outcome{{most, 1}, {0, most - 1}}, most, nil, ""},
		"no shots":         {job(2, 10), nil, 0, nil, "result: shots-completed must be from 1 to the 10 asked for, not 0"},
		"more shots":       {job(2, 10), []abi.Outcome{{0, 11}}, 11, nil, "result: shots-completed must be from 1 to the 10 asked for, not 11"},
		"elapsed":          {job(2, 10), []abi.Outcome{{0, 10}}, 10, new(-time.Second), "result: the elapsed time must not be negative, as -1s is"},
		"bits":             {job(2, 10), []abi.Outcome{{0, 4}, {4, 6}}, 10, nil, "result: outcomes[1]: bits 0x4 do not fit in 2 measurements"},
		"bits of one":      {job(1, 10), []abi.Outcome{{2, 10}}, 10, nil, "result: outcomes[0]: bits 0x2 do not fit in 1 measurement"},
		"bits of none":     {job(0, 10), []abi.Outcome{{1, 10}}, 10, nil, "result: outcomes[0]: bits 0x1 do not fit in 0 measurements"},
		"bits of 63":       {job(63, 10), []abi.Outcome{{1 << 63, 10}}, 10, nil, "result: outcomes[0]: bits 0x8000000000000000 do not fit in 63 measurements"},
		"zero count":       {job(2, 10), []abi.Outcome{{0, 10}, {1, 0}}, 10, nil, "result: outcomes[1]: the count must not be 0"},
		"no outcomes":      {job(2, 10), nil, 10, nil, "result: the counts add up to 0, not to shots-completed, 10"},
		"too few":          {job(2, 10), []abi.Outcome{{0, 4}, {1, 5}}, 10, nil, "result: the counts add up to 9, not to shots-completed, 10"},
		"too many":         {job(2, 10), []abi.Outcome{{0, 4}, {1, 7}}, 10, nil, "result: outcomes[1]: the counts add up to more than shots-completed, 10"},
		"overflow":         {job(2, 10), []abi.Outcome{{0, 11}, {1, most}}, 10, nil, "result: outcomes[0]: the counts add up to more than shots-completed, 10"},
		"wraps to the sum": {job(2, 10), []abi.Outcome{{0, 5}, {1, most}, {2, 6}}, 10, nil, "result: outcomes[1]: the counts add up to more than shots-completed, 10"},
		"twice":            {job(2, 10), []abi.Outcome{{2, 4}, {1, 5}, {2, 1}}, 10, nil, "result: outcome 0x2 must not be listed twice"},
		"twice in a row":   {job(2, 10), []abi.Outcome{{2, 4}, {2, 6}}, 10, nil, "result: outcome 0x2 must not be listed twice"},
	} {
		e := abi.Execution{Outcomes: c.outcomes, ShotsCompleted: c.completed, Elapsed: c.elapsed}
		checkError(t, name, e.Check(c.job), c.want)
	}
}

// TestExecutionCheckMany looks for one repeated outcome among many, in any order.
func TestExecutionCheckMany(t *testing.T) {
	t.Parallel()
	const n = 100_000
	e := abi.Execution{ShotsCompleted: n}
	for i := range uint64(n) {
		e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: i * 0x9e3779b97f4a7c15, Count: 1})
	}
	j := job(64, n)
	checkError(t, "all different", e.Check(j), "")
	e.Outcomes[n-1].Bits = e.Outcomes[7].Bits
	first := e.Outcomes[0].Bits
	checkError(t, "two the same", e.Check(j), fmt.Sprintf("result: outcome %#x must not be listed twice", e.Outcomes[7].Bits))
	if e.Outcomes[0].Bits != first {
		t.Error("the check reordered the outcomes")
	}
}

func TestJobCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		job         *abi.Job
		want        string
		unsupported bool
	}{
		"good":             {job(64, 1), "", false},
		"no id":            {&abi.Job{Circuit: &abi.Circuit{}, Shots: 1}, "job: the id must not be empty", false},
		"id":               {&abi.Job{ID: "\xff", Circuit: &abi.Circuit{}, Shots: 1}, `job "\xff": the id must be valid UTF-8`, false},
		"no circuit":       {&abi.Job{ID: "j", Shots: 1}, `job "j": the circuit is missing`, false},
		"no shots":         {job(1, 0), `job "j": shots must be at least 1`, false},
		"too many to hold": {job(65, 1), "unsupported: the circuit has 65 measurements, more than the 64 that an outcome can hold", true},
	} {
		err := c.job.Check()
		checkError(t, name, err, c.want)
		failure, ok := errors.AsType[*abi.Failure](err)
		if ok != c.unsupported || ok && failure.Kind != abi.Unsupported {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

func TestDeviceAccepts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		device abi.Device
		job    *abi.Job
		want   string
	}{
		"fits":           {abi.Device{Name: "d", NumQubits: 5, MaxShots: new(uint64(9))}, job(2, 9), ""},
		"unlimited":      {abi.Device{Name: "d", NumQubits: 100}, job(2, math.MaxUint64), ""},
		"another target": {abi.Device{Name: "d", NumQubits: 5, Target: abi.CNOT}, job(2, 1), ""},
		"qubits":         {abi.Device{Name: "d", NumQubits: 4}, job(2, 1), "unsupported: the circuit has 5 qubits, the device d has 4"},
		"shots":          {abi.Device{Name: "d", NumQubits: 5, MaxShots: new(uint64(9))}, job(2, 10), "unsupported: the job asks for 10 shots, the device d allows 9"},
	} {
		err := c.device.Accepts(c.job)
		checkError(t, name, err, c.want)
		if failure, ok := errors.AsType[*abi.Failure](err); ok != (c.want != "") || ok && failure.Kind != abi.Unsupported {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

func TestDeviceCheck(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 128)
	for name, c := range map[string]struct {
		device abi.Device
		want   string
	}{
		"good":           {abi.Device{Name: long, Target: abi.CNOT, NumQubits: 2, Edges: [][2]uint16{{0, 1}, {1, 0}}}, ""},
		"any couple":     {abi.Device{Name: "é", NumQubits: math.MaxUint16}, ""},
		"no name":        {abi.Device{NumQubits: 1}, "device: the name must have 1 to 128 bytes, not 0"},
		"long name":      {abi.Device{Name: long + "x", NumQubits: 1}, "device: the name must have 1 to 128 bytes, not 129"},
		"name in Latin1": {abi.Device{Name: "caf\xe9", NumQubits: 1}, `device: the name "caf\xe9" must be valid UTF-8`},
		"control":        {abi.Device{Name: "a\x1b[2J", NumQubits: 1}, `device: the name "a\x1b[2J" must not contain control characters`},
		"target":         {abi.Device{Name: "d", NumQubits: 1, Target: 4}, "device d: target 4 is unknown"},
		"no qubits":      {abi.Device{Name: "d"}, "device d: num-qubits must be at least 1"},
		"edge":           {abi.Device{Name: "d", NumQubits: 2, Edges: [][2]uint16{{0, 1}, {2, 0}}}, "device d: edges[1]: qubit 2 must be below num-qubits, 2"},
		"loop":           {abi.Device{Name: "d", NumQubits: 2, Edges: [][2]uint16{{1, 1}}}, "device d: edges[0]: couples qubit 1 with itself"},
		"twice":          {abi.Device{Name: "d", NumQubits: 3, Directed: true, Edges: [][2]uint16{{0, 2}, {1, 2}, {2, 1}, {0, 2}}}, "device d: edges: the pair 0, 2 must not be listed twice"},
	} {
		checkError(t, name, c.device.Check(), c.want)
	}
}
