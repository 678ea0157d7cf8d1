package qasm_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

// The reference: a parser that is made of one pattern for each form of statement.
// It is slow and gives no reasons, but can be read against the subset's rules.
var (
	versionForm = form(`OPENQASM_3(\.\d+)?`)
	includeForm = form(`include *"stdgates\.inc"`)
	qubitForm   = form(`qubit\[(\d+)\]_(NAME)`)
	bitForm     = form(`bit\[(\d+)\]_(NAME)`)
	measureForm = form(`(NAME)\[(\d+)\] *= *measure_(NAME)\[(\d+)\]`)
	gateForm    = form(`(NAME)(?:\(([^)]*)\))?_(NAME\[\d+\](?: *, *NAME\[\d+\])*)`)
	number      = regexp.MustCompile(`^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$`)
	keyword     = regexp.MustCompile(`^(OPENQASM|include|qubit|bit|measure)$`)
)

// form compiles the pattern of a whole line: " *" are optional blanks, "_" is at
// least one.
func form(pattern string) *regexp.Regexp {
	pattern = strings.NewReplacer(" *", `[ \t\r]*`, "_", `[ \t\r]+`, "NAME", `[A-Za-z_]\w*`).Replace("^ *" + pattern + " *; *$")
	return regexp.MustCompile(pattern)
}

// reference returns nil for a program that is to be refused.
func reference(text string, target abi.Target) *abi.Circuit {
	c := &abi.Circuit{Target: target}
	var qubits, bits string
	var size, statements int
	index := func(name, digits string) (uint16, bool) {
		n, err := strconv.Atoi(digits)
		return uint16(n), err == nil && name == qubits && n < int(c.NumQubits)
	}
	measured := map[uint16]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "//")
		if strings.Trim(line, " \t\r") == "" {
			continue
		}
		statements++
		if versionForm.MatchString(line) && statements == 1 || includeForm.MatchString(line) {
			continue
		}
		if m := qubitForm.FindStringSubmatch(line); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil || n < 1 || n > 50 || qubits != "" || m[2] == bits || keyword.MatchString(m[2]) {
				return nil
			}
			c.NumQubits, qubits = uint16(n), m[2]
			continue
		}
		if m := bitForm.FindStringSubmatch(line); m != nil {
			size, _ = strconv.Atoi(m[1])
			if size < 1 || bits != "" || m[2] == qubits || keyword.MatchString(m[2]) {
				return nil
			}
			bits = m[2]
			continue
		}
		if m := measureForm.FindStringSubmatch(line); m != nil {
			bit, err := strconv.Atoi(m[2])
			q, ok := index(m[3], m[4])
			if err != nil || m[1] != bits || bit != len(c.Measurements) || bit >= size || !ok {
				return nil
			}
			measured[q] = true
			c.Measurements = append(c.Measurements, q)
			continue
		}
		m := gateForm.FindStringSubmatch(line)
		if m == nil {
			return nil
		}
		var operands []uint16
		for operand := range strings.SplitSeq(m[3], ",") {
			name, digits, _ := strings.Cut(strings.Trim(operand, " \t\r"), "[")
			q, ok := index(name, strings.TrimSuffix(digits, "]"))
			if !ok || measured[q] {
				return nil
			}
			operands = append(operands, q)
		}
		op, ok := referenceGate(m[1], m[2], target, operands)
		if !ok {
			return nil
		}
		c.Operations = append(c.Operations, op)
	}
	if qubits == "" {
		return nil
	}
	return c
}

func referenceGate(name, param string, target abi.Target, operands []uint16) (abi.Operation, bool) {
	op := abi.Operation{Q0: operands[0], Q1: operands[len(operands)-1]}
	param = strings.Trim(param, " \t\r")
	params, angle := 0, 0.0
	if param != "" {
		v, err := strconv.ParseFloat(param, 64)
		if err != nil || !number.MatchString(param) {
			return op, false
		}
		params, angle = 1, v
	}
	takes := 0
	switch target.String() + " " + name {
	case "cz rx":
		op.Gate, takes = abi.RX, 1
	case "cz ry":
		op.Gate, takes = abi.RY, 1
	case "cz rz":
		op.Gate, takes = abi.RZ, 1
	case "cz cz":
		op.Gate = abi.GateCZ
	case "cz id", "cnot id":
		op.Gate = abi.ID
	case "cnot sx":
		op.Gate = abi.X90
	case "cnot cx":
		op.Gate = abi.GateCNOT
	case "cnot rz":
		op.Gate, takes = abi.VirtualZ, 1
	case "cnot ry":
		if params != 1 || math.Abs(angle+math.Pi/2) > 1e-12*max(math.Abs(angle), math.Pi/2) {
			return op, false
		}
		op.Gate = abi.YMinus90
		return op, len(operands) == 1
	default:
		return op, false
	}
	op.Param = angle
	return op, params == takes && len(operands) == op.Gate.Qubits() && (len(operands) == 1 || op.Q0 != op.Q1)
}
