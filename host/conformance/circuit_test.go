package conformance

import (
	"slices"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

// TestCouplingOfAMillionPairs: making circuits for a device that lists as many pairs as
// fit takes no longer than for another, once they were gone through.
func TestCouplingOfAMillionPairs(t *testing.T) {
	t.Parallel()
	const n = 1024
	s := &suite{device: abi.Device{Name: "d", NumQubits: n, Target: abi.CNOT, Directed: true}, report: &Report{}}
	for a := range uint16(n) {
		for b := range uint16(n) {
			if a != b {
				s.device.Edges = append(s.device.Edges, [2]uint16{n - 1 - a, n - 1 - b})
			}
		}
	}
	if err := s.device.Check(); err != nil {
		t.Fatal(err)
	}
	want := abi.MaxQubits * (abi.MaxQubits - 1)
	if got := len(s.pairs()); got != want || s.allPairs() != want {
		t.Errorf("%d and %d pairs, want %d", got, s.allPairs(), want)
	}
	if got := s.path(10); len(got) != 10 {
		t.Errorf("a path of 10 qubits is %d", got)
	}
	random := newRandom(1)
	for range 100 {
		if err := s.randomCircuit(random, abi.CNOT, 40).Validate(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCoupling: a pair that is not directed is two, however often it is listed.
func TestCoupling(t *testing.T) {
	t.Parallel()
	edges := [][2]uint16{{2, 1}, {0, 60}, {1, 2}, {0, 1}}
	for directed, want := range map[bool][][2]uint16{
		false: {{2, 1}, {1, 2}, {0, 1}, {1, 0}},
		true:  {{2, 1}, {1, 2}, {0, 1}},
	} {
		s := &suite{device: abi.Device{NumQubits: 61, Directed: directed, Edges: edges}}
		if got := s.pairs(); !slices.Equal(got, want) {
			t.Errorf("directed %t: pairs %d, want %d", directed, got, want)
		}
		for a := range uint16(3) {
			for b := range uint16(3) {
				if got := s.couples(a, b); got != slices.Contains(want, [2]uint16{a, b}) {
					t.Errorf("directed %t: %d and %d couple: %t", directed, a, b, got)
				}
			}
		}
	}
}
