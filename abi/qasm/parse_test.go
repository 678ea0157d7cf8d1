package qasm_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/qasm"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const text = "// made by hand\r\n" +
		"\tOPENQASM 3.1 ; // version\r\n" +
		"include\t\"stdgates.inc\" ;\r\n" +
		"bit[1000000000000000000000]   out;\r\n" +
		"qubit[003] _Q7 ;//\r\n" +
		"ry( -1.5707963267948966\t)\t_Q7[2];\r\n" +
		"rz(+.5e-3) _Q7[00];\r\n" +
		"rz(-0) _Q7[0];\r\n" +
		"out[0]\t=\tmeasure\t_Q7[0];\r\n" +
		"cx() _Q7[2]\t,_Q7[1];\r\n" +
		"out[01]=measure _Q7[2];\r\n" +
		"out[2]=measure _Q7[0] ;"
	got, err := qasm.Parse(text, abi.CNOT)
	if err != nil {
		t.Fatal(err)
	}
	want := &abi.Circuit{
		Target:    abi.CNOT,
		NumQubits: 3,
		Operations: []abi.Operation{
			{Gate: abi.YMinus90, Q0: 2, Q1: 2},
			{Gate: abi.VirtualZ, Param: .5e-3},
			{Gate: abi.VirtualZ, Param: math.Copysign(0, -1)},
			{Gate: abi.GateCNOT, Q0: 2, Q1: 1},
		},
		Measurements: []uint16{0, 2, 0},
	}
	if !sameProgram(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestParseMetadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := qasm.Parse("qubit[1] q;", abi.PCZ)
		want := abi.Metadata{
			SourceHash:        "sha256:from-qasm",
			CompiledAt:        "2000-01-01T00:00:00Z", // when a bubble's time begins
			CompilerVersion:   "0.1.0",
			OptimizationLevel: 2,
		}
		if err != nil || c.Metadata != want {
			t.Errorf("got %+v, %v\nwant %+v", c, err, want)
		}
	})
}

// TestParseTolerance: programs that were written with 15 digits keep y_minus_90.
func TestParseTolerance(t *testing.T) {
	t.Parallel()
	for angle, want := range map[string]bool{
		"-1.5707963267949":        true,
		"-1.570796326793":         false,
		"-1.5707963267964":        true, // 1.5e-12 away: within 1e-12 of the magnitude
		"-1.5707963267933":        false,
		"-1.5707963267966":        false,
		"1.5707963267948966":      false,
		"4.71238898038469":        false, // equal up to a full turn, which is a sign
		"0":                       false,
		"-1.7976931348623157e308": false,
	} {
		_, err := qasm.Parse("qubit[1] q;\nry("+angle+") q[0];", abi.CNOT)
		if (err == nil) != want {
			t.Errorf("ry(%s): %v, want ok %t", angle, err, want)
		}
	}
}

// Programs for the error table: what precedes the statement that is wrong.
const (
	qubits   = "qubit[3] q;\n"
	declared = qubits + "bit[2] c;\n"
)

var refused = []struct {
	text string
	want string // of the error, after "invalid OpenQASM: "
}{
	{"", "line 1, column 1: the program must declare its qubits: qubit[n] q;"},
	{"bit[1] c;\n  // nothing\n", "line 3, column 1: the program must declare its qubits: qubit[n] q;"},
	{"bit[1] c;\n  // nothing", "line 2, column 13: the program must declare its qubits: qubit[n] q;"},

	{qubits + "\trx(1) q[0]", `line 2, column 12: a statement must end with ; on its line`},
	{qubits + "rx(1) q[0] // ;", `line 2, column 12: a statement must end with ; on its line (got "// ;")`},
	{qubits + "rx(1) q[0]; rx(2) q[1];", `line 2, column 13: only a // comment may follow a statement: every statement has its own line (got "rx(2) q[1];")`},
	{qubits + "rx(1) q[0];;", `line 2, column 12: only a // comment may follow a statement: every statement has its own line (got ";")`},
	{qubits + "rx(1) q[0]; /* é */", `line 2, column 13: only a // comment may follow a statement: every statement has its own line (got "/* é */")`},
	{"/* é */\n" + qubits, `line 1, column 1: block comments are not supported: begin each line with // (got "/* é */")`},
	{qubits + "é q[0];", `line 2, column 1: must be a statement: a declaration, a gate or a measurement (got "é q[0];")`},
	{"\ufeff" + qubits, `line 1, column 1: must be a statement: a declaration, a gate or a measurement (got "\ufeffqubit[3] q;")`},
	{qubits + "}\r\n", `line 2, column 1: must be a statement: a declaration, a gate or a measurement (got "}")`},

	{qubits + "OPENQASM 3;", `line 2, column 1: the version must be the first statement (got "OPENQASM")`},
	{"OPENQASM;", `line 1, column 9: must be a blank and the version: OPENQASM 3.0; (got ";")`},
	{"OPENQASM 2.0;", `line 1, column 10: the version must be 3 or 3.x (got "2.0;")`},
	{"OPENQASM 3.0.0;", `line 1, column 10: the version must be 3 or 3.x (got "3.0.0;")`},
	{"OPENQASM 3.;", `line 1, column 10: the version must be 3 or 3.x (got "3.;")`},
	{"OPENQASM three;", `line 1, column 10: the version must be 3 or 3.x (got "three;")`},
	{"OPENQASM 3.0\n" + qubits, `line 1, column 13: a statement must end with ; on its line`},
	{`include "qelib1.inc";`, `line 1, column 9: must be "stdgates.inc": no other file can be included (got "\"qelib1.inc\";")`},

	{"qubit q;", `line 1, column 6: must be [ and the number of qubits: qubit[n] q; (got " q;")`},
	{"qubit[0] q;", `line 1, column 7: the number of qubits must be from 1 to 50 (got "0")`},
	{"qubit[51] q;", `line 1, column 7: the number of qubits must be from 1 to 50 (got "51")`},
	{"qubit[18446744073709551617] q;", `line 1, column 7: the number of qubits must be from 1 to 50 (got "18446744073709551617")`},
	{"qubit[2]q;", `line 1, column 9: must be a blank and the register's name (got "q;")`},
	{"qubit[2] 2q;", `line 1, column 10: must be the register's name: letters of ASCII, digits and _, no digit first (got "2q;")`},
	{"qubit[2] measure;", `line 1, column 10: must not be a word of OpenQASM's own (got "measure")`},
	{qubits + "qubit[1] r;", `line 2, column 1: must not declare qubits again: q are all that a program has (got "qubit")`},
	{"bit[0] c;", `line 1, column 5: the number of bits must be at least 1; leave the register out if nothing is measured (got "0")`},
	{"bit c;", `line 1, column 4: must be [ and the number of bits: bit[n] c; (got " c;")`},
	{"bit[-1] c;", `line 1, column 5: must be decimal digits, with no sign or blank (got "-1] c;")`},
	{"bit[1;", `line 1, column 6: must be ] (got ";")`},
	{declared + "bit[2] d;", `line 3, column 1: must not declare bits again: c are all that a program has (got "bit")`},
	{qubits + "bit[2] q;", `line 2, column 8: must differ from the name of the other register (got "q")`},

	{qubits + "c[0] = measure q[0];", `line 2, column 1: must be a declared register of bits: declare bit[n] c; before (got "c")`},
	{declared + "d[0] = measure q[0];", `line 3, column 1: must be c, the register of bits (got "d")`},
	{declared + "q[0] = measure q[0];", `line 3, column 1: must be c, the register of bits (got "q")`},
	{declared + "c[] = measure q[0];", `line 3, column 3: must be decimal digits, with no sign or blank (got "] = measure q[0];")`},
	{declared + "c[0] = measure q[0];\nc[0] = measure q[1];", `line 4, column 3: must be a bit that was not written before (got "0")`},
	{declared + "c[1] = measure q[0];", `line 3, column 3: must be 0: bits must be written in their order, none left out (got "1")`},
	{declared + "c[2] = measure q[0];", `line 3, column 3: must be from 0 to 1, an index of c (got "2")`},
	{declared + "c[0] -> q[0];", `line 3, column 6: must be = and a measurement: c[i] = measure q[k]; (got "-> q[0];")`},
	{declared + "c[0] = reset q[0];", `line 3, column 8: must be a measurement: c[i] = measure q[k]; (got "reset q[0];")`},
	{declared + "c[0] = measureq[0];", `line 3, column 15: must be a measurement: c[i] = measure q[k]; (got "q[0];")`},
	{declared + "c[0] = measure c[0];", `line 3, column 16: must be q, the register of qubits (got "c")`},
	{declared + "c[0] = measure q[3];", `line 3, column 18: must be from 0 to 2, an index of q (got "3")`},
	{declared + "c[0] = measure q;", `line 3, column 17: must be [ and an index: every gate and measurement names single qubits (got ";")`},
	{declared + "c = measure q;", `line 3, column 1: must be one bit: write c[i] = measure q[k]; for each (got "c")`},
	{declared + "measure q[0] -> c[0];", `line 3, column 1: must be a gate of target cz: rx, ry, rz, cz, id; write c[i] = measure q[k]; (got "measure")`},

	{qubits + "h q[0];", `line 2, column 1: must be a gate of target cz: rx, ry, rz, cz, id (got "h")`},
	{"OPENQASM 3;\nqreg q[2];", `line 2, column 1: must be a gate of target cz: rx, ry, rz, cz, id; declare the register as qubit[n] q; (got "qreg")`},
	{"rx(1) q[0];\n" + qubits, `line 1, column 7: must be a declared register of qubits: declare qubit[n] q; before (got "q")`},
	{qubits + "rx q[0];", `line 2, column 3: must be ( and the angle in radians, directly after rx (got " q[0];")`},
	{qubits + "rx (1) q[0];", `line 2, column 3: must be ( and the angle in radians, directly after rx (got " (1) q[0];")`},
	{qubits + "rx(1 q[0];", `line 2, column 4: must be the parameter and ) (got "1 q[0];")`},
	{qubits + "rx( ) q[0];", `line 2, column 4: rx takes one parameter`},
	{qubits + "rx(1, 2) q[0];", `line 2, column 4: rx takes one parameter (got "1, 2")`},
	{qubits + "cz(0.5) q[0], q[1];", `line 2, column 4: cz takes no parameter (got "0.5")`},
	{qubits + "id(100) q[0];", `line 2, column 4: id takes no parameter (got "100")`},
	{qubits + "rx(1)q[0];", `line 2, column 6: must be a blank and the operands (got "q[0];")`},
	{qubits + "rx(1) ;", `line 2, column 7: must be a qubit, such as q[0] (got ";")`},
	{qubits + "rx(1) r[0];", `line 2, column 7: must be q, the register of qubits (got "r")`},
	{qubits + "rx(1) q[0], q[1];", `line 2, column 11: must be ; as rx takes 1 qubit (got ", q[1];")`},
	{qubits + "cz q[0];", `line 2, column 8: must be a comma and another qubit, as cz takes 2 qubits (got ";")`},
	{qubits + "cz q[0], q[1], q[2];", `line 2, column 14: must be ; as cz takes 2 qubits (got ", q[2];")`},
	{qubits + "cz q[0], q[3];", `line 2, column 12: must be from 0 to 2, an index of q (got "3")`},
	{qubits + "cz q[0], q[00];", `line 2, column 10: must differ from the other qubit of the gate (got "q[00]")`},
	{declared + "c[0] = measure q[1];\ncz q[0], q[1];", `line 4, column 10: must not be measured yet: a circuit is read out at its end, so that no gate may follow (got "q[1]")`},
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range refused {
		circuit, err := qasm.Parse(c.text, abi.CZ)
		if circuit != nil || err == nil || err.Error() != "invalid OpenQASM: "+c.want {
			t.Errorf("%q:\ngot  %v\nwant invalid OpenQASM: %s", c.text, err, c.want)
		}
	}
}

func TestParseNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		"0": 0, "-0": math.Copysign(0, -1), "+1": 1, "007": 7, "5.": 5, ".5": .5, "-.5e+1": -5, "1E3": 1000, "2.e-1": .2,
		"1e-400": 0, "0.30000000000000004": 0.30000000000000004, "1.7976931348623157e308": math.MaxFloat64,
	} {
		c, err := qasm.Parse(qubits+"rx("+text+") q[0];", abi.CZ)
		if err != nil || math.Float64bits(c.Operations[0].Param) != math.Float64bits(want) {
			t.Errorf("%s: got %+v, %v, want %g", text, c, err, want)
		}
	}
	for _, text := range []string{
		"-", "+", ".", "-.", "e1", ".e1", "1e", "1e+", "1e1.5", "+-1", "--1", "1 0", "1_0", "0x1p-1", "0b1", "inf", "-Infinity", "nan", "NaN",
		"pi", "π", "pi/2", "-pi", "2*3", "1+1", "1f", "1j", "１", "(1", "1;", `"1"`,
	} {
		_, err := qasm.Parse(qubits+"rx("+text+") q[0];", abi.CZ)
		want := &qasm.Error{Line: 2, Column: 4, Text: text, Rule: "must be a plain decimal number, in radians: names such as pi and expressions are not supported"}
		if got, ok := errors.AsType[*qasm.Error](err); !ok || *got != *want {
			t.Errorf("%s: got %v\nwant %v", text, err, want)
		}
	}
	for _, text := range []string{"1e309", "-1.8e308", "1e99999999999999999999"} {
		_, err := qasm.Parse(qubits+"rx("+text+") q[0];", abi.CZ)
		want := `invalid OpenQASM: line 2, column 4: must be within the range of a 64-bit float (got "` + text + `")`
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v\nwant %s", text, err, want)
		}
	}
}

func TestParseTargets(t *testing.T) {
	t.Parallel()
	const program = declared + "c[0] = measure q[2];\n"
	for target, c := range map[abi.Target]struct{ gate, want string }{
		abi.CNOT:  {"virtual_z(1) q[0];", `invalid OpenQASM: line 4, column 1: must be a gate of target cnot: sx, cx, rz, ry, id; virtual_z is written rz here (got "virtual_z")`},
		abi.ISwap: {"iswap q[0], q[1];", `invalid OpenQASM: line 4, column 1: gates have an OpenQASM spelling for the targets cz and cnot only, not for iswap: use IR (got "iswap")`},
		abi.PCZ:   {"rx(1) q[0];", `invalid OpenQASM: line 4, column 1: gates have an OpenQASM spelling for the targets cz and cnot only, not for pcz: use IR (got "rx")`},
	} {
		if circuit, err := qasm.Parse(program, target); err != nil || circuit.Target != target || len(circuit.Measurements) != 1 {
			t.Errorf("%v, no gates: %+v, %v", target, circuit, err)
		}
		if _, err := qasm.Parse(program+c.gate, target); err == nil || err.Error() != c.want {
			t.Errorf("%v: got %v\nwant %s", target, err, c.want)
		}
	}
	_, err := qasm.Parse(program+"ry(0.5) q[1];", abi.CNOT)
	const want = `invalid OpenQASM: line 4, column 1: ry must have the angle -1.5707963267948966 for target cnot, which has no other rotation about y (got "ry(0.5)")`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if _, err := qasm.Parse(program, 4); err == nil || err.Error() != `OpenQASM: the target must be a known one (got "4")` {
		t.Errorf("target 4: %v", err)
	}
}

func TestParseBounds(t *testing.T) {
	t.Parallel()
	full := qubits + "//" + strings.Repeat("x", qasm.MaxText-len(qubits)-2)
	if _, err := qasm.Parse(full, abi.CZ); err != nil {
		t.Error(err)
	}
	_, err := qasm.Parse(full+"x", abi.CZ)
	if want := `OpenQASM: a program has at most 16777216 bytes (got "16777217")`; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	_, err = qasm.Parse(strings.Repeat("é", 41), abi.CZ)
	if got, ok := errors.AsType[*qasm.Error](err); !ok || got.Text != strings.Repeat("é", 40)+"…" {
		t.Errorf("long text: %v", err)
	}
}
