package abi_test

import (
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
)

// FuzzResult holds Execution.Check against the contract's rules as they are written,
// in numbers that do not wrap.
func FuzzResult(f *testing.F) {
	add := func(measurements uint8, asked, completed uint64, elapsed int64, outcomes ...uint64) {
		var b []byte
		for _, n := range outcomes {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		f.Add(measurements, asked, completed, elapsed, b)
	}
	const most = 1<<64 - 1
	add(2, 10, 10, 0, 0, 4, 3, 6)
	add(2, 10, 10, -1, 3, 4, 0, 5, 1, 1)
	add(64, most, most, 1, most, 1, 0, most-1)
	add(63, 10, 10, 1, 1<<63, 10)
	add(2, 10, 10, 1, 0, 5, 1, most, 2, 6) // the sum wraps to 10
	add(2, 10, 10, 1, 2, 4, 1, 5, 2, 1)
	add(0, 10, 11, 1, 0, 11)
	f.Fuzz(func(t *testing.T, measurements uint8, asked, completed uint64, elapsed int64, b []byte) {
		if asked == 0 {
			return // Job.Check refuses it
		}
		j := job(int(measurements%65), asked)
		e := &abi.Execution{ShotsCompleted: completed}
		if elapsed != 0 {
			e.Elapsed = new(time.Duration(elapsed))
		}
		for ; len(b) >= 16; b = b[16:] {
			e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: binary.LittleEndian.Uint64(b), Count: binary.LittleEndian.Uint64(b[8:])})
		}
		err := e.Check(j)
		if kept := keepsTheRules(e, j); kept != (err == nil) {
			t.Fatalf("%+v of %d measurements and %d shots keeps the rules: %v; Check: %v", e, len(j.Circuit.Measurements), asked, kept, err)
		}
		if err != nil && (len(err.Error()) > 200 || !strings.HasPrefix(err.Error(), "result: ")) {
			t.Fatal(err)
		}
	})
}

// keepsTheRules are those of wit/executor.wit for an execution.
func keepsTheRules(e *abi.Execution, j *abi.Job) bool {
	number := func(n uint64) *big.Int { return new(big.Int).SetUint64(n) }
	ok := e.ShotsCompleted > 0 && e.ShotsCompleted <= j.Shots && (e.Elapsed == nil || *e.Elapsed >= 0)
	beyond := new(big.Int).Lsh(big.NewInt(1), uint(len(j.Circuit.Measurements)))
	sum, seen := new(big.Int), map[uint64]bool{}
	for _, o := range e.Outcomes {
		ok = ok && o.Count > 0 && number(o.Bits).Cmp(beyond) < 0 && !seen[o.Bits]
		seen[o.Bits] = true
		sum.Add(sum, number(o.Count))
	}
	return ok && sum.Cmp(number(e.ShotsCompleted)) == 0
}

// FuzzDevice does the same with Device.Check.
func FuzzDevice(f *testing.F) {
	f.Add("fake", uint8(3), uint16(5), []byte{1, 0, 0, 0, 2, 0, 1, 0})
	f.Add(strings.Repeat("é", 65), uint8(4), uint16(0), []byte{5, 0, 1, 0})
	f.Add("a\x1b[2J", uint8(0), uint16(2), []byte{1, 0, 1, 0})
	f.Add("caf\xe9", uint8(0), uint16(2), []byte{})
	f.Add("fake", uint8(3), uint16(2), []byte{1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, name string, target uint8, qubits uint16, b []byte) {
		d := &abi.Device{Name: name, Target: abi.Target(target), NumQubits: qubits}
		ok := name != "" && len(name) <= 128 && utf8.ValidString(name) && target <= 3 && qubits > 0
		for _, r := range name {
			ok = ok && !unicode.IsControl(r)
		}
		for ; len(b) >= 4; b = b[4:] {
			from, to := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
			edge := [2]uint16{from, to}
			ok = ok && from < qubits && to < qubits && from != to && !slices.Contains(d.Edges, edge)
			d.Edges = append(d.Edges, edge)
		}
		err := d.Check()
		if ok != (err == nil) {
			t.Fatalf("%+v keeps the rules: %v; Check: %v", d, ok, err)
		}
		if err != nil && (len(err.Error()) > 1000 || strings.ContainsFunc(err.Error(), unicode.IsControl)) {
			t.Fatalf("%q", err)
		}
	})
}
