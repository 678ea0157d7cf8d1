package abi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

// TestGateFacts writes the IR's table down a second time.
func TestGateFacts(t *testing.T) {
	t.Parallel()
	const all = "cz iswap pcz cnot"
	for i, want := range []struct {
		gate    abi.Gate
		name    string
		qubits  int
		param   bool
		targets string
	}{
		{abi.RX, "rx", 1, true, all},
		{abi.RY, "ry", 1, true, all},
		{abi.RZ, "rz", 1, true, all},
		{abi.GateCZ, "cz", 2, false, "cz"},
		{abi.GateISwap, "iswap", 2, false, "iswap"},
		{abi.CP, "cp", 2, true, "pcz"},
		{abi.ID, "id", 1, true, all},
		{abi.X90, "x90", 1, false, "cnot"},
		{abi.YMinus90, "y_minus_90", 1, false, "cnot"},
		{abi.VirtualZ, "virtual_z", 1, true, "cnot"},
		{abi.GateCNOT, "cnot", 2, false, "cnot"},
	} {
		var legal []string
		for target := abi.CZ; target <= abi.CNOT; target++ {
			if want.gate.LegalFor(target) {
				legal = append(legal, target.String())
			}
		}
		got := fmt.Sprint(int(want.gate), want.gate.String(), want.gate.Qubits(), want.gate.HasParam(), strings.Join(legal, " "))
		if want := fmt.Sprint(i, want.name, want.qubits, want.param, want.targets); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if parsed, ok := abi.ParseGate(want.name); !ok || parsed != want.gate {
			t.Errorf("ParseGate(%q) = %v, %t", want.name, parsed, ok)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "RX", "rx ", "pcz", "y-minus90", "unknown"} {
		if g, ok := abi.ParseGate(name); ok {
			t.Errorf("ParseGate(%q) = %v", name, g)
		}
	}
	for _, name := range []string{"", "CZ", "cz ", "cp", "unknown"} {
		if target, ok := abi.ParseTarget(name); ok {
			t.Errorf("ParseTarget(%q) = %v", name, target)
		}
	}
	const gate, target = abi.GateCNOT + 1, abi.CNOT + 1
	if gate.Qubits() != 0 || gate.HasParam() || gate.LegalFor(abi.CZ) || abi.RX.LegalFor(target) {
		t.Error("a gate or a target beyond the last has facts")
	}
	if got := fmt.Sprint(gate, target, abi.Internal+1); got != "unknown unknown unknown" {
		t.Errorf("got %s", got)
	}
	if text, err := target.MarshalText(); err == nil {
		t.Errorf("an unknown target is written as %s", text)
	}
}

func TestDeviceJSON(t *testing.T) {
	t.Parallel()
	device := abi.Device{Name: "lab", Target: abi.CNOT, NumQubits: 3}
	for _, want := range []string{
		`{"name":"lab","target":"cnot","num_qubits":3,"directed":false}`,
		`{"name":"lab","target":"cnot","num_qubits":3,"edges":[[0,1],[2,1]],"directed":true,"max_shots":7}`,
	} {
		got, err := json.Marshal(device)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		var back abi.Device
		if err := json.Unmarshal(got, &back); err != nil || fmt.Sprint(back.Edges, back.Target) != fmt.Sprint(device.Edges, device.Target) {
			t.Errorf("read again: %+v, %v", back, err)
		}
		device.Edges, device.Directed, device.MaxShots = [][2]uint16{{0, 1}, {2, 1}}, true, new(uint64(7))
	}
	if err := json.Unmarshal([]byte(`{"target":"bogus"}`), &device); err == nil || !strings.Contains(err.Error(), `unknown target "bogus"`) {
		t.Errorf("an unknown target: got %v", err)
	}
}
