package main

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// matrix acts on two qubits; bit q of an index is qubit q.
type matrix [4][4]complex128

func times(a, b matrix) (c matrix) {
	for i := range 4 {
		for j := range 4 {
			for k := range 4 {
				c[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return c
}

// onQubit is a matrix of one qubit, on one of two.
func onQubit(q int, u [2][2]complex128) (m matrix) {
	for i := range 4 {
		for j := range 4 {
			if other := 1 - q; i>>other&1 == j>>other&1 {
				m[i][j] = u[i>>q&1][j>>q&1]
			}
		}
	}
	return m
}

// rotation is exp(-iθ/2 P), P being a Pauli matrix.
func rotation(theta float64, pauli [2][2]complex128) (u [2][2]complex128) {
	c, s := complex(math.Cos(theta/2), 0), complex(0, -math.Sin(theta/2))
	for i := range 2 {
		for j := range 2 {
			u[i][j] = s * pauli[i][j]
		}
		u[i][i] += c
	}
	return u
}

var (
	pauliX = [2][2]complex128{{0, 1}, {1, 0}}
	pauliY = [2][2]complex128{{0, -1i}, {1i, 0}}
	pauliZ = [2][2]complex128{{1, 0}, {0, -1}}
)

func diagonal(phase float64) matrix {
	return matrix{{1}, {0, 1}, {0, 0, 1}, {0, 0, 0, cmplx.Exp(complex(0, phase))}}
}

func cnotMatrix(control int) (m matrix) {
	for j := range 4 {
		i := j
		if j>>control&1 == 1 {
			i ^= 1 << (1 - control)
		}
		m[i][j] = 1
	}
	return m
}

var iswapMatrix = matrix{{1}, {0, 0, 1i}, {0, 1i}, {0, 0, 0, 1}}

// ofGate is what the contract defines a gate to be.
func ofGate(o coda.Operation) matrix {
	q := int(o.Q0)
	switch o.Gate {
	case coda.RX:
		return onQubit(q, rotation(o.Param, pauliX))
	case coda.RY:
		return onQubit(q, rotation(o.Param, pauliY))
	case coda.RZ, coda.VirtualZ:
		return onQubit(q, rotation(o.Param, pauliZ))
	case coda.X90:
		return onQubit(q, rotation(math.Pi/2, pauliX))
	case coda.YMinus90:
		return onQubit(q, rotation(-math.Pi/2, pauliY))
	case coda.GateCZ:
		return diagonal(math.Pi)
	case coda.CP:
		return diagonal(o.Param)
	case coda.GateISwap:
		return iswapMatrix
	case coda.GateCNOT:
		return cnotMatrix(q)
	}
	return diagonal(0) // id
}

// ofBoard is what a lab's board does, where its virtual_z turns by sign times the phase.
func ofBoard(t *testing.T, g gate, sign float64) matrix {
	t.Helper()
	q := int(g.Qubit[0][1] - '0')
	switch g.Name {
	case "X90":
		return onQubit(q, rotation(math.Pi/2, pauliX))
	case "Y-90":
		return onQubit(q, rotation(-math.Pi/2, pauliY))
	case "virtual_z":
		return onQubit(q, rotation(sign**g.Phase, pauliZ))
	case "CNOT":
		return cnotMatrix(q)
	case "CZ":
		return diagonal(math.Pi)
	case "CPHASE":
		return diagonal(*g.Phase)
	case "iSWAP":
		return iswapMatrix
	case "delay", "barrier":
		return diagonal(0)
	}
	t.Fatalf("no board has the gate %s", g.Name)
	return matrix{}
}

// apart is how far two matrices are from being the same up to a global phase.
func distance(a, b matrix) float64 {
	var overlap complex128
	for i := range 4 {
		for j := range 4 {
			overlap += cmplx.Conj(a[i][j]) * b[i][j]
		}
	}
	return math.Abs(cmplx.Abs(overlap)/4 - 1)
}

func boardOf(target coda.Target, sign float64, couplings ...[2]uint16) *settings {
	s := &settings{target: target, qubits: []string{"Q0", "Q1"}, zSign: sign, couplings: couplings, couplingDirections: map[[2]uint16]bool{}}
	for _, c := range couplings {
		s.couplingDirections[c] = true
	}
	return s
}

// Every gate, one by one and in circuits, is on the board what the contract defines,
// whichever way its virtual_z and its cnot are calibrated.
func TestTranslation(t *testing.T) {
	targets := map[coda.Target][]coda.Gate{
		coda.CZ:    {coda.GateCZ},
		coda.ISwap: {coda.GateISwap},
		coda.PCZ:   {coda.CP},
		coda.CNOT:  {coda.GateCNOT, coda.X90, coda.YMinus90, coda.VirtualZ},
	}
	angles := []float64{0, 0.3, -0.3, math.Pi / 2, -math.Pi / 2, math.Pi, -math.Pi, 2 * math.Pi, 5, -11.25}
	random := rand.New(rand.NewPCG(1, 2))
	for target, own := range targets {
		gates := append([]coda.Gate{coda.RX, coda.RY, coda.RZ, coda.ID}, own...)
		for _, sign := range []float64{1, -1} {
			for _, couplings := range [][][2]uint16{nil, {{0, 1}}, {{1, 0}}, {{0, 1}, {1, 0}}} {
				s := boardOf(target, sign, couplings...)
				var circuits [][]coda.Operation
				for _, g := range gates {
					for _, angle := range angles {
						circuits = append(circuits, []coda.Operation{someGate(g, angle, random)})
					}
				}
				for range 20 {
					var long []coda.Operation
					for range 12 {
						long = append(long, someGate(gates[random.IntN(len(gates))], angles[random.IntN(len(angles))], random))
					}
					circuits = append(circuits, long)
				}
				for _, operations := range circuits {
					c := &coda.Circuit{Target: target, NumQubits: 2, Operations: operations}
					if err := c.Validate(); err != nil {
						t.Fatal(err)
					}
					got, err := s.translate(c)
					if err != nil {
						t.Fatal(err)
					}
					want, have := diagonal(0), diagonal(0)
					for _, o := range operations {
						want = times(ofGate(o), want)
					}
					for _, g := range got {
						have = times(ofBoard(t, g, sign), have)
						if pair := g.Qubit; len(pair) == 2 && g.Name != "barrier" && len(couplings) == 1 {
							if pair[0] != s.qubits[couplings[0][0]] {
								t.Errorf("%s%v is not calibrated", g.Name, pair)
							}
						}
					}
					if d := distance(want, have); !(d < 1e-12) {
						t.Fatalf("target %v, sign %v, couplings %v: %v became %s, %g apart", target, sign, couplings, operations, mustJSON(t, got), d)
					}
				}
			}
		}
	}
}

func someGate(g coda.Gate, angle float64, random *rand.Rand) coda.Operation {
	q := uint16(random.IntN(2))
	switch {
	case g == coda.ID:
		return op(g, math.Abs(angle), q)
	case g.Qubits() == 2 && g.HasParam():
		return op(g, angle, q, 1-q)
	case g.Qubits() == 2:
		return op(g, 0, q, 1-q)
	case g.HasParam():
		return op(g, angle, q)
	}
	return op(g, 0, q)
}

// The names, units and the order of what a compiler gets.
func TestSequence(t *testing.T) {
	s := boardOf(coda.CNOT, -1, [2]uint16{1, 0})
	s.resetDelay = 400e-6
	got, err := s.translate(&coda.Circuit{Target: coda.CNOT, NumQubits: 2, Measurements: []uint16{1, 0, 1}, Operations: []coda.Operation{
		op(coda.X90, 0, 0), op(coda.YMinus90, 0, 1), op(coda.VirtualZ, 0.25, 0), op(coda.RZ, -0.5, 1), op(coda.ID, 128, 0),
		op(coda.GateCNOT, 0, 1, 0), op(coda.RY, 0, 0),
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`[{"name":"delay","qubit":["Q0","Q1"],"t":0.0004},`+
		`{"name":"X90","qubit":["Q0"]},{"name":"Y-90","qubit":["Q1"]},{"name":"virtual_z","qubit":["Q0"],"phase":-0.25},`+
		`{"name":"virtual_z","qubit":["Q1"],"phase":0.5},{"name":"delay","qubit":["Q0"],"t":1.28e-7},{"name":"CNOT","qubit":["Q1","Q0"]},`+
		`{"name":"virtual_z","qubit":["Q0"],"phase":%[1]v},{"name":"X90","qubit":["Q0"]},{"name":"virtual_z","qubit":["Q0"],"phase":-%[1]v},`+
		`{"name":"X90","qubit":["Q0"]},{"name":"virtual_z","qubit":["Q0"],"phase":-0},`+
		`{"name":"barrier","qubit":["Q0","Q1"]},{"name":"read","qubit":["Q1"]},{"name":"read","qubit":["Q0"]},{"name":"read","qubit":["Q1"]}]`, math.Pi)
	if have := string(mustJSON(t, got)); have != want {
		t.Errorf("got  %s\nwant %s", have, want)
	}
	names := func(gates []gate) (names []string) {
		for _, g := range gates {
			names = append(names, g.Name)
		}
		return names
	}
	turned, err := s.translate(&coda.Circuit{Target: coda.CNOT, NumQubits: 2, Operations: []coda.Operation{op(coda.GateCNOT, 0, 0, 1)}})
	h := []string{"virtual_z", "X90", "virtual_z"}
	if want := slices.Concat([]string{"delay"}, h, h, []string{"CNOT"}, h, h); err != nil || !slices.Equal(names(turned), want) {
		t.Errorf("against the direction: %v, %v", names(turned), err)
	}
	s.qubits = []string{"Q0", "Q1", "Q2"}
	_, err = s.translate(&coda.Circuit{Target: coda.CNOT, NumQubits: 3, Operations: []coda.Operation{op(coda.RX, 1, 0), op(coda.GateCNOT, 0, 0, 2)}})
	failure(t, err, coda.Unsupported, "gate 1", "0 and 2 (Q0, Q2)", "not coupled")
}
