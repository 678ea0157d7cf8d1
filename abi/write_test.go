package abi_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

func TestAppendIR(t *testing.T) {
	t.Parallel()
	c := &abi.Circuit{
		Target:    abi.CNOT,
		NumQubits: 12,
		Operations: []abi.Operation{
			{Gate: abi.RX, Q0: 11, Q1: 11, Param: 1},
			{Gate: abi.VirtualZ, Param: math.Pi},
			{Gate: abi.X90, Q0: 3, Q1: 3},
			{Gate: abi.GateCNOT, Q0: 10, Q1: 2},
		},
		Measurements: []uint16{11, 0, 0},
		Metadata:     abi.Metadata{SourceHash: "<é\u2028😀>", CompiledAt: "\"\\\n\t\x1f\x7f", OptimizationLevel: 3},
	}
	const want = `{"version":"1.0","target":"cnot","num_qubits":12,"gates":[` +
		`{"gate":"rx","qubits":[11],"params":[1.0]},` +
		`{"gate":"virtual_z","qubits":[0],"params":[3.141592653589793]},` +
		`{"gate":"x90","qubits":[3],"params":[]},` +
		`{"gate":"cnot","qubits":[10,2],"params":[]}],` +
		`"measurements":[11,0,0],"metadata":{"source_hash":"<é` + "\u2028" + `😀>","compiled_at":"\"\\\n\u0009\u001f` + "\x7f" +
		`","compiler_version":"","optimization_level":3}}`
	if got := string(c.AppendIR([]byte("x"))); got != "x"+want {
		t.Errorf("got  %s\nwant x%s", got, want)
	}
	for name, value := range map[string]any{"pointer": c, "value": *c} {
		got, err := json.Marshal(map[string]any{"circuit": value})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var back struct{ Circuit *abi.Circuit }
		if err := json.Unmarshal(got, &back); err != nil || !sameCircuit(back.Circuit, c) {
			t.Errorf("%s: %s reads as %+v, %v", name, got, back.Circuit, err)
		}
	}
}

func TestAppendIRNumbers(t *testing.T) {
	t.Parallel()
	for want, param := range map[string]float64{
		"0.0": 0, "-0.0": math.Copysign(0, -1), "1.0": 1, "-7.0": -7, "0.5": 0.5, "1000000000000000.0": 1e15,
		"1e+16": 1e16, "-1.5e+300": -1.5e300, "0.0001": 1e-4, "9.99e-05": 9.99e-5, "5e-324": 5e-324,
		"1.7976931348623157e+308": math.MaxFloat64, "0.30000000000000004": 0.30000000000000004, "123456.789": 123456.789,
	} {
		c := &abi.Circuit{NumQubits: 1, Operations: []abi.Operation{{Gate: abi.RZ, Param: param}}}
		want := `{"version":"1.0","target":"cz","num_qubits":1,"gates":[{"gate":"rz","qubits":[0],"params":[` + want +
			`]}],"measurements":[],"metadata":{"source_hash":"","compiled_at":"","compiler_version":"","optimization_level":0}}`
		if got := string(c.AppendIR(nil)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestUnmarshalCircuit(t *testing.T) {
	t.Parallel()
	c := generate(3)
	for _, bad := range []string{`null`, `{}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), c); err == nil {
			t.Errorf("%s was taken for a circuit", bad)
		}
	}
	if !sameCircuit(c, generate(3)) {
		t.Error("a refused text changed the circuit")
	}
}
