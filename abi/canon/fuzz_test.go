package canon_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/abi/effect"
)

// FuzzLift reads hostile memory in every way that there is: whatever stands there,
// lifting ends in a value, a failure or an *Error, changes nothing, and takes no more
// memory than the guest's, or than its budget.
func FuzzLift(f *testing.F) {
	f.Add(le(byte(0), byte(0), uint16(0), 0, 40, 1, uint64(1), uint64(0), uint64(0), uint64(3), uint64(1)), uint32(0), uint32(1))
	f.Add(le(byte(1), byte(0), uint16(0), 0, 1, 24, 2, "no"), uint32(0), uint32(1))
	f.Add(le(byte(0), byte(0), uint16(0), 0, 56, 4, 3, byte(0), uint16(5), 56, 1, 1, byte(0), uint16(0), uint64(1), uint64(77), "dev0"), uint32(0), uint32(1))
	f.Add(le(8, 2, byte(1), byte(0), uint16(0), 0, 1, 0, 8, uint64(0), uint64(0), byte(1), byte(0), uint16(0), 0, 1, 0, 8, uint64(0), uint64(0)), uint32(0), uint32(2))
	f.Add(le(byte(1), byte(0), uint16(0), 2, 12, 4), uint32(0), uint32(0))
	f.Add(slices.Repeat(le(0, 16), 8), uint32(0), uint32(4)) // pairs that point at themselves
	f.Add(slices.Repeat([]byte{0xc3, 0xa9}, 50), uint32(1), uint32(99))
	f.Fuzz(func(t *testing.T, memory []byte, ptr, n uint32) {
		g := &guest{memory: slices.Clone(memory)}
		before := allocated()
		check := func(what string, value, failure bool, err error) {
			t.Helper()
			switch n := b2i(value) + b2i(failure) + b2i(err != nil); {
			case n != 1:
				t.Fatalf("%s: %d answers: %v", what, n, err)
			case err != nil && rule(err) == "":
				t.Fatalf("%s: a foreign error: %v", what, err)
			case err != nil && len(err.Error()) > 1000:
				t.Fatalf("%s: a message of %d bytes", what, len(err.Error()))
			}
		}
		said := func(what string, failure *abi.Failure) {
			t.Helper()
			if failure != nil && (len(failure.Message) > 5000 || !utf8.ValidString(failure.Message) || failure.Kind > abi.Internal) {
				t.Fatalf("%s: failure %d with a message of %d bytes", what, failure.Kind, len(failure.Message))
			}
		}

		budget := canon.Budget(1000)
		e, failure, err := canon.LiftExecution(g, ptr, &budget)
		check("execution", e != nil, failure != nil, err)
		said("execution", failure)
		if e != nil && (len(e.Outcomes)*canon.OutcomeSize > len(memory) || int(budget)+len(e.Outcomes) != 1000) {
			t.Fatalf("%d outcomes of a memory of %d bytes, and %d are left", len(e.Outcomes), len(memory), budget)
		}
		d, failure, err := canon.LiftDevice(g, ptr)
		check("device", d != nil, failure != nil, err)
		said("device", failure)
		if d != nil && (4*len(d.Edges) > len(memory) || len(d.Name) > len(memory) || d.Target > abi.CNOT) {
			t.Fatalf("device %+v", d)
		}
		budget = 1000
		results, err := canon.LiftResults(g, ptr, int(n%128), &budget)
		if err == nil && len(results) != int(n%128) || budget < 0 {
			t.Fatalf("%d results, %d left", len(results), budget)
		}
		check("results", err == nil, false, err)
		for _, r := range results {
			check("result", r.Execution != nil, r.Failure != nil, nil)
			said("result", r.Failure)
		}
		failure, err = canon.LiftDone(g, ptr)
		check("done", failure == nil && err == nil, failure != nil, err)
		said("done", failure)

		s, err := canon.LiftString(g, "text", ptr, n)
		check("text", err == nil, false, err)
		if err == nil && s != string(memory[ptr:][:n]) {
			t.Fatalf("text %q", s)
		}
		b, err := canon.LiftBytes(g, "bytes", ptr, n)
		check("bytes", err == nil, false, err)
		if err == nil && !bytes.Equal(b, memory[ptr:][:n]) {
			t.Fatalf("bytes % x", b)
		}
		words, err := canon.LiftWords(g, "words", ptr, n)
		check("words", err == nil, false, err)
		if err == nil && !bytes.Equal(words, memory[ptr:][:4*n]) {
			t.Fatalf("words % x", words)
		}
		pairs, err := canon.LiftPairs(g, "pairs", ptr, n, 4096)
		check("pairs", err == nil, false, err)
		total := 0
		for _, p := range pairs {
			total += 16 + len(p[0]) + len(p[1])
		}
		if err == nil && len(pairs) != int(n) || total > 4096 {
			t.Fatalf("%d pairs of %d bytes", len(pairs), total)
		}
		// The budget of outcomes twice, 128 messages of 4 KiB and their notes.
		if used := allocated() - before; used > 4<<20+8*uint64(len(memory)) {
			t.Fatalf("%d bytes are allocated for a memory of %d", used, len(memory))
		}
		if !bytes.Equal(g.memory, memory) {
			t.Fatal("lifting wrote to the memory")
		}
	})
}

// FuzzLower gives values to a guest whose realloc answers as it likes: each ends
// inside of the memory, or in an *Error.
func FuzzLower(f *testing.F) {
	f.Add([]byte{64, 0, 0, 0, 128, 0, 0, 0}, uint32(0), "value", uint16(3))
	f.Add([]byte{0xf8, 0xff, 0xff, 0xff}, uint32(8), "value", uint16(1))
	f.Add([]byte{0, 1, 0, 0, 0, 1, 0, 0, 252, 3, 0, 0}, uint32(1020), "", uint16(60))
	f.Fuzz(func(t *testing.T, lies []byte, ret uint32, text string, n uint16) {
		const size = 1024
		n %= 100
		g := newGuest(3 * size)
		inside := g.memory[size : 2*size : 2*size]
		outside := bytes.Repeat([]byte{0xa5}, size)
		copy(g.memory, outside)
		copy(g.memory[2*size:], outside)
		whole := g.memory
		g.memory = inside
		next := lies
		trap := errors.New("trap")
		g.realloc = func(_, _ uint32) (uint32, error) {
			if len(next) < 4 {
				next = lies
				return 0, trap
			}
			lie := binary.LittleEndian.Uint32(next)
			next = next[4:]
			return lie, nil
		}
		circuit := &abi.Circuit{NumQubits: n, Operations: make([]abi.Operation, n), Measurements: make([]uint16, n), Metadata: abi.Metadata{SourceHash: text}}
		j := &abi.Job{ID: text, Shots: 1, Circuit: circuit}
		pairs := slices.Repeat([][2]string{{text, "x"}}, int(n))
		answer := &effect.Answer{Number: 7, Data: bytes.Repeat([]byte(text), 2), Pairs: pairs}
		failed := &effect.Answer{Failed: true, Kind: effect.Other, Message: text}
		var flat [canon.RunParams]uint64
		for _, lower := range []struct {
			name string
			do   func() error
		}{
			{"job", func() error { return canon.LowerJob(g, j, flat[:]) }},
			{"jobs", func() error { _, _, err := canon.LowerJobs(g, slices.Repeat([]*abi.Job{j}, int(n))); return err }},
			{"option", func() error { return canon.LowerOptionString(g, ret, text, true) }},
			{"none", func() error { return canon.LowerOptionString(g, ret, "", false) }},
			{"strings", func() error { return canon.LowerStrings(g, ret, slices.Repeat([]string{text}, int(n))) }},
			{"done", func() error { return canon.LowerDone(g, ret, answer) }},
			{"failed", func() error { return canon.LowerDone(g, ret, failed) }},
			{"number", func() error { return canon.LowerNumber(g, ret, answer) }},
			{"bytes", func() error { return canon.LowerBytes(g, ret, answer) }},
			{"words", func() error { return canon.LowerWords(g, ret, answer) }},
			{"http", func() error { return canon.LowerResponse(g, ret, answer) }},
		} {
			next = lies
			if err := lower.do(); err != nil && rule(err) == "" && !errors.Is(err, trap) {
				t.Fatalf("%s: a foreign error: %v", lower.name, err)
			}
			if !bytes.Equal(whole[:size], outside) || !bytes.Equal(whole[2*size:], outside) {
				t.Fatalf("%s wrote outside of the memory", lower.name)
			}
		}
	})
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
