package abi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// irCase is a row of testdata/ir_cases.jsonl: verdicts of the node that this
// project takes the place of, each confirmed by running it.
type irCase struct {
	ID    string `json:"id"`
	IR    string `json:"ir_json"`
	Valid bool   `json:"valid"`
	Why   string `json:"why"`

	Lax        bool  `json:"lax"`         // valid only by coercion: either verdict is fine
	Quirk      bool  `json:"quirk"`       // SaferValid is the verdict to have
	SaferValid *bool `json:"safer_valid"` //
	Impl       bool  `json:"impl"`        // depends on a parser's limits
}

func irCases(tb testing.TB) []irCase {
	tb.Helper()
	f, err := os.Open("testdata/ir_cases.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var cases []irCase
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c irCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			tb.Fatal(err)
		}
		cases = append(cases, c)
	}
	if len(cases) != 237 {
		tb.Fatalf("read %d cases, want 237", len(cases))
	}
	return cases
}

func TestParseCircuitCases(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, c := range irCases(t) {
		circuit, err := abi.ParseCircuit(c.IR)
		if (circuit == nil) == (err == nil) {
			t.Errorf("%s: got both or neither of a circuit and an error", c.ID)
		}
		want := c.Valid
		switch {
		case c.Impl || c.Lax:
			continue
		case c.Quirk:
			want = *c.SaferValid
		}
		compared++
		if got := err == nil; got != want {
			t.Errorf("%s: valid = %t, want %t: %s\n%v", c.ID, got, want, c.Why, err)
		}
	}
	if compared < 200 {
		t.Errorf("compared only %d cases", compared)
	}
}

// TestParseCircuitReal reads real circuits where a checkout has them beside it.
func TestParseCircuitReal(t *testing.T) {
	t.Parallel()
	for _, path := range require.Circuits(t) {
		ir, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := abi.ParseCircuit(string(ir))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		want, err := decodePlain(ir)
		if err != nil {
			t.Fatal(err)
		}
		if !sameCircuit(got, want) {
			t.Errorf("%s: differs from what encoding/json reads", path)
		}
	}
}

// sameCircuit compares bit for bit, the signs of zeros included.
func sameCircuit(a, b *abi.Circuit) bool {
	sameOperation := func(x, y abi.Operation) bool {
		return x.Gate == y.Gate && x.Q0 == y.Q0 && x.Q1 == y.Q1 &&
			math.Float64bits(x.Param) == math.Float64bits(y.Param)
	}
	return a.Target == b.Target && a.NumQubits == b.NumQubits && a.Metadata == b.Metadata &&
		slices.Equal(a.Measurements, b.Measurements) &&
		slices.EqualFunc(a.Operations, b.Operations, sameOperation)
}

const meta = `"metadata":{"source_hash":"h","compiled_at":"t"}`

// document returns a circuit of five qubits.
func document(target, gates, measurements string) string {
	return fmt.Sprintf(`{"target":%q,"num_qubits":5,"gates":[%s],"measurements":[%s],%s}`, target, gates, measurements, meta)
}

func TestParseCircuitValues(t *testing.T) {
	t.Parallel()
	plain := abi.Metadata{SourceHash: "h", CompiledAt: "t", CompilerVersion: "0.1.0", OptimizationLevel: 2}
	operations := func(ops ...abi.Operation) *abi.Circuit {
		return &abi.Circuit{NumQubits: 5, Operations: ops, Measurements: []uint16{}, Metadata: plain}
	}
	rx := operations(abi.Operation{Gate: abi.RX, Q0: 3, Q1: 3, Param: 0.5})
	for name, c := range map[string]struct {
		ir   string
		want *abi.Circuit
	}{
		"one qubit":         {document("cz", `{"gate":"rx","qubits":[3],"params":[0.5]}`, ""), rx},
		"another order":     {document("cz", `{"params":[0.5],"qubits":[3],"gate":"rx"}`, ""), rx},
		"white space":       {document("cz", " {\r\n\"gate\"\t: \"rx\" ,\"qubits\" : [ 3 ] , \"params\" : [ 0.5 ] } ", ""), rx},
		"unknown members":   {document("cz", `{"gate":"rx","note":{"a":[1,"x\u00e9"]},"qubits":[3],"params":[0.5],"Gate":"ry"}`, ""), rx},
		"escaped names":     {document("cz", `{"\u0067ate":"\u0072x","qubit\u0073":[3],"params":[0.5]}`, ""), rx},
		"zero fractions":    {document("cz", `{"gate":"rx","qubits":[3.0],"params":[5e-1]}`, ""), rx},
		"exponents":         {document("cz", `{"gate":"rx","qubits":[30e-1],"params":[0.05E1]}`, ""), rx},
		"last gate name":    {document("cz", `{"gate":"bogus","gate":"rx","qubits":[3],"params":[0.5]}`, ""), rx},
		"last qubits":       {document("cz", `{"gate":"rx","qubits":["x",99999],"qubits":[3],"params":[0.5]}`, ""), rx},
		"last params":       {document("cz", `{"gate":"rx","params":[null,7],"qubits":[3],"params":[0.5]}`, ""), rx},
		"two qubits":        {document("cz", `{"gate":"cz","qubits":[4,0],"params":[]}`, ""), operations(abi.Operation{Gate: abi.GateCZ, Q0: 4, Q1: 0})},
		"no params":         {document("cz", `{"gate":"cz","qubits":[4,0]}`, ""), operations(abi.Operation{Gate: abi.GateCZ, Q0: 4, Q1: 0})},
		"idle for no time":  {document("cz", `{"gate":"id","qubits":[0],"params":[-0.0]}`, ""), operations(abi.Operation{Gate: abi.ID, Param: math.Copysign(0, -1)})},
		"nothing":           {document("cz", "", ""), operations()},
		"last gates":        {`{"gates":[{}],"target":"cz","num_qubits":5,"gates":[],"measurements":[],` + meta + `}`, operations()},
		"last measurements": {`{"measurements":[77777],"target":"cz","num_qubits":5,"gates":[],"measurements":[],` + meta + `}`, operations()},
		"last target":       {`{"target":1,"target":"cz","num_qubits":0,"num_qubits":5,"gates":[],"measurements":[],` + meta + `}`, operations()},
		"last metadata":     {`{"metadata":null,"target":"cz","num_qubits":5,"gates":[],"measurements":[],` + meta + `}`, operations()},
		"metadata": {
			`{"version":"1.0","target":"pcz","num_qubits":1e0,"gates":[],"measurements":[0,-0,0.0e7],"metadata":{"optimization_level":0,` +
				`"compiler_version":"\uD83d\uDe00\n","compiled_at":"é\u0000","source_hash":"x","source_hash":"\"\\\/"}}`,
			&abi.Circuit{Target: abi.PCZ, NumQubits: 1, Measurements: []uint16{0, 0, 0},
				Metadata: abi.Metadata{SourceHash: `"\/`, CompiledAt: "é\x00", CompilerVersion: "😀\n"}},
		},
	} {
		got, err := abi.ParseCircuit(c.ir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !sameCircuit(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}
