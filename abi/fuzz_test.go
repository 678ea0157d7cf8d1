package abi_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
)

// FuzzParseCircuit: whatever the text, the decoder agrees with the reference;
// what it accepts is sound and survives being written; what it refuses it says
// why, in one line.
func FuzzParseCircuit(f *testing.F) {
	for _, c := range irCases(f) {
		f.Add(c.IR)
	}
	for _, ir := range handmade {
		f.Add(ir)
	}
	f.Add(string(generate(12).AppendIR(nil)))
	f.Fuzz(checkText)
}

// handmade texts reach what the case files do not.
var handmade = []string{
	document("cz", `{"gate":"rx","gate":1,"gate":"rx","qubits":[99999],"qubits":[1e0],"params":[null],"params":[12345678901234567890.5]}`, "0"),
	document("pcz", `{"gate":"cp","qubits":[0,4],"params":[0.1e-1]},{"gate":"id","qubits":[10e-1],"params":[-0]}`, "0,0,4"),
	document("cnot", `{"gate":"cnot","qubits":[0,1],"params":[]}{"gate":"x90","qubits":[1]}`, "5"),
	`{"measurements":[65535,65536,-1],"gates":[{"gate":"cz","qubits":[65536,0]}],"num_qubits":50,"target":"cz","metadata":{"source_hash":"\ud83d\ude00","compiled_at":"\b\/"}}`,
}

func checkText(t *testing.T, ir string) {
	if difference := sameVerdict(ir); difference != "" {
		t.Fatalf("%q: %s", ir, difference)
	}
	c, err := abi.ParseCircuit(ir)
	if err != nil {
		bad, ok := errors.AsType[*abi.IRError](err)
		if !ok || len(bad.Problems) < 1 || len(bad.Problems) > 20 {
			t.Fatalf("%q: error %#v", ir, err)
		}
		if text := err.Error(); !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00") {
			t.Fatalf("%q: error text %q", ir, text)
		}
		return
	}
	if err := c.Validate(); err != nil || !isFinite(c) {
		t.Fatalf("%q: decoded to what is not valid: %v", ir, err)
	}
	written := c.AppendIR(nil)
	again, err := abi.ParseCircuit(string(written))
	if err != nil || !json.Valid(written) || !sameCircuit(again, c) {
		t.Fatalf("%q: written as %q, which is not the same: %v", ir, written, err)
	}
}

// TestParseCircuitMutated compares decoder and reference on texts that are nearly
// right: good ones with a few tokens exchanged, dropped or repeated.
func TestParseCircuitMutated(t *testing.T) {
	t.Parallel()
	tokens := []string{
		"{", "}", "[", "]", ",", ":", " ", "\n", `"`, `\`, "0", "1", "-", ".", "e", "9", "65535", "65536", "18446744073709551616",
		"1e400", "0.0", "5.5", "null", "true", `"gate":`, `"qubits":[0],`, `"params":[],`, `"rx"`, `"cz"`, `"cnot"`, "\\ud800", "\\u0072",
		`"target":"cz",`, `"gates":[],`, `"measurements":[],`, `"metadata":{},`, `"version":"1.0",`, "é", "\xff", `{"gate":"cz","qubits":[0,1]},`,
	}
	random := rand.New(rand.NewPCG(3, 4))
	var texts []string
	for _, c := range irCases(t) {
		if _, err := abi.ParseCircuit(c.IR); err == nil && len(c.IR) < 1000 {
			texts = append(texts, c.IR)
		}
	}
	texts = append(texts, handmade...)
	texts = append(texts, string(generate(6).AppendIR(nil)), indent(t, string(generate(6).AppendIR(nil))))
	accepted := 0
	for range 40_000 {
		ir := texts[random.IntN(len(texts))]
		for range 1 + random.IntN(2) {
			at := random.IntN(len(ir) + 1)
			end := min(at+random.IntN(4), len(ir))
			ir = ir[:at] + tokens[random.IntN(len(tokens))] + ir[end:]
		}
		checkText(t, ir)
		if _, err := abi.ParseCircuit(ir); err == nil {
			accepted++
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d texts were accepted: the mutations are too wild to tell anything", accepted)
	}
}
