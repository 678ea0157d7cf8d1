package conformance

import (
	"math"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// Zeros returns the vectors of executors that read zero in every shot and report
// no time on their backend: they try what can cross the boundary at all.
func Zeros() []Vector {
	var vectors []Vector
	add := func(name, id string, shots uint64, c *abi.Circuit) {
		vectors = append(vectors, Vector{
			Name: name,
			Job:  job(id, shots, c),
			Want: Want{
				Probabilities: map[string]float64{strings.Repeat("0", len(c.Measurements)): 1},
				Elapsed:       new(time.Duration),
			},
		})
	}
	every := func(numQubits uint16) []uint16 {
		var all []uint16
		for q := range numQubits {
			all = append(all, q)
		}
		return all
	}
	empty := circuit(abi.CZ, 1, "", 0)

	add("target cz", "cz", 1000, circuit(abi.CZ, 2, "rx 0 pi; ry 1 pi/2; rz 0 0.25; id 1 40; cz 0 1", 0, 1))
	add("target iswap", "iswap", 1000, circuit(abi.ISwap, 2, "rx 0 pi; iswap 1 0", 0, 1))
	add("target pcz", "pcz", 1000, circuit(abi.PCZ, 2, "ry 0 pi/2; cp 0 1 -1e-3", 0, 1))
	add("target cnot", "cnot", 1000, circuit(abi.CNOT, 2, "x90 0; y_minus_90 1; virtual_z 0 pi/3; cnot 0 1; id 1 1e9", 1, 0))
	add("nothing to do and nothing to measure", "empty", 1000, circuit(abi.CZ, 1, ""))
	add("nothing to do", "idle", 1000, empty)
	add("nothing to measure", "blind", 1000, circuit(abi.CZ, 2, "rx 0 pi; cz 0 1"))
	add("50 qubits", "wide", 1000, circuit(abi.CZ, 50, "rx 49 pi; cz 49 0", every(50)...))
	add("64 measurements", "word", 1000, circuit(abi.CZ, 2, "rx 0 pi", repeat(32, uint16(0), 1)...))
	add("one qubit measured three times", "thrice", 1000, circuit(abi.CZ, 3, "rx 2 pi", 2, 2, 2))
	add("parameters at their ends", "extremes", 1000, &abi.Circuit{
		Target: abi.CZ, NumQubits: 1, Measurements: []uint16{0},
		Operations: []abi.Operation{
			{Gate: abi.RX, Param: math.MaxFloat64}, {Gate: abi.RY, Param: math.SmallestNonzeroFloat64},
			{Gate: abi.RZ, Param: math.Copysign(0, -1)}, {Gate: abi.ID, Param: math.MaxFloat64},
		},
	})

	long := circuit(abi.CNOT, 3, "x90 0; cnot 0 1; virtual_z 1 pi/7; y_minus_90 2; cnot 1 2", 0, 1, 2)
	long.Operations = repeat(2000, long.Operations...)
	add("10,000 operations", "long", 1000, long)
	add("one operation after them", "short", 1000, circuit(abi.CNOT, 1, "x90 0", 0))

	add("one shot", "once", 1, empty)
	add("2^53 shots", "2^53", 1<<53, empty)
	add("one shot more than a double counts", "2^53+1", 1<<53+1, empty)
	add("as many shots as there can be", "2^64-1", math.MaxUint64, empty)

	add("id of one byte", "x", 1000, empty)
	add("id in many scripts", "Zürich-量子-🜂-\u0000-\u202e", 1000, empty)
	add("id of 64 kB", strings.Repeat("0123456789abcde\n", 4096), 1000, empty)
	hashed := circuit(abi.CZ, 1, "", 0)
	hashed.Metadata.SourceHash = strings.Repeat("хэш", 5000)
	add("source hash of 30 kB", "hash", 1000, hashed)
	unhashed := circuit(abi.CZ, 1, "", 0)
	unhashed.Metadata.SourceHash = ""
	add("no source hash", "plain", 1000, unhashed)
	return vectors
}
