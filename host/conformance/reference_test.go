package conformance

import (
	"fmt"
	"math"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

// The reference agrees with what is known of circuits without computing them.
func TestReference(t *testing.T) {
	t.Parallel()
	sin2 := func(angle float64) float64 { return math.Pow(math.Sin(angle/2), 2) }
	type vector struct {
		c    *abi.Circuit
		want distribution
	}
	vectors := map[string]vector{
		"rx by 0.6":               {at(abi.CZ, "rx a 0.6", []uint16{0}, 0), distribution{0: 1 - sin2(0.6), 1: sin2(0.6)}},
		"rz between two ry":       {at(abi.CZ, "ry a pi/2; rz a pi/3; ry a -pi/2", []uint16{0}, 0), distribution{0: 0.75, 1: 0.25}},
		"cp by pi/3":              {at(abi.PCZ, "rx a pi; ry b pi/2; cp a b pi/3; ry b -pi/2", []uint16{0, 1}, 1), distribution{0b01: 0.75, 0b11: 0.25}},
		"distant qubits":          {at(abi.CNOT, "x90 11; x90 11; cnot 11 0; cnot 0 6", []uint16{0, 6, 11, 1}, 11), certain("1110")},
		"a qubit without gates":   {at(abi.CNOT, "rx 1 pi", []uint16{49, 1, 49, 1}, 49), certain("0101")},
		"half of a pair":          {at(abi.CNOT, "y_minus_90 0; cnot 0 1", []uint16{1}, 1), distribution{0: 0.5, 1: 0.5}},
		"two qubits apart":        {at(abi.CZ, "ry a 0.4; ry b 1.1", []uint16{4, 2}, 4), distribution{0: (1 - sin2(0.4)) * (1 - sin2(1.1)), 1: sin2(0.4) * (1 - sin2(1.1)), 2: (1 - sin2(0.4)) * sin2(1.1), 3: sin2(0.4) * sin2(1.1)}},
		"nothing measured":        {at(abi.CZ, "ry 0 0.4", nil, 4), distribution{0: 1}},
		"a random qubit, thrice":  {at(abi.CNOT, "x90 1", []uint16{1, 0, 1}, 1), distribution{0: 0.5, 0b101: 0.5}},
		"more than it simulates":  {at(abi.CZ, "rx 0 1; rx 1 1; rx 2 1; rx 3 1; rx 4 1; rx 5 1; rx 6 1; rx 7 1; rx 8 1; rx 9 1; rx 10 1; rx 11 1; rx 12 1; rx 13 1; rx 14 1", nil, 14), nil},
		"iswap leaves what it is": {at(abi.ISwap, "ry a 0.4; ry b 1.1; iswap a b", []uint16{0, 1}, 1), distribution{0: (1 - sin2(0.4)) * (1 - sin2(1.1)), 2: sin2(0.4) * (1 - sin2(1.1)), 1: (1 - sin2(0.4)) * sin2(1.1), 3: sin2(0.4) * sin2(1.1)}},
	}
	for gate, of := range senses {
		target := abi.CZ
		for !gate.LegalFor(target) {
			target++
		}
		for _, sense := range of {
			on := []uint16{3, 1}[:gate.Qubits()]
			vectors[sense.gates] = vector{at(target, sense.gates, on, 3), certain(sense.bits)}
		}
	}
	for target, gates := range bell {
		vectors[fmt.Sprint("pair, ", target)] = vector{at(target, gates, []uint16{0, 1}, 1), halves}
	}
	for name, v := range vectors {
		got := exact(v.c)
		if len(got) != len(v.want) || (got == nil) != (v.want == nil) {
			t.Errorf("%s: %v, want %v", name, got, v.want)
		}
		for bits, p := range v.want {
			if math.Abs(got[bits]-p) > 1e-12 {
				t.Errorf("%s: %v, want %v", name, got, v.want)
			}
		}
	}
}

// The bound holds: coins of any bias pass far more often than they may fail, and
// one that is a little off is found.
func TestImprobable(t *testing.T) {
	t.Parallel()
	counts := func(zeros, ones uint64) *abi.Execution {
		e := &abi.Execution{ShotsCompleted: zeros + ones}
		for bits, n := range []uint64{zeros, ones} {
			if n > 0 {
				e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: uint64(bits), Count: n})
			}
		}
		return e
	}
	for _, test := range []struct {
		e     *abi.Execution
		one   float64 // the probability of 1
		wrong bool
	}{
		{counts(500, 500), 0.5, false},
		{counts(600, 400), 0.5, false}, // 6.3 standard deviations: exp(-20)
		{counts(620, 380), 0.5, true},
		{counts(1000, 0), 0.01, false},
		{counts(1000, 0), 0.03, true},
		{counts(999, 1), 1e-8, false},
		{counts(998, 2), 1e-8, false},
		{counts(990, 10), 1e-5, true},
		{counts(1<<53, 0), 1e-15, false},
	} {
		want := distribution{0: 1 - test.one, 1: test.one}
		if why := improbable(test.e, want); (why != "") != test.wrong {
			t.Errorf("%+v of a coin of %g: %q", test.e.Outcomes, test.one, why)
		}
	}
	if improbable(counts(999, 1), certain("0")) == "" {
		t.Error("what cannot be was measured, and passes")
	}
}

// Every pair is of coupled qubits, once, and short lists keep the neighbours.
func TestPairs(t *testing.T) {
	t.Parallel()
	for _, n := range []uint16{1, 2, 3, 12, 13, 50} {
		s := &suite{device: abi.Device{NumQubits: n}, report: &Report{}}
		pairs, seen := s.pairs(), map[[2]uint16]bool{}
		for _, p := range pairs {
			if p[0] == p[1] || max(p[0], p[1]) >= n || seen[p] {
				t.Errorf("of %d qubits: %v", n, p)
			}
			seen[p] = true
		}
		if want := min(mostPairs, s.allPairs()); len(pairs) != want {
			t.Errorf("of %d qubits: %d pairs, want %d", n, len(pairs), want)
		}
		if n > 1 && (!seen[[2]uint16{n - 1, 0}] || !seen[[2]uint16{1, 0}]) {
			t.Errorf("of %d qubits: the first and the last, or neighbours, are not among them", n)
		}
	}
}
