package qasm

import (
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

// gate reads on after the gate's name.
func (p *parser) gate(l *line, start int, name string) *Error {
	s, err := p.spelling(l, start, name)
	if err != nil {
		return err
	}
	op := abi.Operation{Gate: s.gate}
	angle, err := l.parameter(s)
	if err != nil {
		return err
	}
	switch {
	case s.gate.HasParam():
		op.Param = angle
	case s.gate == abi.YMinus90 && !isYMinus90(angle):
		return l.fail(start, l.text[start:l.pos],
			"ry must have the angle "+strconv.FormatFloat(yMinus90, 'f', -1, 64)+" for target cnot, which has no other rotation about y")
	}
	if !l.blanks() {
		return l.want("must be a blank and the operands")
	}
	if err := p.operands(l, s, &op); err != nil {
		return err
	}
	p.circuit.Operations = append(p.circuit.Operations, op)
	return nil
}

// spelling looks up the name that begins a statement.
func (p *parser) spelling(l *line, start int, name string) (spelling, *Error) {
	target := p.circuit.Target
	if writable(target) {
		for _, s := range spellings[target] {
			if s.name == name {
				return s, nil
			}
		}
	}
	rest := *l
	rest.blanks()
	switch {
	case rest.at("="):
		return spelling{}, l.fail(start, name, "must be one bit: write c[i] = measure q[k]; for each")
	case !writable(target):
		return spelling{}, l.fail(start, name, unwritable(target))
	}
	return spelling{}, l.fail(start, name, unknownGate(name, target))
}

// parameter reads (p) if s has a parameter, and nothing or () if it has none. The
// parenthesis follows the name directly.
func (l *line) parameter(s spelling) (float64, *Error) {
	if !l.skip("(") {
		if s.param {
			return 0, l.want("must be ( and the angle in radians, directly after " + s.name)
		}
		return 0, nil
	}
	start := l.pos
	length := strings.IndexByte(l.text[start:], ')')
	if length < 0 {
		return 0, l.want("must be the parameter and )")
	}
	l.pos += length + 1
	text := strings.Trim(l.text[start:start+length], blank)
	switch {
	case !s.param && text == "":
		return 0, nil
	case !s.param:
		return 0, l.fail(start, text, s.name+" takes no parameter")
	case text == "" || strings.Contains(text, ","):
		return 0, l.fail(start, text, s.name+" takes one parameter")
	case !isDecimal(text):
		return 0, l.fail(start, text, "must be a plain decimal number, in radians: names such as pi and expressions are not supported")
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, l.fail(start, text, "must be within the range of a 64-bit float")
	}
	return v, nil
}

// isDecimal reports whether text is a decimal number with an optional sign,
// fraction and exponent. strconv takes more than that.
func isDecimal(text string) bool {
	l := line{text: text}
	_ = l.skip("-") || l.skip("+")
	digits := len(l.span(isDigit))
	if l.skip(".") {
		digits += len(l.span(isDigit))
	}
	if digits == 0 {
		return false
	}
	if l.skip("e") || l.skip("E") {
		_ = l.skip("-") || l.skip("+")
		if l.span(isDigit) == "" {
			return false
		}
	}
	return l.pos == len(text)
}

// operands reads as many qubits as the gate takes into op.
func (p *parser) operands(l *line, s spelling, op *abi.Operation) *Error {
	for i := range s.gate.Qubits() {
		if i > 0 {
			l.blanks()
			if !l.skip(",") {
				return l.want("must be a comma and another qubit, as " + s.takes())
			}
			l.blanks()
		}
		q, start, err := p.operand(l)
		switch {
		case err != nil:
			return err
		case p.measured>>q&1 == 1:
			return l.fail(start, l.text[start:l.pos], "must not be measured yet: a circuit is read out at its end, so that no gate may follow")
		case i > 0 && q == op.Q0:
			return l.fail(start, l.text[start:l.pos], "must differ from the other qubit of the gate")
		case i == 0:
			op.Q0 = q
		}
		op.Q1 = q
	}
	l.blanks()
	if l.at(",") {
		return l.want("must be ; as " + s.takes())
	}
	return nil
}
