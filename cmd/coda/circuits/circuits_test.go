package circuits_test

import (
	"flag"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/cmd/coda/circuits"
)

var update = flag.Bool("update", false, "write the circuits anew")

// The circuits and what each measures.
var library = []struct {
	name    string
	compile func(name string) *program
	want    map[string]float64
}{
	{"bell", bell, map[string]float64{"00": 0.5, "11": 0.5}},
	{"bernstein-vazirani", bernsteinVazirani, map[string]float64{hidden: 1}},
	{"ghz", ghz, map[string]float64{"00000": 0.5, "11111": 0.5}},
	{"grover", grover, groverWant()},
	{"qft", qft, map[string]float64{"0000": 0.25, "0100": 0.25, "1000": 0.25, "1100": 0.25}},
}

// The files are what the compiler here makes of the textbook.
func TestFiles(t *testing.T) {
	t.Parallel()
	if *update {
		for _, c := range library {
			if err := os.WriteFile(c.name+".json", []byte(c.compile(c.name).text()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		t.Log("the files were written, and are in what is built next")
		return
	}
	all := circuits.All()
	if len(all) != len(library) {
		t.Fatalf("there are %d circuits, not %d", len(all), len(library))
	}
	for i, c := range library {
		if all[i].Name != c.name {
			t.Errorf("circuit %d is %s, not %s", i, all[i].Name, c.name)
		}
		if all[i].IR != c.compile(c.name).text() {
			t.Errorf("%s.json is not what is compiled: run the tests with -update", c.name)
		}
	}
}

// Each circuit measures what the textbook says, by exact simulation.
func TestDistributions(t *testing.T) {
	t.Parallel()
	targets := map[abi.Target]bool{}
	for i, file := range circuits.All() {
		circuit, err := abi.ParseCircuit(file.IR)
		if err != nil {
			t.Errorf("%s: %v", file.Name, err)
			continue
		}
		targets[circuit.Target] = true
		got, want := distribution(circuit), library[i].want
		for _, bits := range slices.Sorted(maps.Keys(want)) {
			if math.Abs(got[bits]-want[bits]) > 1e-9 {
				t.Errorf("%s: %s has probability %v, want %v", file.Name, bits, got[bits], want[bits])
			}
		}
		for bits, p := range got {
			if _, ok := want[bits]; !ok && p > 1e-9 {
				t.Errorf("%s: %s has probability %v, want none", file.Name, bits, p)
			}
		}
	}
	if len(targets) != 4 {
		t.Errorf("the circuits are compiled for %d of the 4 targets", len(targets))
	}
}

func bell(name string) *program {
	p := newProgram(name, abi.CZ, 2, 0, 1)
	p.ry(0, math.Pi/2)
	p.cnot(0, 1)
	return p
}

func ghz(name string) *program {
	p := newProgram(name, abi.CNOT, 5, 0, 1, 2, 3, 4)
	p.add(abi.Operation{Gate: abi.YMinus90})
	for q := range uint16(4) {
		p.cnot(q, q+1)
	}
	return p
}

// grover looks for 101 among eight, in the two rounds that are best.
func grover(name string) *program {
	p := newProgram(name, abi.CZ, 3, 0, 1, 2)
	each := func(do func(uint16, float64), angle float64) {
		for q := range uint16(3) {
			do(q, angle)
		}
	}
	each(p.ry, math.Pi/2)
	for range 2 {
		p.rx(1, math.Pi)
		p.ccz(0, 1, 2)
		p.rx(1, -math.Pi)
		each(p.ry, -math.Pi/2)
		each(p.rx, math.Pi)
		p.ccz(0, 1, 2)
		each(p.rx, -math.Pi)
		each(p.ry, math.Pi/2)
	}
	return p
}

// groverWant is sin²((2k+1)θ) with sin θ = 1/√8 after k = 2 rounds, and the rest
// for the others alike: 121/128 and 1/128 each.
func groverWant() map[string]float64 {
	found := math.Pow(math.Sin(5*math.Asin(1/math.Sqrt(8))), 2)
	want := map[string]float64{"101": found}
	for _, bits := range []string{"000", "001", "010", "011", "100", "110", "111"} {
		want[bits] = (1 - found) / 7
	}
	return want
}

const hidden = "1011"

// bernsteinVazirani asks once for a hidden string of four bits.
func bernsteinVazirani(name string) *program {
	p := newProgram(name, abi.ISwap, 5, 0, 1, 2, 3)
	p.rx(4, math.Pi)
	for q := range uint16(4) {
		p.ry(q, math.Pi/2)
	}
	for q, bit := range hidden {
		if bit == '1' {
			p.cz(uint16(q), 4)
		}
	}
	for q := range uint16(4) {
		p.ry(q, -math.Pi/2)
	}
	return p
}

// qft transforms 1, 5, 9, 13: a period of 4 in 16 shows as multiples of 16/4.
func qft(name string) *program {
	p := newProgram(name, abi.PCZ, 4, 3, 2, 1, 0) // it leaves the bits reversed
	p.ry(0, math.Pi/2)
	p.ry(1, math.Pi/2)
	p.rx(3, math.Pi)
	for q := range uint16(4) {
		p.h(q)
		for r := q + 1; r < 4; r++ {
			p.cp(r, q, math.Pi/float64(int(1)<<(r-q)))
		}
	}
	return p
}
