package qasm

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

// Format writes a circuit as a program, one statement a line. Angles have as many
// digits as it takes to read the same value again, so that Parse undoes it for a
// text within MaxText, but for the metadata, which have no place in a program.
//
// The error is an *abi.IRError if the circuit is not valid, and an *Error if it has
// a gate that the subset cannot say: any at all for the targets iswap and pcz; rx,
// ry and rz for cnot, whose spellings mean other gates; an id that lasts.
func Format(c *abi.Circuit) (string, error) {
	if err := c.Validate(); err != nil {
		return "", err
	}
	const perLine = 32
	b := make([]byte, 0, (4+len(c.Operations)+len(c.Measurements))*perLine)
	b = append(b, "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit["...)
	b = strconv.AppendUint(b, uint64(c.NumQubits), 10)
	b = append(b, "] q;\n"...)
	if n := len(c.Measurements); n > 0 {
		b = append(b, "bit["...)
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, "] c;\n"...)
	}
	for i := range c.Operations {
		op := &c.Operations[i]
		s, err := spell(op, c.Target)
		if err != nil {
			err.Rule = fmt.Sprintf("gates[%d]: %s", i, err.Rule)
			return "", err
		}
		b = s.append(b, op)
	}
	for i, q := range c.Measurements {
		b = append(b, "c["...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, "] = measure "...)
		b = appendQubit(b, q)
		b = append(b, ";\n"...)
	}
	return string(b), nil
}

// spell finds the spelling of a gate that is legal for the target.
func spell(op *abi.Operation, target abi.Target) (spelling, *Error) {
	if !writable(target) {
		return spelling{}, &Error{Text: op.Gate.String(), Rule: unwritable(target)}
	}
	for _, s := range spellings[target] {
		switch {
		case s.gate != op.Gate:
		case op.Gate == abi.ID && op.Param != 0:
			return spelling{}, &Error{Text: string(appendFloat(nil, op.Param)),
				Rule: "an id must last 0 ns, as OpenQASM's id has no duration"}
		default:
			return s, nil
		}
	}
	return spelling{}, &Error{Text: op.Gate.String(),
		Rule: "must be a gate with an OpenQASM spelling for target " + target.String() + ": " + nativeNames(target)}
}

// nativeNames is a list for people, in the IR's names, of what can be written.
func nativeNames(target abi.Target) string {
	var names []string
	for _, s := range spellings[target] {
		names = append(names, s.gate.String())
	}
	return strings.Join(names, ", ")
}

func (s spelling) append(b []byte, op *abi.Operation) []byte {
	b = append(b, s.name...)
	if s.param {
		angle := op.Param
		if s.gate == abi.YMinus90 {
			angle = yMinus90
		}
		b = append(b, '(')
		b = appendFloat(b, angle)
		b = append(b, ')')
	}
	b = append(b, ' ')
	b = appendQubit(b, op.Q0)
	if s.gate.Qubits() == 2 {
		b = append(b, ", "...)
		b = appendQubit(b, op.Q1)
	}
	return append(b, ";\n"...)
}

func appendQubit(b []byte, q uint16) []byte {
	b = append(b, "q["...)
	b = strconv.AppendUint(b, uint64(q), 10)
	return append(b, ']')
}

// appendFloat writes v as C's %.15g does, but exactly: with an exponent below 1e-4
// and from 1e15 on, and without superfluous zeros.
func appendFloat(b []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e15) {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}
