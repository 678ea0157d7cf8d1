package fake

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"sort"

	"github.com/conductorquantum/coda/abi"
)

// step is a gate, or a readout of its first qubit.
type step struct {
	abi.Operation
	read bool
}

func gate(g abi.Gate, q0, q1 int, param float64) step {
	return step{Operation: abi.Operation{Gate: g, Q0: uint16(q0), Q1: uint16(q1), Param: param}}
}

func readout(qubit int) step {
	return step{Operation: abi.Operation{Q0: uint16(qubit), Q1: uint16(qubit)}, read: true}
}

// maxWork bounds the amplitudes that a run may compute, a few seconds of them, and
// maxRecords the bytes that it may read.
const (
	maxWork    = 1e9
	maxRecords = 64 << 20
)

// shots is what was read: a record of width bytes for each shot, in which bit i%8
// of byte i/8, from the least significant, is the ith readout. Bits above are 0.
type shots struct {
	n, reads, width int
	records         []byte
}

func (s *shots) bit(shot, i int) int { return int(s.records[shot*s.width+i/8] >> (i % 8) & 1) }

func (s *shots) set(shot, i int) { s.records[shot*s.width+i/8] |= 1 << (i % 8) }

// simulate runs a program n times from the ground state.
func simulate(qubits int, program []step, n int, random *rand.Rand) (*shots, error) {
	s := &shots{n: n}
	var reads []int
	for _, step := range program {
		if step.read {
			reads = append(reads, int(step.Q0))
		}
	}
	s.reads, s.width = len(reads), (len(reads)+7)/8
	if s.width*n > maxRecords {
		return nil, fmt.Errorf("%d readouts of %d shots are more than %d bytes", s.reads, n, maxRecords)
	}
	s.records = make([]byte, s.width*n)
	work := float64(len(program)) * math.Exp2(float64(qubits))
	inTheMiddle := readsInTheMiddle(program)
	if inTheMiddle {
		work *= float64(n)
	}
	if work > maxWork {
		return nil, fmt.Errorf("%d steps of %d qubits are too many to simulate for %d shots", len(program), qubits, n)
	}
	if inTheMiddle {
		for shot := range n {
			s.trajectory(shot, newState(qubits), program, random)
		}
		return s, nil
	}
	psi := newState(qubits)
	for _, step := range program {
		if !step.read {
			psi.apply(step.Operation)
		}
	}
	ends := make([]float64, len(psi)) // of each outcome's share of 0 to 1
	sum := 0.0
	for i, a := range psi {
		sum += weight(a)
		ends[i] = sum
	}
	for shot := range n {
		u := random.Float64() * sum
		outcome := sort.Search(len(ends)-1, func(i int) bool { return ends[i] > u })
		for i, qubit := range reads {
			if outcome>>qubit&1 == 1 {
				s.set(shot, i)
			}
		}
	}
	return s, nil
}

// readsInTheMiddle reports whether a gate follows a readout of its qubit. If none
// does, the readouts may as well come last, and one state serves all shots.
func readsInTheMiddle(program []step) bool {
	var read [1 << 16]bool
	for _, step := range program {
		switch {
		case step.read:
			read[step.Q0] = true
		case step.Gate != abi.ID && (read[step.Q0] || read[step.Q1]):
			return true
		}
	}
	return false
}

// trajectory runs a shot in which readouts change the state.
func (s *shots) trajectory(shot int, psi state, program []step, random *rand.Rand) {
	i := 0
	for _, step := range program {
		if !step.read {
			psi.apply(step.Operation)
			continue
		}
		if psi.measure(int(step.Q0), random.Float64()) {
			s.set(shot, i)
		}
		i++
	}
}

// state holds an amplitude for each basis state; bit q of an index is qubit q.
type state []complex128

func newState(qubits int) state {
	psi := make(state, 1<<qubits)
	psi[0] = 1
	return psi
}

func weight(a complex128) float64 { return real(a)*real(a) + imag(a)*imag(a) }

// measure projects a qubit, by a number from 0 to 1.
func (psi state) measure(qubit int, u float64) bool {
	p := 0.0
	for i, a := range psi {
		if i>>qubit&1 == 1 {
			p += weight(a)
		}
	}
	one := u < p
	if !one {
		p = 1 - p
	}
	scale := complex(1/math.Sqrt(p), 0)
	for i := range psi {
		if i>>qubit&1 == 1 == one {
			psi[i] *= scale
		} else {
			psi[i] = 0
		}
	}
	return one
}

func (psi state) apply(op abi.Operation) {
	q0, q1 := int(op.Q0), int(op.Q1)
	cos, sin := complex(math.Cos(op.Param/2), 0), complex(math.Sin(op.Param/2), 0)
	switch op.Gate {
	case abi.RX:
		psi.one(q0, cos, -1i*sin, -1i*sin, cos)
	case abi.X90:
		psi.one(q0, math.Sqrt2/2, -1i*math.Sqrt2/2, -1i*math.Sqrt2/2, math.Sqrt2/2)
	case abi.RY:
		psi.one(q0, cos, -sin, sin, cos)
	case abi.YMinus90:
		psi.one(q0, math.Sqrt2/2, math.Sqrt2/2, -math.Sqrt2/2, math.Sqrt2/2)
	case abi.RZ, abi.VirtualZ:
		psi.one(q0, cos-1i*sin, 0, 0, cos+1i*sin)
	case abi.GateCZ:
		psi.phase(q0, q1, -1)
	case abi.CP:
		psi.phase(q0, q1, cmplx.Exp(complex(0, op.Param)))
	case abi.GateISwap:
		psi.exchange(q0, q1, 1i)
	case abi.GateCNOT:
		for i := range psi {
			if i>>q0&1 == 1 && i>>q1&1 == 0 {
				j := i | 1<<q1
				psi[i], psi[j] = psi[j], psi[i]
			}
		}
	}
}

func (psi state) one(q int, a, b, c, d complex128) {
	for i := range psi {
		if i>>q&1 == 0 {
			j := i | 1<<q
			zero, one := psi[i], psi[j]
			psi[i], psi[j] = a*zero+b*one, c*zero+d*one
		}
	}
}

func (psi state) phase(q0, q1 int, by complex128) {
	for i := range psi {
		if i>>q0&1 == 1 && i>>q1&1 == 1 {
			psi[i] *= by
		}
	}
}

func (psi state) exchange(q0, q1 int, by complex128) {
	for i := range psi {
		if i>>q0&1 == 1 && i>>q1&1 == 0 {
			j := i ^ 1<<q0 ^ 1<<q1
			psi[i], psi[j] = by*psi[j], by*psi[i]
		}
	}
}
