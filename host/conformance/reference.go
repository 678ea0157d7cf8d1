package conformance

import (
	"math"
	"math/cmplx"

	"github.com/conductorquantum/coda/abi"
)

// mostExact is how many qubits with gates the reference simulates.
const mostExact = 14

// exact returns what a circuit measures, from the gates' definitions, or nil where
// more qubits have gates than it simulates.
func exact(c *abi.Circuit) distribution {
	slots := map[uint16]int{} // of the qubits that have gates; the others read 0
	for _, op := range c.Operations {
		for _, q := range []uint16{op.Q0, op.Q1} {
			if _, ok := slots[q]; !ok {
				slots[q] = len(slots)
			}
		}
	}
	if len(slots) > mostExact {
		return nil
	}
	psi := make([]complex128, 1<<len(slots))
	psi[0] = 1
	for _, op := range c.Operations {
		if op.Gate.Qubits() == 2 {
			applyTwo(psi, slots[op.Q0], slots[op.Q1], op)
		} else {
			applyOne(psi, slots[op.Q0], op)
		}
	}
	d := distribution{}
	for i, a := range psi {
		var bits uint64
		for k, q := range c.Measurements {
			if slot, ok := slots[q]; ok {
				bits |= uint64(i>>slot&1) << k
			}
		}
		if p := real(a)*real(a) + imag(a)*imag(a); p > 0 {
			d[bits] += p
		}
	}
	for bits, p := range d {
		if p < impossible {
			delete(d, bits)
		}
	}
	return d
}

// matrix is that of a gate on one qubit.
func matrix(op abi.Operation) [2][2]complex128 {
	angle := op.Param
	switch op.Gate {
	case abi.X90:
		angle = math.Pi / 2
	case abi.YMinus90:
		angle = -math.Pi / 2
	}
	cos, sin := complex(math.Cos(angle/2), 0), complex(math.Sin(angle/2), 0)
	switch op.Gate {
	case abi.RX, abi.X90:
		return [2][2]complex128{{cos, -1i * sin}, {-1i * sin, cos}}
	case abi.RY, abi.YMinus90:
		return [2][2]complex128{{cos, -sin}, {sin, cos}}
	case abi.RZ, abi.VirtualZ:
		return [2][2]complex128{{cos - 1i*sin, 0}, {0, cos + 1i*sin}}
	default: // id
		return [2][2]complex128{{1, 0}, {0, 1}}
	}
}

func applyOne(psi []complex128, q int, op abi.Operation) {
	m := matrix(op)
	for i := range psi {
		if i>>q&1 == 0 {
			j := i | 1<<q
			a, b := psi[i], psi[j]
			psi[i], psi[j] = m[0][0]*a+m[0][1]*b, m[1][0]*a+m[1][1]*b
		}
	}
}

func applyTwo(psi []complex128, q0, q1 int, op abi.Operation) {
	for i := range psi {
		switch a, b := i>>q0&1, i>>q1&1; {
		case a == 1 && b == 1 && op.Gate == abi.GateCZ:
			psi[i] = -psi[i]
		case a == 1 && b == 1 && op.Gate == abi.CP:
			psi[i] *= cmplx.Exp(complex(0, op.Param))
		case a == 1 && b == 0 && op.Gate == abi.GateISwap:
			j := i ^ 1<<q0 ^ 1<<q1
			psi[i], psi[j] = 1i*psi[j], 1i*psi[i]
		case a == 1 && b == 0 && op.Gate == abi.GateCNOT:
			j := i | 1<<q1
			psi[i], psi[j] = psi[j], psi[i]
		}
	}
}
