package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

// at writes a circuit briefly: "ry a pi/2; cz a b" is a gate, its qubits and its
// parameter, where it has one, as a number or as a fraction of pi. The letters are
// the qubits of on; digits are qubits themselves. The qubits of on are measured, and
// the circuit has as many as highest needs. Gates that do not read are a mistake in
// this package, and panic.
func at(target abi.Target, gates string, on []uint16, highest uint16) *abi.Circuit {
	c := &abi.Circuit{
		Target: target, NumQubits: highest + 1, Measurements: slices.Clone(on),
	}
	for _, q := range on {
		c.NumQubits = max(c.NumQubits, q+1)
	}
	for line := range strings.SplitSeq(gates, ";") {
		if line = strings.TrimSpace(line); line != "" {
			c.Operations = append(c.Operations, operation(line, on))
		}
	}
	if err := c.Validate(); err != nil {
		panic(fmt.Sprintf("conformance: %q: %v", gates, err))
	}
	return c
}

func operation(line string, on []uint16) abi.Operation {
	words := strings.Fields(line)
	gate, ok := abi.ParseGate(words[0])
	qubits := gate.Qubits()
	params := len(words) - 1 - qubits
	if !ok || params != btoi(gate.HasParam()) {
		panic(fmt.Sprintf("conformance: %q is no operation", line))
	}
	op := abi.Operation{Gate: gate, Q0: qubit(words[1], on), Q1: qubit(words[qubits], on)}
	if params == 1 {
		op.Param = number(words[1+qubits])
	}
	return op
}

func qubit(word string, on []uint16) uint16 {
	if i := int(word[0]) - 'a'; len(word) == 1 && i >= 0 && i < len(on) {
		return on[i]
	}
	q, err := strconv.ParseUint(word, 10, 16)
	if err != nil {
		panic(fmt.Sprintf("conformance: %q is no qubit", word))
	}
	return uint16(q)
}

func number(word string) float64 {
	over, under, fraction := strings.Cut(word, "/")
	sign := 1.0
	if rest, negative := strings.CutPrefix(over, "-"); negative {
		sign, over = -1, rest
	}
	value := math.Pi
	var err error
	if over != "pi" {
		value, err = strconv.ParseFloat(over, 64)
	}
	divisor := 1.0
	if fraction && err == nil {
		divisor, err = strconv.ParseFloat(under, 64)
	}
	if err != nil {
		panic(fmt.Sprintf("conformance: %q is no number", word))
	}
	return sign * value / divisor
}

// width is how many of the device's qubits a circuit can have.
func (s *suite) width() uint16 { return min(s.device.NumQubits, abi.MaxQubits) }

// qubits are those that a circuit can have, the outermost first: each of the first
// two and the last is tried even where time is short.
func (s *suite) qubits() []uint16 {
	n := s.width()
	var all []uint16
	for _, q := range []uint16{0, n - 1, 1} {
		if q < n && !slices.Contains(all, q) {
			all = append(all, q)
		}
	}
	for q := uint16(2); q+1 < n; q++ {
		all = append(all, q)
	}
	return all
}

// mostPairs is how many pairs are tried of a device that couples any two qubits,
// unless the run is thorough.
const mostPairs = 128

// coupling is what a device couples of the qubits that a circuit can have. A device
// lists up to a million pairs, so they are gone through once.
type coupling struct {
	pairs [][2]uint16         // each that a gate may have, in the device's order
	are   map[[2]uint16]bool  // one of them
	next  map[uint16][]uint16 // the second qubits of those of a first
}

// coupled is the device's coupling; nil where it couples any two qubits.
func (s *suite) coupled() *coupling {
	if s.coupling != nil || len(s.device.Edges) == 0 {
		return s.coupling
	}
	c := &coupling{are: map[[2]uint16]bool{}, next: map[uint16][]uint16{}}
	add := func(pair [2]uint16) {
		if !c.are[pair] {
			c.are[pair] = true
			c.pairs = append(c.pairs, pair)
			c.next[pair[0]] = append(c.next[pair[0]], pair[1])
		}
	}
	for _, e := range s.device.Edges {
		if max(e[0], e[1]) >= s.width() {
			continue
		}
		add(e)
		if !s.device.Directed {
			add([2]uint16{e[1], e[0]})
		}
	}
	s.coupling = c
	return c
}

// pairs are the ordered pairs of qubits that a gate may have: those that couple,
// in the direction that the device gives them. Of devices that couple any two they
// are neighbours first, then pairs farther and farther apart.
func (s *suite) pairs() [][2]uint16 {
	if c := s.coupled(); c != nil {
		return c.pairs
	}
	n := s.width()
	var all [][2]uint16
	for distance := uint16(1); distance < n; distance++ {
		for a := range n - distance {
			all = append(all, [2]uint16{a, a + distance}, [2]uint16{a + distance, a})
		}
	}
	if !s.cfg.Thorough && len(all) > mostPairs {
		// Neighbours, and evenly many of the others.
		near := int(2 * (n - 1))
		few := slices.Clone(all[:min(near, mostPairs/2)])
		rest, more := all[len(few):], mostPairs-len(few)
		for i := range more {
			few = append(few, rest[(i+1)*len(rest)/more-1])
		}
		return few
	}
	return all
}

// allPairs is how many there are.
func (s *suite) allPairs() int {
	if c := s.coupled(); c != nil {
		return len(c.pairs)
	}
	n := int(s.width())
	return n * (n - 1)
}

// path is up to n different qubits, each coupled to the next.
func (s *suite) path(n int) []uint16 {
	coupled := s.coupled()
	if coupled == nil {
		var path []uint16
		for q := range min(s.width(), uint16(n)) {
			path = append(path, q)
		}
		return path
	}
	var longest []uint16
	steps := 10_000 // of a search that could go on for ever on a large lattice
	var walk func(path []uint16)
	walk = func(path []uint16) {
		if len(path) > len(longest) {
			longest = slices.Clone(path)
		}
		if steps--; steps < 0 || len(longest) >= n {
			return
		}
		for _, next := range coupled.next[path[len(path)-1]] {
			if !slices.Contains(path, next) {
				walk(append(path, next))
			}
		}
	}
	for q := range s.width() {
		walk([]uint16{q})
	}
	return longest
}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0xc0da)) }

// legal lists the gates of a target, those on one qubit first.
func legal(target abi.Target) []abi.Gate {
	var one, two []abi.Gate
	for g := abi.Gate(0); g.Qubits() > 0; g++ {
		switch {
		case !g.LegalFor(target):
		case g.Qubits() == 1:
			one = append(one, g)
		default:
			two = append(two, g)
		}
	}
	return append(one, two...)
}

// randomCircuit has up to 5 coupled qubits and half of its angles at multiples of
// pi/2, where gates become diagonal, or the identity.
func (s *suite) randomCircuit(random *rand.Rand, target abi.Target, depth int) *abi.Circuit {
	on := s.path(2 + random.IntN(4))
	c := at(target, "", on, slices.Max(on))
	coupled := s.pairsAmong(on)
	gates := legal(target)
	for range depth {
		gate := gates[random.IntN(len(gates))]
		if random.IntN(3) == 0 {
			gate = gates[len(gates)-1] // on two qubits
		}
		q := on[random.IntN(len(on))]
		op := abi.Operation{Gate: gate, Q0: q, Q1: q}
		if gate.Qubits() == 2 {
			if len(coupled) == 0 {
				continue
			}
			pair := coupled[random.IntN(len(coupled))]
			op.Q0, op.Q1 = pair[0], pair[1]
		}
		switch {
		case gate == abi.ID:
			op.Param = 100
		case gate.HasParam() && random.IntN(2) == 0:
			op.Param = float64(random.IntN(9)-4) * math.Pi / 2
		case gate.HasParam():
			op.Param = 14*random.Float64() - 7
		}
		c.Operations = append(c.Operations, op)
	}
	c.Measurements = nil
	for range 1 + random.IntN(5) {
		c.Measurements = append(c.Measurements, on[random.IntN(len(on))])
	}
	return c
}

// pairsAmong are the pairs of those qubits.
func (s *suite) pairsAmong(on []uint16) [][2]uint16 {
	var among [][2]uint16
	for _, a := range on {
		for _, b := range on {
			if a != b && s.couples(a, b) {
				among = append(among, [2]uint16{a, b})
			}
		}
	}
	return among
}

// couples reports whether a gate may have qubits a and b in this order.
func (s *suite) couples(a, b uint16) bool {
	c := s.coupled()
	return c == nil || c.are[[2]uint16{a, b}]
}

func repeat[T any](n int, of ...T) []T {
	out := make([]T, 0, n*len(of))
	for range n {
		out = append(out, of...)
	}
	return out
}
