package abi

import (
	"math"
	"strconv"
	"strings"
)

// IRVersion is the one version of the IR. It is unrelated to the version of
// the contract with guests.
const IRVersion = "1.0"

// What metadata is where the text leaves it out.
const (
	DefaultCompilerVersion   = "0.1.0"
	DefaultOptimizationLevel = 2
)

// ParseCircuit decodes and validates a circuit in IR 1.0: a JSON object with
// version, target, num_qubits, gates, measurements and metadata. README.md has the
// rules. The error is an *IRError. The circuit shares no memory with the text.
func ParseCircuit(ir string) (*Circuit, error) {
	d := decoder{scanner: scanner{text: ir}, circuit: new(Circuit)}
	d.document()
	d.end()
	if d.bad != nil {
		return nil, &IRError{Problems: []Problem{*d.bad}}
	}
	var all faults
	for m := range d.faults {
		all.merge(&d.faults[m])
	}
	if !all.none() {
		return nil, &IRError{Problems: all.kept, More: all.more}
	}
	if p := d.circuit.fault(); p != nil {
		for _, m := range d.misfits {
			if p.Path == m.path {
				p.Value = m.raw
			}
		}
		return nil, &IRError{Problems: []Problem{*p}}
	}
	return d.circuit, nil
}

// The members of the document, in the order in which faults are reported.
const (
	inVersion = iota
	inTarget
	inNumQubits
	inGates
	inMeasurements
	inMetadata
	inDocument
)

var documentNames = [...]string{"version", "target", "num_qubits", "gates", "measurements", "metadata"}

type decoder struct {
	scanner
	circuit *Circuit
	faults  [inDocument]faults
	misfits [inDocument]misfit // of gates and of measurements
}

// misfit is the first qubit of a list that no uint16 holds. It is out of range for
// every circuit, but that is a matter for later, when the whole document is read;
// until then noQubit stands in its place.
type misfit struct {
	path string
	raw  string
}

const noQubit = math.MaxUint16

func (d *decoder) document() {
	if strings.HasPrefix(d.text, "\ufeff") {
		d.fail(0, "the text must not start with a byte order mark")
		return
	}
	var seen [inDocument]bool
	if !d.open('{') {
		d.faults[0].add(place{i: -1, j: -1}, d.skip(), "must be a JSON object")
		return
	}
	for more := d.first('}'); more; more = d.next('}') {
		var m int
		switch d.key() {
		case "version":
			m = inVersion
		case "target":
			m = inTarget
		case "num_qubits":
			m = inNumQubits
		case "gates":
			m = inGates
		case "measurements":
			m = inMeasurements
		case "metadata":
			m = inMetadata
		default:
			d.skip()
			continue
		}
		seen[m] = true
		d.faults[m], d.misfits[m] = faults{}, misfit{} // of an earlier member of this name
		d.member(m)
	}
	for m, ok := range seen {
		if !ok && m != inVersion {
			d.faults[m].add(the(documentNames[m]), "", "is required")
		}
	}
}

func (d *decoder) member(m int) {
	c, f, at := d.circuit, &d.faults[m], the(documentNames[m])
	switch m {
	case inVersion:
		if v, raw, ok := d.string(); !ok || v != IRVersion {
			f.add(at, raw, `must be "`+IRVersion+`"`)
		}
	case inTarget:
		v, raw, _ := d.string()
		target, ok := ParseTarget(v)
		if !ok {
			f.add(at, raw, `must be "cz", "iswap", "pcz" or "cnot"`)
		}
		c.Target = target
	case inNumQubits:
		v, raw, ok := d.integer()
		if !ok || v < 1 || v > MaxQubits {
			f.add(at, raw, "must be an integer from 1 to "+strconv.Itoa(MaxQubits))
			return
		}
		c.NumQubits = uint16(v)
	case inGates:
		d.gates(f)
	case inMeasurements:
		c.Measurements = d.measurements(f)
	case inMetadata:
		d.metadata(f)
	}
}

// measurements returns a list of its own, never nil.
func (d *decoder) measurements(f *faults) []uint16 {
	at := the("measurements")
	if !d.open('[') {
		f.add(at, d.skip(), "must be an array of qubits")
		return nil
	}
	var room [MaxMeasurements]uint16
	list := room[:0]
	n := 0
	for more := d.first(']'); more; more = d.next(']') {
		at.i = n
		n++
		if v, raw, ok := d.integer(); ok {
			list = append(list, d.qubit(v, raw, at, inMeasurements))
		} else {
			f.add(at, raw, "must be an integer")
		}
	}
	return append(make([]uint16, 0, len(list)), list...)
}

// qubit returns v as a qubit's index. The list is inGates or inMeasurements.
func (d *decoder) qubit(v int64, raw string, at place, list int) uint16 {
	if 0 <= v && v < noQubit {
		return uint16(v)
	}
	if m := &d.misfits[list]; m.path == "" {
		*m = misfit{at.String(), excerpt(raw)}
	}
	return noQubit
}

// The members of metadata.
const (
	inSourceHash = iota
	inCompiledAt
	inCompilerVersion
	inOptimizationLevel
	inMetadataEnd
)

var metadataNames = [...]string{"source_hash", "compiled_at", "compiler_version", "optimization_level"}

func (d *decoder) metadata(all *faults) {
	if !d.open('{') {
		all.add(the("metadata"), d.skip(), "must be an object")
		return
	}
	meta := Metadata{
		CompilerVersion:   DefaultCompilerVersion,
		OptimizationLevel: DefaultOptimizationLevel,
	}
	var (
		seen   [inMetadataEnd]bool
		member [inMetadataEnd]faults
		at     = place{"metadata", -1, "", -1}
	)
	for more := d.first('}'); more; more = d.next('}') {
		var m int
		switch d.key() {
		case "source_hash":
			m = inSourceHash
		case "compiled_at":
			m = inCompiledAt
		case "compiler_version":
			m = inCompilerVersion
		case "optimization_level":
			m = inOptimizationLevel
		default:
			d.skip()
			continue
		}
		seen[m] = true
		member[m] = faults{}
		at.field = metadataNames[m]
		if m == inOptimizationLevel {
			v, raw, ok := d.integer()
			if !ok || v < 0 || v > 3 {
				member[m].add(at, raw, "must be an integer from 0 to 3")
				v = 0
			}
			meta.OptimizationLevel = int(v)
			continue
		}
		v, raw, ok := d.string()
		if !ok {
			member[m].add(at, raw, "must be a string")
		}
		switch m {
		case inSourceHash:
			meta.SourceHash = strings.Clone(v)
		case inCompiledAt:
			meta.CompiledAt = strings.Clone(v)
		case inCompilerVersion:
			meta.CompilerVersion = strings.Clone(v)
		}
	}
	for m := range member {
		if m <= inCompiledAt && !seen[m] {
			at.field = metadataNames[m]
			member[m].add(at, "", "is required")
		}
		all.merge(&member[m])
	}
	d.circuit.Metadata = meta
}

// string reads a value that should be a string, and returns its raw text too. Any
// other value is passed.
func (d *decoder) string() (v, raw string, ok bool) {
	if d.peek() != '"' {
		return "", d.skip(), false
	}
	start := d.pos
	v = d.str()
	return v, d.text[start:d.pos], true
}

// integer reads a value that should be a whole number; see number.integer.
func (d *decoder) integer() (v int64, raw string, ok bool) {
	c := d.peek()
	if c != '-' && !isDigit(c) {
		return 0, d.skip(), false
	}
	// Nearly all are qubits: one or two digits, then a comma or a bracket.
	if t, i := d.text, d.pos; i+2 < len(t) && isDigit(c) {
		switch end := t[i+1]; {
		case end == ',' || end == ']':
			d.pos = i + 1
			return int64(c - '0'), t[i : i+1], true
		case c != '0' && isDigit(end) && (t[i+2] == ',' || t[i+2] == ']'):
			d.pos = i + 2
			return int64(c-'0')*10 + int64(end-'0'), t[i : i+2], true
		}
	}
	n := d.number()
	v, ok = n.integer()
	return v, n.text, ok
}
