package qasm_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/qasm"
)

// FuzzParse: whatever the text, the parser agrees with the reference; what it
// accepts is valid and survives being written; what it refuses it says where and
// why, in one line.
func FuzzParse(f *testing.F) {
	for _, text := range programs(f) {
		f.Add(text, byte(abi.CZ))
		f.Add(text, byte(abi.CNOT))
	}
	f.Add("qubit[1] q;\nbit[1] c;\nc[0]=measure q[0];", byte(abi.ISwap))
	f.Fuzz(func(t *testing.T, text string, target byte) { checkText(t, text, abi.Target(target)) })
}

// programs are texts of which many are right, and the rest nearly so.
func programs(tb testing.TB) []string {
	tb.Helper()
	var texts []string
	for _, c := range qasmCases(tb) {
		texts = append(texts, c.Text)
	}
	for _, c := range refused {
		texts = append(texts, c.text)
	}
	for seed := range uint64(20) {
		for _, target := range []abi.Target{abi.CZ, abi.CNOT} {
			text, err := qasm.Format(generate(seed, target, 6))
			if err != nil {
				tb.Fatal(err)
			}
			texts = append(texts, text)
		}
	}
	return texts
}

// checkText reports whether the text was accepted.
func checkText(t *testing.T, text string, target abi.Target) bool {
	t.Helper()
	c, err := qasm.Parse(text, target)
	if err != nil {
		checkError(t, text, err)
	}
	var want *abi.Circuit
	if _, ok := abi.ParseTarget(target.String()); ok && len(text) <= qasm.MaxText {
		want = reference(text, target)
	}
	switch {
	case (c == nil) != (want == nil):
		t.Fatalf("%q for %v: got %+v, %v\nthe reference has %+v", text, target, c, err, want)
	case c == nil:
		return false
	case !sameProgram(c, want):
		t.Fatalf("%q for %v: got %+v\nthe reference has %+v", text, target, c, want)
	}
	if err := c.Validate(); err != nil {
		t.Fatalf("%q: read as what is not valid: %v", text, err)
	}
	checkWriting(t, c)
	return true
}

func checkError(t *testing.T, text string, err error) {
	t.Helper()
	bad, ok := errors.AsType[*qasm.Error](err)
	if !ok || bad.Rule == "" || utf8.RuneCountInString(bad.Text) > 41 {
		t.Fatalf("%q: error %#v", text, err)
	}
	message := err.Error()
	if !utf8.ValidString(message) || strings.ContainsFunc(message, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("%q: error text %q", text, message)
	}
	if bad.Line == 0 {
		return
	}
	lines := strings.Split(text, "\n")
	if bad.Line < 1 || bad.Line > len(lines) {
		t.Fatalf("%q: error in line %d", text, bad.Line)
	}
	line := []rune(lines[bad.Line-1])
	if bad.Column < 1 || bad.Column > len(line)+1 {
		t.Fatalf("%q: error in column %d", text, bad.Column)
	}
}

// TestParseMutated compares parser and reference on good programs with a few pieces
// or lines exchanged, dropped or repeated.
func TestParseMutated(t *testing.T) {
	t.Parallel()
	type program struct {
		text   string
		target abi.Target
	}
	var good []program
	for _, text := range programs(t) {
		for _, target := range []abi.Target{abi.CZ, abi.CNOT} {
			if checkText(t, text, target) {
				good = append(good, program{text, target})
			}
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	accepted := 0
	const mutants = 20_000
	for range mutants {
		p := good[random.IntN(len(good))]
		for range 1 + random.IntN(2) {
			if random.IntN(2) == 0 {
				p.text = mutatePiece(random, p.text)
			} else {
				p.text = mutateLine(random, p.text)
			}
		}
		if checkText(t, p.text, p.target) {
			accepted++
		}
	}
	if accepted < mutants/10 || accepted > mutants*9/10 {
		t.Errorf("%d programs of %d were accepted: the mutations are too wild or too tame to tell anything", accepted, mutants)
	}
}

var pieces = []string{
	"", " ", "\t", "\r\n", "\n", ";", ",", "(", ")", "[", "]", "=", "//", "/*", ".", "-", "+", "e", "0", "1", "2", "50", "51",
	"18446744073709551616", "1e400", "pi", "q", "c", "r", "é", "\xff", "q[0]", "c[0]", "c[1]", "rx(0.5)", "ry(-1.5707963267949)",
}

// mutatePiece puts a piece in the place of up to three bytes.
func mutatePiece(random *rand.Rand, text string) string {
	at := random.IntN(len(text) + 1)
	end := min(at+random.IntN(4), len(text))
	return text[:at] + pieces[random.IntN(len(pieces))] + text[end:]
}

var statements = []string{
	"OPENQASM 3;", "include \"stdgates.inc\";", "qubit[2] q;", "bit[2] c;", "c[0] = measure q[0];", "id q[1];", "sx q[0] ;", "cx q[0] , q[1];\r",
	"cz q[1],q[0]; // two", "rz( 1e-3 ) q[1];", "\trx(-.5)  q[0];", "ry(-1.5707963267949) q[1];", "//", "",
}

// mutateLine puts a statement, or another line, before a line or in its place.
func mutateLine(random *rand.Rand, text string) string {
	lines := strings.Split(text, "\n")
	at := random.IntN(len(lines))
	line := statements[random.IntN(len(statements))]
	if random.IntN(2) == 0 {
		line = lines[random.IntN(len(lines))]
	}
	return strings.Join(slices.Replace(lines, at, at+random.IntN(2), line), "\n")
}
