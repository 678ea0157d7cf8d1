package abi

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// Validate checks a circuit that was made in Go by the rules of ParseCircuit, so
// that what passes can be written and read again. The error is an *IRError with
// the first problem.
func (c *Circuit) Validate() error {
	p := c.misshape()
	if p == nil {
		p = c.fault()
	}
	if p == nil {
		return nil
	}
	return &IRError{Problems: []Problem{*p}}
}

// fault returns the first broken rule of those that take the whole circuit, nil if
// there is none. The values themselves are in range; see misshape.
func (c *Circuit) fault() *Problem {
	for i := range c.Operations {
		op := &c.Operations[i]
		fact := &facts[op.Gate]
		if fact.targets&(1<<c.Target) == 0 ||
			op.Q0 >= c.NumQubits || op.Q1 >= c.NumQubits ||
			op.Q0 == op.Q1 && fact.qubits == 2 ||
			op.Gate == ID && op.Param < 0 {
			return c.operationFault(i)
		}
	}
	for i, q := range c.Measurements {
		if q >= c.NumQubits {
			return c.outOfRange(place{"measurements", i, "", -1}, q)
		}
	}
	return nil
}

func (c *Circuit) operationFault(i int) *Problem {
	op := &c.Operations[i]
	at := place{"gates", i, "gate", -1}
	if !op.Gate.LegalFor(c.Target) {
		return &Problem{at.String(), strconv.Quote(op.Gate.String()), "is not legal for target " + c.Target.String()}
	}
	at.field = "qubits"
	for j, q := range [...]uint16{op.Q0, op.Q1} {
		if at.j = j; q >= c.NumQubits {
			return c.outOfRange(at, q)
		}
	}
	if op.Q0 == op.Q1 && op.Gate.Qubits() == 2 {
		return &Problem{at.String(), strconv.Itoa(int(op.Q1)), "must differ from the other qubit of " + op.Gate.String()}
	}
	return paramProblem(i, op, "must not be negative, being a duration")
}

func (c *Circuit) outOfRange(at place, qubit uint16) *Problem {
	return &Problem{at.String(), strconv.Itoa(int(qubit)),
		fmt.Sprintf("must be from 0 to %d, as num_qubits is %d", c.NumQubits-1, c.NumQubits)}
}

func paramProblem(i int, op *Operation, rule string) *Problem {
	return &Problem{place{"gates", i, "params", 0}.String(), strconv.FormatFloat(op.Param, 'g', -1, 64), rule}
}

// misshape returns the first value that a text could not give: the types allow
// more than the IR.
func (c *Circuit) misshape() *Problem {
	switch {
	case !c.Target.known():
		return &Problem{"target", strconv.Itoa(int(c.Target)), "must be a known target"}
	case c.NumQubits < 1 || c.NumQubits > MaxQubits:
		return &Problem{"num_qubits", strconv.Itoa(int(c.NumQubits)), "must be an integer from 1 to " + strconv.Itoa(MaxQubits)}
	}
	for i := range c.Operations {
		if p := c.Operations[i].misshape(i); p != nil {
			return p
		}
	}
	if level := c.Metadata.OptimizationLevel; level < 0 || level > 3 {
		return &Problem{"metadata.optimization_level", strconv.Itoa(level), "must be an integer from 0 to 3"}
	}
	for i, text := range [...]string{c.Metadata.SourceHash, c.Metadata.CompiledAt, c.Metadata.CompilerVersion} {
		if !utf8.ValidString(text) {
			return &Problem{"metadata." + metadataNames[i], excerpt(strconv.QuoteToASCII(text)), "must be valid UTF-8"}
		}
	}
	return nil
}

func (op *Operation) misshape(i int) *Problem {
	switch {
	case !op.Gate.known():
		return &Problem{place{"gates", i, "gate", -1}.String(), strconv.Itoa(int(op.Gate)), "must be a native gate"}
	case op.Gate.Qubits() == 1 && op.Q0 != op.Q1:
		return &Problem{place{"gates", i, "qubits", 1}.String(), strconv.Itoa(int(op.Q1)),
			"must equal the one qubit of " + op.Gate.String() + ", " + strconv.Itoa(int(op.Q0))}
	case math.IsNaN(op.Param) || math.IsInf(op.Param, 0):
		return paramProblem(i, op, "must be finite in 64 bits")
	case op.Param != 0 && !op.Gate.HasParam():
		return paramProblem(i, op, op.Gate.String()+" takes 0 parameters, so that Param must be 0")
	}
	return nil
}
