package qasm_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/qasm"
	"github.com/conductorquantum/coda/host/testkit/require"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		circuit abi.Circuit
		want    string
	}{
		"cz": {
			abi.Circuit{Target: abi.CZ, NumQubits: 12, Operations: []abi.Operation{
				{Gate: abi.RX, Q0: 11, Q1: 11, Param: math.Pi / 3},
				{Gate: abi.RY, Param: 1},
				{Gate: abi.RZ, Q0: 1, Q1: 1, Param: -1e-5},
				{Gate: abi.GateCZ, Q0: 10, Q1: 2},
				{Gate: abi.ID},
			}, Measurements: []uint16{11, 0, 11}},
			"qubit[12] q;\nbit[3] c;\nrx(1.0471975511965979) q[11];\nry(1) q[0];\nrz(-1e-05) q[1];\ncz q[10], q[2];\nid q[0];\n" +
				"c[0] = measure q[11];\nc[1] = measure q[0];\nc[2] = measure q[11];\n",
		},
		"cnot": {
			abi.Circuit{Target: abi.CNOT, NumQubits: 2, Operations: []abi.Operation{
				{Gate: abi.X90, Q0: 1, Q1: 1},
				{Gate: abi.YMinus90},
				{Gate: abi.VirtualZ, Param: 0.1},
				{Gate: abi.GateCNOT, Q0: 1},
				{Gate: abi.ID, Param: math.Copysign(0, -1)},
			}},
			"qubit[2] q;\nsx q[1];\nry(-1.5707963267948966) q[0];\nrz(0.1) q[0];\ncx q[1], q[0];\nid q[0];\n",
		},
		"iswap without gates": {
			abi.Circuit{Target: abi.ISwap, NumQubits: 1, Measurements: []uint16{0}},
			"qubit[1] q;\nbit[1] c;\nc[0] = measure q[0];\n",
		},
	} {
		got, err := qasm.Format(&c.circuit)
		if want := "OPENQASM 3.0;\ninclude \"stdgates.inc\";\n" + c.want; err != nil || got != want {
			t.Errorf("%s: got\n%s, %v\nwant\n%s", name, got, err, want)
		}
	}
}

func TestFormatNumbers(t *testing.T) {
	t.Parallel()
	for want, angle := range map[string]float64{
		"0": 0, "-0": math.Copysign(0, -1), "5": 5, "-7.25": -7.25, "0.30000000000000004": 0.30000000000000004,
		"0.0001": 1e-4, "9.99e-05": 9.99e-5, "123456789012345": 123456789012345, "999999999999999.9": 999999999999999.9,
		"1e+15": 1e15, "-1.5e+300": -1.5e300, "5e-324": 5e-324, "1.7976931348623157e+308": math.MaxFloat64,
	} {
		c := &abi.Circuit{NumQubits: 1, Operations: []abi.Operation{{Gate: abi.RZ, Param: angle}}}
		got, err := qasm.Format(c)
		if err != nil || !strings.HasSuffix(got, "\nrz("+want+") q[0];\n") {
			t.Errorf("%s: got %s, %v", want, got, err)
		}
	}
}

func TestFormatRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target abi.Target
		op     abi.Operation
		want   string
	}{
		{abi.CNOT, abi.Operation{Gate: abi.RX}, `OpenQASM: gates[1]: must be a gate with an OpenQASM spelling for target cnot: x90, cnot, virtual_z, y_minus_90, id (got "rx")`},
		{abi.CNOT, abi.Operation{Gate: abi.RY, Param: -math.Pi / 2}, `OpenQASM: gates[1]: must be a gate with an OpenQASM spelling for target cnot: x90, cnot, virtual_z, y_minus_90, id (got "ry")`},
		{abi.CNOT, abi.Operation{Gate: abi.RZ}, `OpenQASM: gates[1]: must be a gate with an OpenQASM spelling for target cnot: x90, cnot, virtual_z, y_minus_90, id (got "rz")`},
		{abi.CNOT, abi.Operation{Gate: abi.ID, Param: 20}, `OpenQASM: gates[1]: an id must last 0 ns, as OpenQASM's id has no duration (got "20")`},
		{abi.CZ, abi.Operation{Gate: abi.ID, Param: 0.5}, `OpenQASM: gates[1]: an id must last 0 ns, as OpenQASM's id has no duration (got "0.5")`},
		{abi.ISwap, abi.Operation{Gate: abi.GateISwap, Q0: 1}, `OpenQASM: gates[0]: gates have an OpenQASM spelling for the targets cz and cnot only, not for iswap: use IR (got "id")`},
		{abi.PCZ, abi.Operation{Gate: abi.RX}, `OpenQASM: gates[0]: gates have an OpenQASM spelling for the targets cz and cnot only, not for pcz: use IR (got "id")`},
	} {
		circuit := &abi.Circuit{Target: c.target, NumQubits: 2, Operations: []abi.Operation{{Gate: abi.ID}, c.op}}
		text, err := qasm.Format(circuit)
		if _, ok := errors.AsType[*qasm.Error](err); !ok || text != "" || err.Error() != c.want {
			t.Errorf("%v for %v: got %q, %v\nwant %s", c.op, c.target, text, err, c.want)
		}
	}
	text, err := qasm.Format(&abi.Circuit{NumQubits: 51})
	if _, ok := errors.AsType[*abi.IRError](err); !ok || text != "" {
		t.Errorf("51 qubits: %q, %v", text, err)
	}
}

// generate returns a circuit of every gate that can be written for the target,
// with angles of all magnitudes.
func generate(seed uint64, target abi.Target, gates int) *abi.Circuit {
	random := rand.New(rand.NewPCG(seed, 1))
	native := []abi.Gate{abi.RX, abi.RY, abi.RZ, abi.GateCZ, abi.ID}
	if target == abi.CNOT {
		native = []abi.Gate{abi.X90, abi.YMinus90, abi.VirtualZ, abi.GateCNOT, abi.ID}
	}
	n := 2 + random.IntN(abi.MaxQubits-1)
	c := &abi.Circuit{Target: target, NumQubits: uint16(n)}
	for range gates {
		q := random.IntN(n)
		op := abi.Operation{Gate: native[random.IntN(len(native))], Q0: uint16(q), Q1: uint16(q)}
		if op.Gate.Qubits() == 2 {
			op.Q1 = uint16((q + 1 + random.IntN(n-1)) % n)
		}
		if op.Gate.HasParam() && op.Gate != abi.ID {
			op.Param = angle(random)
		}
		c.Operations = append(c.Operations, op)
	}
	for range random.IntN(80) {
		c.Measurements = append(c.Measurements, uint16(random.IntN(n)))
	}
	return c
}

// angle is half the time one of a turn, half the time any finite number.
func angle(random *rand.Rand) float64 {
	v := math.Float64frombits(random.Uint64())
	if random.IntN(2) == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return (2*random.Float64() - 1) * math.Pi
	}
	return v
}

func TestFormatThenParse(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		for _, target := range []abi.Target{abi.CZ, abi.CNOT} {
			checkWriting(t, generate(seed, target, 50))
		}
	}
}

// checkWriting writes a circuit and reads it again.
func checkWriting(t *testing.T, c *abi.Circuit) {
	t.Helper()
	text, err := qasm.Format(c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	again, err := qasm.Parse(text, c.Target)
	if err != nil || !sameProgram(again, c) {
		t.Fatalf("%+v\nis written as\n%s\nwhich reads as %+v, %v", c, text, again, err)
	}
}

// TestFormatRealCircuits writes circuits of QASMBench.
func TestFormatRealCircuits(t *testing.T) {
	t.Parallel()
	for _, path := range require.Circuits(t) {
		ir, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := abi.ParseCircuit(string(ir))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		checkWriting(t, c)
	}
}
