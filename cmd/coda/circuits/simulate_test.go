package circuits_test

import (
	"math"
	"math/cmplx"

	"github.com/conductorquantum/coda/abi"
)

type matrix [2][2]complex128

// distribution is the probability of each bitstring, by multiplying matrices.
// Bit q of an index is qubit q.
func distribution(c *abi.Circuit) map[string]float64 {
	state := make([]complex128, 1<<c.NumQubits)
	state[0] = 1
	for _, op := range c.Operations {
		switch op.Gate {
		case abi.GateCZ:
			controlled(state, op, matrix{{1, 0}, {0, -1}})
		case abi.GateCNOT:
			controlled(state, op, matrix{{0, 1}, {1, 0}})
		case abi.CP:
			controlled(state, op, matrix{{1, 0}, {0, cmplx.Exp(complex(0, op.Param))}})
		case abi.GateISwap:
			iswap(state, op)
		default:
			apply(state, op.Q0, single(op), func(int) bool { return true })
		}
	}
	p := map[string]float64{}
	for i, amplitude := range state {
		var bits uint64
		for k, q := range c.Measurements {
			bits |= uint64(i>>q&1) << k
		}
		p[abi.Bitstring(bits, len(c.Measurements))] += real(amplitude)*real(amplitude) + imag(amplitude)*imag(amplitude)
	}
	return p
}

// single is exp(-i angle/2 P).
func single(op abi.Operation) matrix {
	angle := op.Param
	switch op.Gate {
	case abi.X90:
		angle = math.Pi / 2
	case abi.YMinus90:
		angle = -math.Pi / 2
	}
	c, s := complex(math.Cos(angle/2), 0), complex(math.Sin(angle/2), 0)
	switch op.Gate {
	case abi.RX, abi.X90:
		return matrix{{c, -1i * s}, {-1i * s, c}}
	case abi.RY, abi.YMinus90:
		return matrix{{c, -s}, {s, c}}
	case abi.RZ, abi.VirtualZ:
		return matrix{{c - 1i*s, 0}, {0, c + 1i*s}}
	default: // id
		return matrix{{1, 0}, {0, 1}}
	}
}

func controlled(state []complex128, op abi.Operation, m matrix) {
	apply(state, op.Q1, m, func(i int) bool { return i>>op.Q0&1 == 1 })
}

func apply(state []complex128, q uint16, m matrix, where func(i int) bool) {
	bit := 1 << q
	for i := range state {
		if i&bit == 0 && where(i) {
			zero, one := state[i], state[i|bit]
			state[i] = m[0][0]*zero + m[0][1]*one
			state[i|bit] = m[1][0]*zero + m[1][1]*one
		}
	}
}

func iswap(state []complex128, op abi.Operation) {
	a, b := 1<<op.Q0, 1<<op.Q1
	for i := range state {
		if i&a != 0 && i&b == 0 {
			j := i&^a | b
			state[i], state[j] = 1i*state[j], 1i*state[i]
		}
	}
}
