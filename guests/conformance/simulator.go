package conformance

import (
	"fmt"
	"math"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

// shots is enough for a wrong distribution to show.
const shots = 20000

// Simulator returns the vectors of exact simulators that run circuits of all four
// targets, of up to maxQubits qubits.
func Simulator(maxQubits uint16) []Vector {
	vectors := append(gates(), distributions()...)
	vectors = append(vectors, readouts()...)
	return append(vectors, sizes(maxQubits)...)
}

func certain(name string, c *abi.Circuit, bits string) Vector {
	return Vector{Name: name, Job: job(name, shots, c), Want: Want{Probabilities: map[string]float64{bits: 1}}}
}

func spread(name string, c *abi.Circuit, p map[string]float64) Vector {
	return Vector{Name: name, Job: job(name, shots, c), Want: Want{Probabilities: p}}
}

// gates tries each gate where its outcome is certain, and where it would be the
// opposite one were the sense of a rotation, the sign of a phase, or the order of
// the qubits the other one. Rotations about x turn z to -y, about y turn z to x,
// about z turn x to y.
func gates() []Vector {
	return []Vector{
		certain("rx turns by pi", circuit(abi.CZ, 1, "rx 0 pi", 0), "1"),
		certain("rx, its sense", circuit(abi.CZ, 1, "rx 0 pi/2; rz 0 pi/2; ry 0 pi/2", 0), "1"),
		certain("ry turns by pi", circuit(abi.ISwap, 1, "ry 0 -pi", 0), "1"),
		certain("ry, its sense", circuit(abi.PCZ, 1, "ry 0 pi/2; rz 0 pi/2; rx 0 -pi/2", 0), "1"),
		certain("rz alone does nothing to be seen", circuit(abi.CNOT, 1, "rz 0 pi", 0), "0"),
		certain("rz, by pi", circuit(abi.CZ, 1, "ry 0 pi/2; rz 0 pi; ry 0 pi/2", 0), "0"),
		certain("rz, its sense", circuit(abi.CNOT, 1, "rx 0 -pi/2; rz 0 pi/2; ry 0 -pi/2", 0), "1"),
		certain("id waits", circuit(abi.CZ, 1, "rx 0 pi/2; id 0 1e6; rx 0 pi/2", 0), "1"),
		certain("x90 twice", circuit(abi.CNOT, 1, "x90 0; x90 0", 0), "1"),
		certain("x90 is rx(pi/2)", circuit(abi.CNOT, 1, "x90 0; rx 0 -pi/2", 0), "0"),
		certain("y_minus_90 is ry(-pi/2)", circuit(abi.CNOT, 1, "y_minus_90 0; ry 0 -pi/2", 0), "1"),
		certain("y_minus_90 undoes ry(pi/2)", circuit(abi.CNOT, 1, "ry 0 pi/2; y_minus_90 0", 0), "0"),
		certain("virtual_z, its sense", circuit(abi.CNOT, 1, "x90 0; virtual_z 0 -pi/2; y_minus_90 0", 0), "1"),
		certain("virtual_z is rz", circuit(abi.CNOT, 1, "x90 0; virtual_z 0 0.7; rz 0 -0.7; x90 0", 0), "1"),
		certain("cz of 1", circuit(abi.CZ, 2, "rx 0 pi; ry 1 pi/2; cz 0 1; ry 1 -pi/2", 0, 1), "11"),
		certain("cz of 0", circuit(abi.CZ, 2, "ry 1 pi/2; cz 0 1; ry 1 -pi/2", 0, 1), "00"),
		certain("cz, the other way round", circuit(abi.CZ, 2, "rx 0 pi; ry 1 pi/2; cz 1 0; ry 1 -pi/2", 0, 1), "11"),
		certain("cnot of 1", circuit(abi.CNOT, 2, "x90 0; x90 0; cnot 0 1", 0, 1), "11"),
		certain("cnot of 0", circuit(abi.CNOT, 2, "x90 1; x90 1; cnot 0 1", 0, 1), "01"),
		certain("cnot, the other way round", circuit(abi.CNOT, 2, "x90 1; x90 1; cnot 1 0", 0, 1), "11"),
		certain("cnot between distant qubits", circuit(abi.CNOT, 12, "x90 11; x90 11; cnot 11 0; cnot 0 6", 0, 6, 11, 1), "1110"),
		certain("iswap moves", circuit(abi.ISwap, 2, "rx 0 pi; iswap 0 1", 0, 1), "01"),
		certain("iswap, its phase", circuit(abi.ISwap, 2, "ry 0 pi/2; iswap 0 1; rx 1 -pi/2", 0, 1), "01"),
		certain("iswap leaves 11", circuit(abi.ISwap, 2, "rx 0 pi; rx 1 pi; iswap 1 0", 0, 1), "11"),
		certain("cp by pi", circuit(abi.PCZ, 2, "rx 0 pi; ry 1 pi/2; cp 0 1 pi; ry 1 -pi/2", 0, 1), "11"),
		certain("cp, its sign", circuit(abi.PCZ, 2, "rx 0 pi; ry 1 pi/2; cp 0 1 pi/2; rx 1 -pi/2", 0, 1), "11"),
		certain("cp, the other way round", circuit(abi.PCZ, 2, "rx 0 pi; ry 1 pi/2; cp 1 0 pi/2; rx 1 -pi/2", 0, 1), "11"),
		certain("cp of 0", circuit(abi.PCZ, 2, "ry 1 pi/2; cp 0 1 pi; ry 1 -pi/2", 0, 1), "00"),
	}
}

func distributions() []Vector {
	half := map[string]float64{"00": 0.5, "11": 0.5}
	sin2 := func(angle float64) float64 { return math.Pow(math.Sin(angle/2), 2) }
	return []Vector{
		spread("Bell, cz", circuit(abi.CZ, 2, "ry 0 pi/2; ry 1 pi/2; cz 0 1; ry 1 -pi/2", 0, 1), half),
		spread("Bell, iswap", circuit(abi.ISwap, 2, "ry 0 pi/2; ry 1 pi/2; iswap 0 1; rx 1 pi/2", 0, 1), half),
		spread("Bell, pcz", circuit(abi.PCZ, 2, "ry 0 pi/2; ry 1 pi/2; cp 0 1 pi; ry 1 -pi/2", 0, 1), half),
		spread("Bell, cnot", circuit(abi.CNOT, 2, "y_minus_90 0; cnot 0 1", 0, 1), half),
		spread("half of a Bell pair", circuit(abi.CNOT, 2, "y_minus_90 0; cnot 0 1", 1), map[string]float64{"0": 0.5, "1": 0.5}),
		spread("GHZ of 10", circuit(abi.CNOT, 10, "y_minus_90 0; cnot 0 1; cnot 1 2; cnot 2 3; cnot 3 4; cnot 4 5; cnot 5 6; cnot 6 7; cnot 7 8; cnot 8 9",
			0, 1, 2, 3, 4, 5, 6, 7, 8, 9), map[string]float64{"0000000000": 0.5, "1111111111": 0.5}),
		spread("rx by 0.6", circuit(abi.CZ, 1, "rx 0 0.6", 0), map[string]float64{"0": 1 - sin2(0.6), "1": sin2(0.6)}),
		spread("rz between two ry, by pi/3", circuit(abi.CZ, 1, "ry 0 pi/2; rz 0 pi/3; ry 0 -pi/2", 0),
			map[string]float64{"0": 0.75, "1": 0.25}),
		spread("cp by pi/3", circuit(abi.PCZ, 2, "rx 0 pi; ry 1 pi/2; cp 0 1 pi/3; ry 1 -pi/2", 0, 1),
			map[string]float64{"10": 0.75, "11": 0.25}),
		spread("three qubits apart", circuit(abi.CNOT, 3, "ry 0 0.4; ry 1 1.1; ry 2 2.5", 0, 1, 2), product(sin2(0.4), sin2(1.1), sin2(2.5))),
	}
}

// product is the distribution of qubits that know nothing of each other, by the
// probability of each to be 1.
func product(ones ...float64) map[string]float64 {
	p := map[string]float64{"": 1}
	for _, one := range ones {
		next := map[string]float64{}
		for bits, q := range p {
			next[bits+"0"], next[bits+"1"] = q*(1-one), q*one
		}
		p = next
	}
	return p
}

// readouts tries the order of the bits.
func readouts() []Vector {
	const one = "x90 1; x90 1" // of five qubits, the second
	in := func(measurements ...uint16) *abi.Circuit { return circuit(abi.CNOT, 5, one, measurements...) }
	return []Vector{
		certain("bits in the order of the qubits", in(0, 1, 2, 3, 4), "01000"),
		certain("bits in another order", in(3, 4, 0, 1, 2), "00010"),
		certain("bits backwards", in(4, 3, 2, 1, 0), "00010"),
		certain("some of the qubits", in(2, 1), "01"),
		certain("a qubit measured twice", in(1, 0, 1), "101"),
		certain("nothing measured", in(), ""),
		certain("64 measurements", in(append(repeat(63, uint16(0)), 1)...), strings.Repeat("0", 63)+"1"),
		spread("a random qubit measured twice", circuit(abi.CNOT, 2, "x90 1", 1, 0, 1), map[string]float64{"000": 0.5, "101": 0.5}),
	}
}

func sizes(maxQubits uint16) []Vector {
	long := circuit(abi.CNOT, 2, "x90 0", 0, 1)
	long.Operations = repeat(10002, long.Operations...)
	first := circuit(abi.CNOT, 1, "x90 0; x90 0", 0)
	many := certain("one shot more than a double counts", first, "1")
	many.Job.Shots = 1<<53 + 1
	single := certain("one shot", first, "1")
	single.Job.Shots = 1
	wide := circuit(abi.CNOT, maxQubits+1, "x90 0", 0)
	return []Vector{
		certain("10,002 operations", long, "10"), many, single,
		{
			Name: "one qubit too many", Job: job("wide", shots, wide),
			Want: Want{Unsupported: fmt.Sprint(maxQubits)},
		},
	}
}
