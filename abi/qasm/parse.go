package qasm

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// Parse reads a program of the subset, which folder abi's README.md describes, as a
// circuit for target. What it returns is valid by Circuit.Validate; its metadata
// are the defaults, SourceHash and the present time. The error is an *Error about
// the first thing that is wrong.
func Parse(text string, target abi.Target) (*abi.Circuit, error) {
	if _, ok := abi.ParseTarget(target.String()); !ok {
		return nil, &Error{Text: strconv.Itoa(int(target)), Rule: "the target must be a known one"}
	}
	if len(text) > MaxText {
		return nil, &Error{Text: strconv.Itoa(len(text)), Rule: "a program has at most " + strconv.Itoa(MaxText) + " bytes"}
	}
	// Room for a gate on every line, unless the lines are too short to hold one.
	const shortest = len("sx q[0];\n")
	room := min(strings.Count(text, "\n")+1, len(text)/shortest)
	p := parser{circuit: &abi.Circuit{
		Target:       target,
		Operations:   make([]abi.Operation, 0, room),
		Measurements: []uint16{},
		Metadata: abi.Metadata{
			SourceHash:        SourceHash,
			CompiledAt:        time.Now().UTC().Format(time.RFC3339),
			CompilerVersion:   abi.DefaultCompilerVersion,
			OptimizationLevel: abi.DefaultOptimizationLevel,
		},
	}}
	if err := p.program(text); err != nil {
		return nil, err
	}
	return p.circuit, nil
}

// parser is what is known of a program, up to a line.
type parser struct {
	circuit  *abi.Circuit
	started  bool     // there was a statement
	qubits   register // size NumQubits
	bits     register
	measured uint64 // bit q: qubit q was read out
}

// register is a declared register; its name is empty before that.
type register struct {
	name string
	size int
}

func (p *parser) program(text string) error {
	l := line{}
	for more := true; more; {
		l.number++
		l.pos = 0
		l.text, text, more = strings.Cut(text, "\n")
		if err := p.line(&l); err != nil {
			return err
		}
	}
	if p.qubits.name == "" {
		return l.fail(len(l.text), "", "the program must declare its qubits: qubit[n] q;")
	}
	return nil
}

// line reads one line: a statement, a comment, both or neither.
func (p *parser) line(l *line) *Error {
	l.blanks()
	if l.over() {
		return nil
	}
	if err := p.statement(l); err != nil {
		return err
	}
	p.started = true
	l.blanks()
	if !l.skip(";") {
		return l.want("a statement must end with ; on its line")
	}
	l.blanks()
	if !l.over() {
		return l.want("only a // comment may follow a statement: every statement has its own line")
	}
	return nil
}

func (p *parser) statement(l *line) *Error {
	start := l.pos
	switch word := l.word(); word {
	case "":
		if l.at("/*") {
			return l.want("block comments are not supported: begin each line with //")
		}
		return l.want("must be a statement: a declaration, a gate or a measurement")
	case "OPENQASM":
		return p.version(l, start)
	case "include":
		return p.include(l)
	case "qubit":
		return p.declareQubits(l, start)
	case "bit":
		return p.declareBits(l, start)
	default:
		if l.at("[") {
			return p.measurement(l, start, word)
		}
		return p.gate(l, start, word)
	}
}

func (p *parser) version(l *line, start int) *Error {
	if p.started {
		return l.fail(start, "OPENQASM", "the version must be the first statement")
	}
	if !l.blanks() {
		return l.want("must be a blank and the version: OPENQASM 3.0;")
	}
	start = l.pos
	version := l.span(func(c byte) bool { return isDigit(c) || c == '.' })
	major, minor, dotted := strings.Cut(version, ".")
	if major != "3" || dotted && (minor == "" || strings.Contains(minor, ".")) {
		l.pos = start
		return l.want("the version must be 3 or 3.x")
	}
	return nil
}

func (p *parser) include(l *line) *Error {
	l.blanks()
	if !l.skip(`"stdgates.inc"`) {
		return l.want(`must be "stdgates.inc": no other file can be included`)
	}
	return nil
}

func (p *parser) declareQubits(l *line, start int) *Error {
	if p.qubits.name != "" {
		return l.fail(start, "qubit", "must not declare qubits again: "+p.qubits.name+" are all that a program has")
	}
	size, err := l.bracketed("must be [ and the number of qubits: qubit[n] q;")
	if err != nil {
		return err
	}
	if size.value < 1 || size.value > abi.MaxQubits {
		return l.refuse(size, "the number of qubits must be from 1 to "+strconv.Itoa(abi.MaxQubits))
	}
	name, err := p.newName(l)
	p.qubits = register{name, size.value}
	p.circuit.NumQubits = uint16(size.value)
	return err
}

func (p *parser) declareBits(l *line, start int) *Error {
	if p.bits.name != "" {
		return l.fail(start, "bit", "must not declare bits again: "+p.bits.name+" are all that a program has")
	}
	size, err := l.bracketed("must be [ and the number of bits: bit[n] c;")
	if err != nil {
		return err
	}
	if size.value < 1 {
		return l.refuse(size, "the number of bits must be at least 1; leave the register out if nothing is measured")
	}
	name, err := p.newName(l)
	p.bits = register{name, size.value}
	return err
}

// reserved names would make a statement read in two ways.
var reserved = [...]string{"OPENQASM", "include", "qubit", "bit", "measure"}

// newName reads the name in a declaration.
func (p *parser) newName(l *line) (string, *Error) {
	if !l.blanks() {
		return "", l.want("must be a blank and the register's name")
	}
	start := l.pos
	name := l.word()
	switch {
	case name == "":
		return "", l.want("must be the register's name: letters of ASCII, digits and _, no digit first")
	case slices.Contains(reserved[:], name):
		return "", l.fail(start, name, "must not be a word of OpenQASM's own")
	case name == p.qubits.name || name == p.bits.name:
		return "", l.fail(start, name, "must differ from the name of the other register")
	}
	return name, nil
}

// measurement reads on after the name of its left side.
func (p *parser) measurement(l *line, start int, name string) *Error {
	switch {
	case p.bits.name == "":
		return l.fail(start, name, "must be a declared register of bits: declare bit[n] "+name+"; before")
	case name != p.bits.name:
		return l.fail(start, name, "must be "+p.bits.name+", the register of bits")
	}
	bit, err := l.bracketed("")
	if err != nil {
		return err
	}
	next := len(p.circuit.Measurements)
	switch {
	case bit.value >= p.bits.size:
		return l.refuse(bit, p.bits.rangeRule())
	case bit.value < next:
		return l.refuse(bit, "must be a bit that was not written before")
	case bit.value > next:
		return l.refuse(bit, "must be "+strconv.Itoa(next)+": bits must be written in their order, none left out")
	}
	l.blanks()
	if !l.skip("=") {
		return l.want("must be = and a measurement: c[i] = measure q[k];")
	}
	l.blanks()
	if !l.skip("measure") || !l.blanks() {
		return l.want("must be a measurement: c[i] = measure q[k];")
	}
	q, _, err := p.operand(l)
	if err != nil {
		return err
	}
	p.measured |= 1 << q
	p.circuit.Measurements = append(p.circuit.Measurements, q)
	return nil
}

// operand reads one qubit, q[k], and returns where it begins, too.
func (p *parser) operand(l *line) (q uint16, start int, err *Error) {
	start = l.pos
	name := l.word()
	switch {
	case name == "":
		return 0, 0, l.want("must be a qubit, such as q[0]")
	case p.qubits.name == "":
		return 0, 0, l.fail(start, name, "must be a declared register of qubits: declare qubit[n] "+name+"; before")
	case name != p.qubits.name:
		return 0, 0, l.fail(start, name, "must be "+p.qubits.name+", the register of qubits")
	}
	n, err := l.bracketed("must be [ and an index: every gate and measurement names single qubits")
	if err != nil {
		return 0, 0, err
	}
	if n.value >= p.qubits.size {
		return 0, 0, l.refuse(n, p.qubits.rangeRule())
	}
	return uint16(n.value), start, nil
}

func (r register) rangeRule() string {
	return "must be from 0 to " + strconv.Itoa(r.size-1) + ", an index of " + r.name
}
