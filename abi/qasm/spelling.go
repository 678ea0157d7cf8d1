package qasm

import (
	"math"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

// spelling is how OpenQASM writes a native gate.
type spelling struct {
	name  string
	gate  abi.Gate
	param bool // written with a parameter, which is not always so in the IR
}

func (s spelling) takes() string {
	if s.gate.Qubits() == 2 {
		return s.name + " takes 2 qubits"
	}
	return s.name + " takes 1 qubit"
}

// spellings lists, by target, every gate that can be written.
var spellings = [...][]spelling{
	abi.CZ: {
		{"rx", abi.RX, true},
		{"ry", abi.RY, true},
		{"rz", abi.RZ, true},
		{"cz", abi.GateCZ, false},
		{"id", abi.ID, false}, // its duration is 0
	},
	abi.CNOT: {
		{"sx", abi.X90, false},
		{"cx", abi.GateCNOT, false},
		{"rz", abi.VirtualZ, true},
		{"ry", abi.YMinus90, true}, // by no angle but yMinus90
		{"id", abi.ID, false},
	},
}

// yMinus90 is the angle of the gate y_minus_90.
const yMinus90 = -math.Pi / 2

// isYMinus90 allows for programs whose angles were written with 12 or more digits.
func isYMinus90(angle float64) bool {
	const tolerance = 1e-12
	return math.Abs(angle-yMinus90) <= tolerance*max(1, math.Abs(angle), -yMinus90)
}

// advice tells the writer of a statement that others' OpenQASM has what to write.
var advice = map[string]string{
	"qreg":       "declare the register as qubit[n] q;",
	"creg":       "declare the register as bit[n] c;",
	"measure":    "write c[i] = measure q[k];",
	"x90":        "x90 is written sx here",
	"y_minus_90": "y_minus_90 is written ry(-1.5707963267948966) here",
	"virtual_z":  "virtual_z is written rz here",
	"cnot":       "cnot is written cx here",
}

// unknownGate is the rule that a statement breaks which begins with name.
func unknownGate(name string, target abi.Target) string {
	rule := "must be a gate of target " + target.String() + ": " + gateNames(target)
	if hint, ok := advice[name]; ok {
		rule += "; " + hint
	}
	return rule
}

// gateNames is a list for people of the gates that can be written.
func gateNames(target abi.Target) string {
	var names []string
	for _, s := range spellings[target] {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// writable reports whether the target's gates have spellings.
func writable(target abi.Target) bool {
	return int(target) < len(spellings) && spellings[target] != nil
}

// unwritable is the rule that a gate of such a target breaks.
func unwritable(target abi.Target) string {
	return "gates have an OpenQASM spelling for the targets cz and cnot only, not for " + target.String() + ": use IR"
}
