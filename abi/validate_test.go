package abi_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	sound := func() *abi.Circuit {
		return &abi.Circuit{
			Target:    abi.PCZ,
			NumQubits: 3,
			Operations: []abi.Operation{
				{Gate: abi.RX, Q0: 2, Q1: 2, Param: -1},
				{Gate: abi.CP, Q0: 0, Q1: 2, Param: 1},
				{Gate: abi.ID, Q0: 1, Q1: 1},
			},
			Measurements: []uint16{2, 0, 2},
		}
	}
	if err := sound().Validate(); err != nil {
		t.Fatal(err)
	}
	if err := (&abi.Circuit{NumQubits: 1}).Validate(); err != nil {
		t.Errorf("a circuit without anything: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(c *abi.Circuit)
		want  abi.Problem
	}{
		"target":       {func(c *abi.Circuit) { c.Target = 4 }, abi.Problem{"target", "4", "must be a known target"}},
		"no qubits":    {func(c *abi.Circuit) { c.NumQubits = 0 }, abi.Problem{"num_qubits", "0", "must be an integer from 1 to 50"}},
		"many qubits":  {func(c *abi.Circuit) { c.NumQubits = 51 }, abi.Problem{"num_qubits", "51", "must be an integer from 1 to 50"}},
		"gate":         {func(c *abi.Circuit) { c.Operations[1].Gate = 11 }, abi.Problem{"gates[1].gate", "11", "must be a native gate"}},
		"illegal":      {func(c *abi.Circuit) { c.Operations[2].Gate = abi.VirtualZ }, abi.Problem{"gates[2].gate", `"virtual_z"`, "is not legal for target pcz"}},
		"second qubit": {func(c *abi.Circuit) { c.Operations[0].Q1 = 0 }, abi.Problem{"gates[0].qubits[1]", "0", "must equal the one qubit of rx, 2"}},
		"qubit":        {func(c *abi.Circuit) { c.Operations[1].Q0 = 3 }, abi.Problem{"gates[1].qubits[0]", "3", "must be from 0 to 2, as num_qubits is 3"}},
		"equal qubits": {func(c *abi.Circuit) { c.Operations[1].Q0 = 2 }, abi.Problem{"gates[1].qubits[1]", "2", "must differ from the other qubit of cp"}},
		"not a number": {func(c *abi.Circuit) { c.Operations[0].Param = math.NaN() }, abi.Problem{"gates[0].params[0]", "NaN", "must be finite in 64 bits"}},
		"infinite":     {func(c *abi.Circuit) { c.Operations[0].Param = math.Inf(-1) }, abi.Problem{"gates[0].params[0]", "-Inf", "must be finite in 64 bits"}},
		"duration":     {func(c *abi.Circuit) { c.Operations[2].Param = -2 }, abi.Problem{"gates[2].params[0]", "-2", "must not be negative, being a duration"}},
		"no parameter": {func(c *abi.Circuit) { c.Operations[2] = abi.Operation{Gate: abi.X90, Param: 1} }, abi.Problem{"gates[2].params[0]", "1", "x90 takes 0 parameters, so that Param must be 0"}},
		"measurement":  {func(c *abi.Circuit) { c.Measurements[1] = 3 }, abi.Problem{"measurements[1]", "3", "must be from 0 to 2, as num_qubits is 3"}},
		"level":        {func(c *abi.Circuit) { c.Metadata.OptimizationLevel = -1 }, abi.Problem{"metadata.optimization_level", "-1", "must be an integer from 0 to 3"}},
		"text":         {func(c *abi.Circuit) { c.Metadata.CompiledAt = "\xff" }, abi.Problem{"metadata.compiled_at", `"\xff"`, "must be valid UTF-8"}},
		"shape goes before rules": {
			func(c *abi.Circuit) { c.Measurements[0] = 9; c.Operations[2].Gate = 77 },
			abi.Problem{"gates[2].gate", "77", "must be a native gate"},
		},
	} {
		circuit := sound()
		c.spoil(circuit)
		err := circuit.Validate()
		bad, ok := errors.AsType[*abi.IRError](err)
		if !ok || len(bad.Problems) != 1 || bad.Problems[0] != c.want {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if ir, err := json.Marshal(circuit); err == nil {
			t.Errorf("%s: written as %s", name, ir)
		}
	}
}
