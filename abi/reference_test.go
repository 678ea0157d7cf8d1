package abi_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
)

// reference decodes a circuit the slow and plain way: encoding/json into maps,
// which have the last of each member, then rule by rule. It shares no code with
// ParseCircuit. It returns nil for a text that is no circuit, and comparable false
// where it cannot tell.
func reference(ir string) (c *abi.Circuit, comparable bool) {
	// What encoding/json would let pass.
	if !utf8.ValidString(ir) || loneSurrogate(ir) {
		return nil, true
	}
	if strings.Count(ir, "[")+strings.Count(ir, "{") > 150 && depth(ir) > 150 {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(ir))
	decoder.UseNumber()
	var document any
	if !json.Valid([]byte(ir)) || decoder.Decode(&document) != nil {
		return nil, true
	}
	r := slowReader{ok: true, comparable: true}
	c = r.circuit(document)
	if !r.ok {
		c = nil
	}
	return c, r.comparable
}

type slowReader struct {
	ok         bool
	comparable bool
}

func (r *slowReader) circuit(v any) *abi.Circuit {
	m := r.object(v)
	c := &abi.Circuit{}
	if version, there := m["version"]; there {
		r.require(version == "1.0")
	}
	target, known := abi.ParseTarget(r.text(m["target"]))
	r.require(known)
	c.Target = target
	n := r.integer(m["num_qubits"], 1, 50)
	c.NumQubits = uint16(n)
	for _, g := range r.array(m["gates"]) {
		c.Operations = append(c.Operations, r.gate(r.object(g), target, n))
	}
	for _, q := range r.array(m["measurements"]) {
		c.Measurements = append(c.Measurements, uint16(r.integer(q, 0, n-1)))
	}
	meta := r.object(m["metadata"])
	c.Metadata = abi.Metadata{
		SourceHash:        r.text(meta["source_hash"]),
		CompiledAt:        r.text(meta["compiled_at"]),
		CompilerVersion:   "0.1.0",
		OptimizationLevel: 2,
	}
	if v, there := meta["compiler_version"]; there {
		c.Metadata.CompilerVersion = r.text(v)
	}
	if v, there := meta["optimization_level"]; there {
		c.Metadata.OptimizationLevel = int(r.integer(v, 0, 3))
	}
	return c
}

func (r *slowReader) gate(m map[string]any, target abi.Target, n int64) abi.Operation {
	gate, known := abi.ParseGate(r.text(m["gate"]))
	qubits := r.array(m["qubits"])
	var params []any
	if v, there := m["params"]; there {
		params = r.array(v)
	}
	r.require(known && gate.LegalFor(target) && len(qubits) == gate.Qubits())
	r.require(len(params) == 1 == gate.HasParam() && len(params) <= 1)
	if !r.ok {
		return abi.Operation{}
	}
	op := abi.Operation{Gate: gate, Q0: uint16(r.integer(qubits[0], 0, n-1))}
	op.Q1 = op.Q0
	if len(qubits) == 2 {
		op.Q1 = uint16(r.integer(qubits[1], 0, n-1))
		r.require(op.Q0 != op.Q1)
	}
	if len(params) == 1 {
		number, isNumber := params[0].(json.Number)
		v, err := strconv.ParseFloat(string(number), 64)
		r.require(isNumber && err == nil && (gate != abi.ID || v >= 0))
		op.Param = v
	}
	return op
}

func (r *slowReader) require(rule bool) { r.ok = r.ok && rule }

func (r *slowReader) text(v any) string {
	s, ok := v.(string)
	r.require(ok)
	return s
}

func (r *slowReader) object(v any) map[string]any {
	m, ok := v.(map[string]any)
	r.require(ok)
	return m
}

func (r *slowReader) array(v any) []any {
	a, ok := v.([]any)
	r.require(ok)
	return a
}

// integer is exact: it works in rational numbers.
func (r *slowReader) integer(v any, low, high int64) int64 {
	number, ok := v.(json.Number)
	r.require(ok)
	if !ok {
		return 0
	}
	text := strings.ToLower(string(number))
	if _, exp, _ := strings.Cut(text, "e"); len(exp) > 4 {
		r.comparable = false // too large for rational numbers
		return 0
	}
	value, ok := new(big.Rat).SetString(text)
	r.require(ok && value.IsInt())
	if !r.ok {
		return 0
	}
	r.require(value.Cmp(new(big.Rat).SetInt64(low)) >= 0 && value.Cmp(new(big.Rat).SetInt64(high)) <= 0)
	if !r.ok {
		return 0
	}
	return value.Num().Int64()
}

// loneSurrogate finds an escaped surrogate that is not one of a pair.
func loneSurrogate(ir string) bool {
	high := false // a high one stands right before
	for i := 0; i < len(ir); {
		if ir[i] != '\\' || i+1 == len(ir) {
			if high {
				return true
			}
			i++
			continue
		}
		var unit uint64
		size := 2
		if ir[i+1] == 'u' && i+6 <= len(ir) {
			unit, _ = strconv.ParseUint(ir[i+2:i+6], 16, 16)
			size = 6
		}
		isSurrogate := utf16.IsSurrogate(rune(unit))
		isLow := isSurrogate && unit >= 0xdc00
		if isLow != high {
			return true
		}
		high = isSurrogate && !isLow
		i += size
	}
	return high
}

// depth is how deep brackets nest, at most: those in strings count too.
func depth(ir string) int {
	now, most := 0, 0
	for _, c := range []byte(ir) {
		switch c {
		case '[', '{':
			now++
			most = max(most, now)
		case ']', '}':
			now = max(now-1, 0)
		}
	}
	return most
}

// sameVerdict compares ParseCircuit with reference, for a text of any kind, and
// says what differs.
func sameVerdict(ir string) string {
	got, err := abi.ParseCircuit(ir)
	want, comparable := reference(ir)
	switch {
	case !comparable:
		return ""
	case err == nil && want == nil:
		return "accepted, though the reference refuses it"
	case err != nil && want != nil:
		return "refused: " + err.Error()
	case err == nil && !sameCircuit(got, want):
		return "differs from what the reference reads"
	}
	return ""
}

// isFinite reports whether every parameter is.
func isFinite(c *abi.Circuit) bool {
	for _, op := range c.Operations {
		if math.IsNaN(op.Param) || math.IsInf(op.Param, 0) {
			return false
		}
	}
	return true
}
