package abi_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
)

func TestParseCircuitProblems(t *testing.T) {
	t.Parallel()
	gate := func(gates string) string { return document("cz", gates, "0") }
	const rx = `{"gate":"rx","qubits":[0],"params":[1]}`
	for name, c := range map[string]struct {
		ir   string
		want []abi.Problem
	}{
		// Types, presence, ranges: all of them.
		"every member": {
			`{"version":1.0,"target":"CZ","num_qubits":51,"gates":{},"measurements":null,"metadata":[]}`,
			[]abi.Problem{
				{"version", "1.0", `must be "1.0"`},
				{"target", `"CZ"`, `must be "cz", "iswap", "pcz" or "cnot"`},
				{"num_qubits", "51", "must be an integer from 1 to 50"},
				{"gates", "{}", "must be an array of gates"},
				{"measurements", "null", "must be an array of qubits"},
				{"metadata", "[]", "must be an object"},
			},
		},
		"nothing there": {
			`{}`,
			[]abi.Problem{
				{"target", "", "is required"}, {"num_qubits", "", "is required"}, {"gates", "", "is required"},
				{"measurements", "", "is required"}, {"metadata", "", "is required"},
			},
		},
		"not an object": {` [1,2] `, []abi.Problem{{"", "[1,2]", "must be a JSON object"}}},
		"metadata": {
			`{"target":"cz","num_qubits":5,"gates":[],"measurements":[],"metadata":{"compiled_at":7,"optimization_level":4,"compiler_version":null}}`,
			[]abi.Problem{
				{"metadata.source_hash", "", "is required"},
				{"metadata.compiled_at", "7", "must be a string"},
				{"metadata.compiler_version", "null", "must be a string"},
				{"metadata.optimization_level", "4", "must be an integer from 0 to 3"},
			},
		},
		"num_qubits as text":  {strings.Replace(gate(""), ":5", `:"5"`, 1), []abi.Problem{{"num_qubits", `"5"`, "must be an integer from 1 to 50"}}},
		"num_qubits as bool":  {strings.Replace(gate(""), ":5", `:true`, 1), []abi.Problem{{"num_qubits", `true`, "must be an integer from 1 to 50"}}},
		"num_qubits too far":  {strings.Replace(gate(""), ":5", `:18446744073709551621`, 1), []abi.Problem{{"num_qubits", `18446744073709551621`, "must be an integer from 1 to 50"}}},
		"num_qubits a sliver": {strings.Replace(gate(""), ":5", `:5.0000000000000000000000001`, 1), []abi.Problem{{"num_qubits", `5.0000000000000000000000001`, "must be an integer from 1 to 50"}}},
		"unknown gate":        {gate(rx + `,{"gate":"Rx","qubits":[0],"params":[1]}`), []abi.Problem{{"gates[1].gate", `"Rx"`, "must be the name of a native gate"}}},
		"gates of all kinds": {
			gate(`7,{},{"gate":"rx","qubits":[0,1],"params":[]},{"gate":"cz","qubits":[0],"params":[1]},{"gate":"rx","qubits":0,"params":{}}`),
			[]abi.Problem{
				{"gates[0]", "7", "must be an object"},
				{"gates[1].gate", "", "is required"},
				{"gates[1].qubits", "", "is required"},
				{"gates[2].qubits", "[0,1]", "rx takes 1 qubit, not 2"},
				{"gates[2].params", "[]", "rx takes 1 parameter, not 0"},
				{"gates[3].qubits", "[0]", "cz takes 2 qubits, not 1"},
				{"gates[3].params", "[1]", "cz takes 0 parameters, not 1"},
				{"gates[4].qubits", "0", "must be an array of qubits"},
				{"gates[4].params", "{}", "must be an array of numbers"},
			},
		},
		"operands": {
			gate(rx + `,{"gate":"cz","qubits":[0.5,true],"params":[]}`),
			[]abi.Problem{{"gates[1].qubits[0]", "0.5", "must be an integer"}, {"gates[1].qubits[1]", "true", "must be an integer"}},
		},
		"params missing":  {gate(`{"gate":"rx","qubits":[0]}`), []abi.Problem{{"gates[0].params", "", "rx takes 1 parameter, not 0"}}},
		"a param as text": {gate(`{"gate":"rx","qubits":[0],"params":["1"]}`), []abi.Problem{{"gates[0].params[0]", `"1"`, "must be a number"}}},
		"infinite":        {gate(`{"gate":"rx","qubits":[0],"params":[-1e999]}`), []abi.Problem{{"gates[0].params[0]", `-1e999`, "must be finite in 64 bits"}}},
		"measurements": {
			document("cz", "", `0,"1",2.5`),
			[]abi.Problem{{"measurements[1]", `"1"`, "must be an integer"}, {"measurements[2]", "2.5", "must be an integer"}},
		},
		"first duplicate good": {
			gate(`{"gate":"rx","qubits":[0],"qubits":[1,2],"params":[1]}`),
			[]abi.Problem{{"gates[0].qubits", "[1,2]", "rx takes 1 qubit, not 2"}},
		},

		// Rules that span members: the first of them.
		"illegal gate": {
			gate(`{"gate":"iswap","qubits":[0,9],"params":[]},{"gate":"cp","qubits":[0,1],"params":[0]}`),
			[]abi.Problem{{"gates[0].gate", `"iswap"`, "is not legal for target cz"}},
		},
		"operand out of range": {
			gate(rx + "," + rx + `,{"gate":"cz","qubits":[4,5],"params":[]}`),
			[]abi.Problem{{"gates[2].qubits[1]", "5", "must be from 0 to 4, as num_qubits is 5"}},
		},
		"negative operand": {
			gate(`{"gate":"rx","qubits":[-1],"params":[1]}`),
			[]abi.Problem{{"gates[0].qubits[0]", "-1", "must be from 0 to 4, as num_qubits is 5"}},
		},
		"operand of 2^64": {
			gate(rx + `,{"gate":"cz","qubits":[0,18446744073709551616],"params":[]},{"gate":"cz","qubits":[0,77777],"params":[]}`),
			[]abi.Problem{{"gates[1].qubits[1]", "18446744073709551616", "must be from 0 to 4, as num_qubits is 5"}},
		},
		"operand of 1e400": {
			gate(`{"gate":"rx","qubits":[1e400],"params":[1]}`),
			[]abi.Problem{{"gates[0].qubits[0]", "1e400", "must be from 0 to 4, as num_qubits is 5"}},
		},
		"measurements before gates": {
			`{"measurements":[99999],"target":"cz","num_qubits":5,"gates":[{"gate":"rx","qubits":[88888],"params":[1]}],` + meta + `}`,
			[]abi.Problem{{"gates[0].qubits[0]", "88888", "must be from 0 to 4, as num_qubits is 5"}},
		},
		"equal operands": {
			gate(`{"gate":"cz","qubits":[3,3],"params":[]}`),
			[]abi.Problem{{"gates[0].qubits[1]", "3", "must differ from the other qubit of cz"}},
		},
		"negative duration": {
			gate(rx + `,{"gate":"id","qubits":[3],"params":[-0.5]}`),
			[]abi.Problem{{"gates[1].params[0]", "-0.5", "must not be negative, being a duration"}},
		},
		"measurement out of range": {
			document("cz", rx, "4,0,5,6"),
			[]abi.Problem{{"measurements[2]", "5", "must be from 0 to 4, as num_qubits is 5"}},
		},
		"measurement beyond 64 bits": {
			document("cz", "", "0,-99999999999999999999"),
			[]abi.Problem{{"measurements[1]", "-99999999999999999999", "must be from 0 to 4, as num_qubits is 5"}},
		},

		// What a message shows of a value.
		"a long value": {
			strings.Replace(gate(""), `"cz"`, `"`+strings.Repeat("é", 500)+`"`, 1),
			[]abi.Problem{{"target", `"` + strings.Repeat("é", 39) + "…", `must be "cz", "iswap", "pcz" or "cnot"`}},
		},
		"a value on two lines": {
			strings.Replace(gate(""), `"cz"`, "{\n\t\"a\":\"\u202e\"}", 1),
			[]abi.Problem{{"target", `{  "a":"\u202e"}`, `must be "cz", "iswap", "pcz" or "cnot"`}},
		},
	} {
		checkProblems(t, name, c.ir, c.want)
	}
}

func TestParseCircuitSyntax(t *testing.T) {
	t.Parallel()
	at := func(line, column, offset int) string {
		return fmt.Sprintf("line %d, column %d (offset %d)", line, column, offset)
	}
	const escapes = `an escape must be one of \" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits`
	const notFinite = "NaN and Infinity are not JSON: numbers must be finite"
	for ir, want := range map[string]abi.Problem{
		"":                                   {at(1, 1, 0), "the end of the text", "expected a JSON value"},
		" \n ":                               {at(2, 2, 3), "the end of the text", "expected a JSON value"},
		"\ufeff{}":                           {at(1, 1, 0), `'\ufeff'`, "the text must not start with a byte order mark"},
		"\v{}":                               {at(1, 1, 0), `'\v'`, "expected a JSON value"},
		"\u00a0{}":                           {at(1, 1, 0), `'\u00a0'`, "expected a JSON value"},
		"{}x":                                {at(1, 3, 2), `'x'`, "nothing may follow the JSON value"},
		"{}\n{}":                             {at(2, 1, 3), `'{'`, "nothing may follow the JSON value"},
		`{"a":1,}`:                           {at(1, 8, 7), `'}'`, "expected a member's name in double quotes"},
		`{a:1}`:                              {at(1, 2, 1), `'a'`, "expected a member's name in double quotes"},
		`{"a" 1}`:                            {at(1, 6, 5), `'1'`, "expected ':' after a member's name"},
		`{"é":1 "b"`:                         {at(1, 8, 8), `'"'`, "expected ',' or '}'"},
		`{"gates":[{}`:                       {at(1, 13, 12), "the end of the text", "expected ',' or ']'"},
		`{"gates":[}`:                        {at(1, 11, 10), `'}'`, "expected a JSON value"},
		`{"measurements":[0,]}`:              {at(1, 20, 19), `']'`, "expected a JSON value"},
		`{"measurements":[01]}`:              {at(1, 18, 17), `'0'`, "a number must not start with a superfluous 0"},
		`{"measurements":[0x1]}`:             {at(1, 19, 18), `'x'`, "expected ',' or ']'"},
		`{"measurements":[5.]}`:              {at(1, 20, 19), `']'`, "a digit must follow the decimal point"},
		`{"measurements":[.5]}`:              {at(1, 18, 17), `'.'`, "expected a JSON value"},
		`{"measurements":[+5]}`:              {at(1, 18, 17), `'+'`, "expected a JSON value"},
		`{"measurements":[-]}`:               {at(1, 19, 18), `']'`, "a digit must follow the minus sign"},
		`{"measurements":[5e+]}`:             {at(1, 20, 19), `'+'`, "digits must follow the exponent's 'e'"},
		`{"a":NaN}`:                          {at(1, 6, 5), `'N'`, notFinite},
		`{"a":-Infinity}`:                    {at(1, 7, 6), `'I'`, notFinite},
		`{"a":True}`:                         {at(1, 6, 5), `'T'`, "expected a JSON value"},
		`{"a":nul`:                           {at(1, 6, 5), `'n'`, "expected a JSON value"},
		`{"a`:                                {at(1, 4, 3), "the end of the text", "a string is not closed"},
		`{"a\`:                               {at(1, 5, 4), "the end of the text", "a string is not closed"},
		"{\"a\nb\":1}":                       {at(1, 4, 3), `'\n'`, "a control character in a string must be escaped"},
		"{\"a\xffb\":1}":                     {at(1, 4, 3), "byte 0xff", "a string must be valid UTF-8"},
		`{"\x41":1}`:                         {at(1, 3, 2), `'\\'`, escapes},
		`{"\u12g4":1}`:                       {at(1, 3, 2), `'\\'`, escapes},
		`{"\u12`:                             {at(1, 3, 2), `'\\'`, escapes},
		`{"\ud800":1}`:                       {at(1, 3, 2), `'\\'`, "a surrogate escape must be one of a pair"},
		`{"\udc00\ud800":1}`:                 {at(1, 3, 2), `'\\'`, "a surrogate escape must be one of a pair"},
		`{"a":` + repeat("[", 201, "") + "}": {at(1, 206, 205), `'['`, "values must not nest deeper than 200 levels"},
		`{"version":"2.0","target":1,"x"}`:   {at(1, 32, 31), `'}'`, "expected ':' after a member's name"},
		`{"gates":[{"gate":"rx","qubits":[0],"params":[1.]}`: {at(1, 49, 48), `']'`, "a digit must follow the decimal point"},
	} {
		checkProblems(t, ir, ir, []abi.Problem{want})
	}
	if _, err := abi.ParseCircuit(strings.Replace(document("cz", "", ""), "{", `{"x":`+repeat("[", 200, "]")+",", 1)); err != nil {
		t.Errorf("200 levels: %v", err)
	}
}

func repeat(opening string, n int, closing string) string {
	return strings.Repeat(opening, n) + strings.Repeat(closing, n)
}

func checkProblems(t *testing.T, name, ir string, want []abi.Problem) {
	t.Helper()
	_, err := abi.ParseCircuit(ir)
	bad, ok := errors.AsType[*abi.IRError](err)
	if !ok {
		t.Errorf("%s: got error %v, want an IRError", name, err)
		return
	}
	if !reflect.DeepEqual(bad.Problems, want) {
		t.Errorf("%s: got\n%q, want\n%q", name, bad.Problems, want)
	}
}

// TestIRErrorText holds the error to a form that survives being cut: the first
// problem first, few words, and no more than twenty of them.
func TestIRErrorText(t *testing.T) {
	t.Parallel()
	bad := strings.Repeat(`{"gate":"cz","qubits":["x"],"params":[null]},`, 10_000)
	for ir, want := range map[string]string{
		document("cz", "", "9"): "invalid circuit: measurements[0]: must be from 0 to 4, as num_qubits is 5 (got 9)",
		"{}":                    "invalid circuit: target: is required; num_qubits: is required; gates: is required; measurements: is required; metadata: is required",
		"nul":                   "invalid circuit: line 1, column 1 (offset 0): expected a JSON value (got 'n')",
		"null":                  "invalid circuit: must be a JSON object (got null)",
	} {
		if _, err := abi.ParseCircuit(ir); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := abi.ParseCircuit(document("cz", "", strings.Repeat(`{},`, 30)+"0"))
	if err == nil || !strings.HasSuffix(err.Error(), "measurements[19]: must be an integer (got {}); and 10 more") {
		t.Errorf("got %v", err)
	}
	_, err = abi.ParseCircuit(document("cz", bad+`{}`, `"y"`))
	many, ok := errors.AsType[*abi.IRError](err)
	if !ok {
		t.Fatal(err)
	}
	// Two problems in each bad gate, two in the last gate, one in measurements.
	if len(many.Problems) != 20 || many.More != 20_003-20 {
		t.Errorf("kept %d problems and counted %d more, want 20 and %d", len(many.Problems), many.More, 20_003-20)
	}
	text := err.Error()
	if !strings.HasPrefix(text, `invalid circuit: gates[0].qubits[0]: must be an integer (got "x"); `) ||
		!strings.HasSuffix(text, "; and 19983 more") || len(text) > 2000 || !utf8.ValidString(text) {
		t.Errorf("got %q", text)
	}
}

// TestParseCircuitForgets holds the decoder to what a later member of the same
// name replaces, counts of faults included.
func TestParseCircuitForgets(t *testing.T) {
	t.Parallel()
	bad := strings.Repeat(`{"gate":1,"gate":2,"qubits":[],"qubits":null},`, 30) + "{}"
	ir := `{"target":"cz","num_qubits":5,"gates":[` + bad + `],"gates":[{"gate":"rx","gate":"bogus","qubits":[0],"params":[1]}],"measurements":[],` + meta + `}`
	_, err := abi.ParseCircuit(ir)
	const want = `invalid circuit: gates[0].gate: must be the name of a native gate (got "bogus")`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
