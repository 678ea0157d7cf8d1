package qasm_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/qasm"
)

// qasmCase is a row of testdata/qasm_cases.jsonl: verdicts of the node that this
// project takes the place of, each confirmed by running it.
type qasmCase struct {
	ID           string     `json:"id"`
	Target       string     `json:"target"`
	Text         string     `json:"qasm"`
	OK           bool       `json:"ok"`
	Gates        []caseGate `json:"ir_gates"`
	Measurements []uint16   `json:"measurements"`
	NumQubits    uint16     `json:"num_qubits"`
	Stable       bool       `json:"stable"` // writing what was read gives the same text
	Why          string     `json:"why"`

	Quirk   bool  `json:"quirk"`    // SaferOK is the verdict to have
	SaferOK *bool `json:"safer_ok"` //
}

type caseGate struct {
	Gate   string    `json:"gate"`
	Qubits []uint16  `json:"qubits"`
	Params []float64 `json:"params"`
}

func qasmCases(tb testing.TB) []qasmCase {
	tb.Helper()
	f, err := os.Open("testdata/qasm_cases.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var cases []qasmCase
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c qasmCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			tb.Fatal(err)
		}
		cases = append(cases, c)
	}
	if len(cases) != 70 {
		tb.Fatalf("read %d cases, want 70", len(cases))
	}
	return cases
}

// wanted is the verdict that a parser should have.
func (c *qasmCase) wanted() bool {
	if c.Quirk {
		return *c.SaferOK
	}
	return c.OK
}

func TestParseCases(t *testing.T) {
	t.Parallel()
	accepted, stable := 0, 0
	for _, c := range qasmCases(t) {
		circuit, err := parseNamed(c.Text, c.Target)
		switch {
		case (circuit == nil) == (err == nil):
			t.Errorf("%s: got both or neither of a circuit and an error", c.ID)
		case (err == nil) != c.wanted():
			t.Errorf("%s: error %v, want ok %t: %s", c.ID, err, c.wanted(), c.Why)
		case err != nil:
			if _, ok := errors.AsType[*qasm.Error](err); !ok {
				t.Errorf("%s: error of type %T", c.ID, err)
			}
		default:
			accepted++
			if c.Stable {
				stable++
			}
			c.compare(t, circuit)
		}
	}
	if accepted != 24 || stable != 10 {
		t.Errorf("compared %d circuits, of these %d with their text, want 24 and 10", accepted, stable)
	}
}

// parseNamed reads for a target that is given by name, and may not exist.
func parseNamed(text, name string) (*abi.Circuit, error) {
	target, ok := abi.ParseTarget(name)
	if !ok {
		target = 99
	}
	return qasm.Parse(text, target)
}

func (c *qasmCase) compare(t *testing.T, got *abi.Circuit) {
	t.Helper()
	want := &abi.Circuit{NumQubits: c.NumQubits, Measurements: c.Measurements}
	want.Target, _ = abi.ParseTarget(c.Target)
	for _, g := range c.Gates {
		op := abi.Operation{Q0: g.Qubits[0], Q1: g.Qubits[len(g.Qubits)-1]}
		op.Gate, _ = abi.ParseGate(g.Gate)
		if len(g.Params) > 0 {
			op.Param = g.Params[0]
		}
		want.Operations = append(want.Operations, op)
	}
	if !sameProgram(got, want) {
		t.Errorf("%s: got %+v\nwant %+v", c.ID, got, want)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("%s: %v", c.ID, err)
	}
	written, err := qasm.Format(got)
	if err != nil || c.Stable && written != c.Text {
		t.Errorf("%s: written as\n%s, %v", c.ID, written, err)
	}
}

// sameProgram compares all but the metadata, parameters bit by bit.
func sameProgram(a, b *abi.Circuit) bool {
	same := func(x, y abi.Operation) bool {
		return x.Gate == y.Gate && x.Q0 == y.Q0 && x.Q1 == y.Q1 && math.Float64bits(x.Param) == math.Float64bits(y.Param)
	}
	return a.Target == b.Target && a.NumQubits == b.NumQubits &&
		slices.EqualFunc(a.Operations, b.Operations, same) && slices.Equal(a.Measurements, b.Measurements)
}
