package conformance_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
)

// reference is a simulator written from the gates' definitions, as matrices on a
// dense state, and as slow as that is. With a flaw it is wrong in one way.
type reference struct {
	flaw string
	max  uint16
}

func (r reference) run(job *abi.Job) (*abi.Execution, error) {
	c := job.Circuit
	if c.NumQubits > r.max && r.flaw != "takes any size" {
		return nil, &fault.ExecutorError{Cause: fault.Unsupported, Reason: fmt.Sprintf("more than %d qubits", r.max)}
	}
	psi := make([]complex128, 1<<min(c.NumQubits, 12))
	psi[0] = 1
	for _, op := range c.Operations {
		r.apply(psi, op)
	}
	counts := map[uint64]uint64{}
	if len(c.Operations) > 5000 || job.Shots > 1e6 { // certain: one draw tells
		counts[r.readout(c, draw(psi, 0.5))] = job.Shots
	} else {
		random := rand.New(rand.NewPCG(1, 2))
		for range job.Shots {
			counts[r.readout(c, draw(psi, random.Float64()))]++
		}
	}
	e := &abi.Execution{ShotsCompleted: job.Shots}
	for bits, n := range counts {
		e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: bits, Count: n})
	}
	return e, nil
}

func draw(psi []complex128, u float64) uint64 {
	for i, a := range psi {
		if u -= real(a)*real(a) + imag(a)*imag(a); u < 0 {
			return uint64(i)
		}
	}
	return 0
}

func (r reference) readout(c *abi.Circuit, state uint64) uint64 {
	var bits uint64
	for i, q := range c.Measurements {
		at := i
		switch r.flaw {
		case "bits reversed":
			at = len(c.Measurements) - 1 - i
		case "bits by qubit":
			at = int(q)
		}
		bits |= (state >> q & 1) << at
	}
	return bits
}

func (r reference) apply(psi []complex128, op abi.Operation) {
	q0, q1, angle := op.Q0, op.Q1, op.Param
	if r.flaw == "operands exchanged" {
		q0, q1 = q1, q0
	}
	if r.flaw == op.Gate.String()+" negated" {
		angle = -angle
	}
	if r.flaw == op.Gate.String()+" twice the angle" {
		angle *= 2
	}
	sign := 1.0
	if r.flaw == op.Gate.String()+" conjugated" {
		sign = -1
	}
	if r.flaw == op.Gate.String()+" forgotten" {
		return
	}
	switch op.Gate {
	case abi.RX:
		r.one(psi, q0, turn(angle, 0, -1i, -1i))
	case abi.X90:
		r.one(psi, q0, turn(sign*math.Pi/2, 0, -1i, -1i))
	case abi.RY:
		r.one(psi, q0, turn(angle, 0, -1, 1))
	case abi.YMinus90:
		r.one(psi, q0, turn(sign*-math.Pi/2, 0, -1, 1))
	case abi.RZ, abi.VirtualZ:
		r.one(psi, q0, turn(angle, -1i, 0, 0))
	case abi.ID:
		if r.flaw == "id turns" {
			r.one(psi, q0, turn(math.Pi, -1i, 0, 0))
		}
	case abi.GateCZ:
		two(psi, q0, q1, 1, 0, -1)
	case abi.CP:
		two(psi, q0, q1, 1, 0, cmplx.Exp(complex(0, angle)))
	case abi.GateISwap:
		two(psi, q0, q1, 0, complex(0, sign), 1)
	case abi.GateCNOT:
		for i := range psi {
			if i>>q0&1 == 1 && i>>q1&1 == 0 {
				j := i | 1<<q1
				psi[i], psi[j] = psi[j], psi[i]
			}
		}
	}
}

// turn is cos(angle/2) and sin(angle/2) times the given entries: z and its negative
// on the diagonal, up and down beside it.
func turn(angle float64, z, up, down complex128) [2][2]complex128 {
	cos, sin := complex(math.Cos(angle/2), 0), complex(math.Sin(angle/2), 0)
	return [2][2]complex128{{cos + sin*z, sin * up}, {sin * down, cos - sin*z}}
}

func (r reference) one(psi []complex128, q uint16, m [2][2]complex128) {
	for i := range psi {
		if i>>q&1 == 0 {
			j := i | 1<<q
			a, b := psi[i], psi[j]
			psi[i], psi[j] = m[0][0]*a+m[0][1]*b, m[1][0]*a+m[1][1]*b
		}
	}
}

// two multiplies 01 and 10 by stay, exchanges them times swap, and multiplies 11 by both.
func two(psi []complex128, q0, q1 uint16, stay, swap, both complex128) {
	for i := range psi {
		a, b := i>>q0&1, i>>q1&1
		switch {
		case a == 1 && b == 1:
			psi[i] *= both
		case a == 0 && b == 1:
			j := i ^ 1<<q0 ^ 1<<q1
			x, y := psi[i], psi[j]
			psi[i], psi[j] = stay*x+swap*y, swap*x+stay*y
		}
	}
}
