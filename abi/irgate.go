package abi

import (
	"strconv"
	"strings"
)

// The members of a gate.
const (
	inGate = iota
	inQubits
	inParams
	inGateEnd
)

const (
	minGate = len(`{"gate":"x90","qubits":[0]},`) // the shortest in a list
	maxName = len("y_minus_90")
)

// gates decodes the member of that name.
func (d *decoder) gates(all *faults) {
	if !d.open('[') {
		all.add(the("gates"), d.skip(), "must be an array of gates")
		return
	}
	operations := d.circuit.Operations[:0]
	if operations == nil {
		// Every gate has a brace, and nothing else in a good circuit has many. The
		// bound keeps a bad one from asking for more memory than its own size, and
		// a list that comes after another takes over its memory.
		rest := d.text[d.pos:]
		operations = make([]Operation, 0, min(strings.Count(rest, "{"), len(rest)/minGate+1))
	}
	i := 0
	for more := d.first(']'); more; more = d.next(']') {
		op, ok := d.compactGate()
		if !ok {
			op, ok = d.gate(i, all)
		}
		if ok {
			operations = append(operations, op)
		}
		i++
	}
	d.circuit.Operations = operations
}

// compactGate decodes a gate that is sound and written as AppendIR writes it:
// most gates are. Of any other it reports false and passes nothing, so that gate
// reads it again and says what is wrong.
func (d *decoder) compactGate() (op Operation, ok bool) {
	const name, qubits, params, end = `{"gate":"`, `","qubits":[`, `],"params":[`, `]}`
	t := d.text[d.pos:]
	if !strings.HasPrefix(t, name) {
		return op, false
	}
	t = t[len(name):]
	i := strings.IndexByte(t[:min(len(t), maxName+1)], '"')
	if i < 0 {
		return op, false
	}
	if op.Gate, ok = ParseGate(t[:i]); !ok || !strings.HasPrefix(t[i:], qubits) {
		return op, false
	}
	t = t[i+len(qubits):]
	fact := &facts[op.Gate]
	if op.Q0, t, ok = shortQubit(t); !ok {
		return op, false
	}
	op.Q1 = op.Q0
	if fact.qubits == 2 {
		if t == "" || t[0] != ',' {
			return op, false
		}
		if op.Q1, t, ok = shortQubit(t[1:]); !ok {
			return op, false
		}
	}
	if !strings.HasPrefix(t, params) {
		return op, false
	}
	start := d.pos
	d.pos = len(d.text) - len(t) + len(params)
	if fact.param {
		if c := d.text[d.pos:]; c == "" || c[0] != '-' && !isDigit(c[0]) {
			d.pos = start
			return op, false
		}
		n := d.number()
		op.Param, ok = n.float()
	}
	if !ok || !strings.HasPrefix(d.text[d.pos:], end) {
		d.pos = start
		return op, false
	}
	d.pos += len(end)
	return op, true
}

// shortQubit cuts a qubit of one or two digits off t.
func shortQubit(t string) (q uint16, rest string, ok bool) {
	switch {
	case len(t) < 2 || !isDigit(t[0]):
		return 0, t, false
	case !isDigit(t[1]):
		return uint16(t[0] - '0'), t[1:], true
	case t[0] == '0':
		return 0, t, false
	}
	return uint16(t[0]-'0')*10 + uint16(t[1]-'0'), t[2:], true
}

// draft is a gate as far as it is read.
type draft struct {
	index  int
	gate   Gate
	seen   [inGateEnd]bool
	faults *[inGateEnd]faults // nil: none so far

	qubits   [2]uint16 // the first of them
	operands int
	param    float64 // the first of them
	params   int

	rawQubits, rawParams span
}

// span is where a value's text stands.
type span struct{ from, to int }

func (g *draft) fault(member int, field string, j int, raw, rule string) {
	if g.faults == nil {
		g.faults = new([inGateEnd]faults)
	}
	g.faults[member].add(place{"gates", g.index, field, j}, raw, rule)
}

func (g *draft) sound(member int) bool {
	return g.faults == nil || g.faults[member].none()
}

// gate decodes one element of gates. It reports false where the element is at
// fault.
func (d *decoder) gate(index int, all *faults) (Operation, bool) {
	if !d.open('{') {
		all.add(place{"gates", index, "", -1}, d.skip(), "must be an object")
		return Operation{}, false
	}
	g := draft{index: index}
	for more := d.first('}'); more; more = d.next('}') {
		switch d.key() {
		case "gate":
			g.begin(inGate)
			v, raw, _ := d.string()
			gate, ok := ParseGate(v)
			if !ok {
				g.fault(inGate, "gate", -1, raw, "must be the name of a native gate")
			}
			g.gate = gate
		case "qubits":
			g.begin(inQubits)
			d.operands(&g)
		case "params":
			g.begin(inParams)
			d.params(&g)
		default:
			d.skip()
		}
	}
	d.complete(&g)
	if g.faults != nil {
		sound := true
		for m := range g.faults {
			sound = sound && g.sound(m)
			all.merge(&g.faults[m])
		}
		if !sound {
			return Operation{}, false
		}
	}
	op := Operation{Gate: g.gate, Q0: g.qubits[0], Q1: g.qubits[1], Param: g.param}
	if g.operands == 1 {
		op.Q1 = op.Q0
	}
	return op, true
}

// begin drops what an earlier member of the same name left.
func (g *draft) begin(member int) {
	if g.seen[member] && g.faults != nil {
		g.faults[member] = faults{}
	}
	g.seen[member] = true
}

func (d *decoder) operands(g *draft) {
	g.operands = 0
	at := place{"gates", g.index, "qubits", -1}
	if m := &d.misfits[inGates]; m.path != "" && strings.HasPrefix(m.path, at.String()) {
		*m = misfit{} // of a list that this one replaces
	}
	if !d.open('[') {
		g.fault(inQubits, at.field, -1, d.skip(), "must be an array of qubits")
		return
	}
	from := d.pos - 1
	for more := d.first(']'); more; more = d.next(']') {
		at.j = g.operands
		g.operands++
		v, raw, ok := d.integer()
		if !ok {
			g.fault(inQubits, at.field, at.j, raw, "must be an integer")
		} else if at.j < len(g.qubits) {
			g.qubits[at.j] = d.qubit(v, raw, at, inGates)
		}
	}
	g.rawQubits = span{from, d.pos}
}

func (d *decoder) params(g *draft) {
	g.params, g.param = 0, 0
	if !d.open('[') {
		g.fault(inParams, "params", -1, d.skip(), "must be an array of numbers")
		return
	}
	from := d.pos - 1
	for more := d.first(']'); more; more = d.next(']') {
		j := g.params
		g.params++
		if c := d.peek(); c != '-' && !isDigit(c) {
			g.fault(inParams, "params", j, d.skip(), "must be a number")
			continue
		}
		n := d.number()
		v, ok := n.float()
		if !ok {
			g.fault(inParams, "params", j, n.text, "must be finite in 64 bits")
		}
		if j == 0 {
			g.param = v
		}
	}
	g.rawParams = span{from, d.pos}
}

// complete checks what takes the whole gate: presence and counts.
func (d *decoder) complete(g *draft) {
	if !g.seen[inGate] {
		g.fault(inGate, "gate", -1, "", "is required")
	}
	if !g.seen[inQubits] {
		g.fault(inQubits, "qubits", -1, "", "is required")
	}
	if d.bad != nil || !g.sound(inGate) {
		return
	}
	fact := &facts[g.gate]
	if g.operands != int(fact.qubits) && g.sound(inQubits) {
		g.fault(inQubits, "qubits", -1, d.text[g.rawQubits.from:g.rawQubits.to],
			fact.name+" takes "+count(int(fact.qubits), "qubit")+", not "+strconv.Itoa(g.operands))
	}
	want := 0
	if fact.param {
		want = 1
	}
	if g.params != want && g.sound(inParams) {
		g.fault(inParams, "params", -1, d.text[g.rawParams.from:g.rawParams.to],
			fact.name+" takes "+count(want, "parameter")+", not "+strconv.Itoa(g.params))
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
