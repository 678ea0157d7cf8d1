// Starter is an executor: an exact simulator of a few qubits. Replace what it does by
// what your machine does; the shape stays.
package main

import (
	"maps"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

const (
	maxQubits = 12
	maxShots  = 1_000_000
)

type simulator struct{ seed uint64 }

func init() { coda.Register(&simulator{}) }
func main() {} // never called: the file is a library

// Open prepares the backend, once per instance, and says what it is.
func (s *simulator) Open() (coda.Device, error) {
	s.seed = rand.Uint64()
	if text, ok := coda.Config("seed"); ok {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return coda.Device{}, coda.Failf(coda.Internal, "setting seed: %q is not a whole number from 0 to 2^64-1", text)
		}
		s.seed = seed
	}
	return coda.Device{Name: "starter", Target: coda.CNOT, NumQubits: maxQubits, MaxShots: new(uint64(maxShots))}, nil
}

// Run runs one circuit. The node has checked it against the device.
func (s *simulator) Run(job coda.Job) (coda.Execution, error) {
	circuit := job.Circuit
	if circuit.Target != coda.CNOT {
		return coda.Execution{}, coda.Failf(coda.Unsupported, "circuit compiled for target %v; this device runs cnot", circuit.Target)
	}
	state := make([]complex128, 1<<circuit.NumQubits) // bit q of an index is qubit q
	state[0] = 1
	for i, op := range circuit.Operations {
		if i%1000 == 0 && coda.IsCancelled() {
			return coda.Execution{}, coda.Failf(coda.Cancelled, "cancelled at gate %d of %d", i, len(circuit.Operations))
		}
		if err := apply(state, op); err != nil {
			return coda.Execution{}, err
		}
	}
	return s.measure(state, job)
}

// apply applies one gate.
func apply(state []complex128, op coda.Operation) error {
	switch op.Gate {
	case coda.RX:
		rotateX(state, op.Q0, op.Param)
	case coda.RY:
		rotateY(state, op.Q0, op.Param)
	case coda.RZ, coda.VirtualZ:
		half := cmplx.Rect(1, op.Param/2)
		turn(state, op.Q0, [2][2]complex128{{cmplx.Conj(half), 0}, {0, half}})
	case coda.X90:
		rotateX(state, op.Q0, math.Pi/2)
	case coda.YMinus90:
		rotateY(state, op.Q0, -math.Pi/2)
	case coda.ID: // waiting changes nothing here
	case coda.GateCNOT:
		for i := range state {
			if i>>op.Q0&1 == 1 && i>>op.Q1&1 == 0 {
				j := i | 1<<op.Q1
				state[i], state[j] = state[j], state[i]
			}
		}
	default:
		return coda.Failf(coda.Unsupported, "gate %v; this device has rx, ry, rz, x90, y_minus_90, virtual_z, id and cnot", op.Gate)
	}
	return nil
}

func rotateX(state []complex128, qubit uint16, angle float64) {
	c, s := complex(math.Cos(angle/2), 0), complex(0, -math.Sin(angle/2))
	turn(state, qubit, [2][2]complex128{{c, s}, {s, c}})
}

func rotateY(state []complex128, qubit uint16, angle float64) {
	c, s := complex(math.Cos(angle/2), 0), complex(math.Sin(angle/2), 0)
	turn(state, qubit, [2][2]complex128{{c, -s}, {s, c}})
}

// turn multiplies a qubit by a matrix.
func turn(state []complex128, qubit uint16, m [2][2]complex128) {
	for i := range state {
		if j := i | 1<<qubit; i != j {
			a, b := state[i], state[j]
			state[i], state[j] = m[0][0]*a+m[0][1]*b, m[1][0]*a+m[1][1]*b
		}
	}
}

// measure draws the shots: the same ones for the same seed and job.
func (s *simulator) measure(state []complex128, job coda.Job) (coda.Execution, error) {
	below := make([]float64, len(state)) // the probability of this state or one before it
	var sum float64
	for i, amplitude := range state {
		sum += real(amplitude)*real(amplitude) + imag(amplitude)*imag(amplitude)
		below[i] = sum
	}
	random := rand.New(rand.NewPCG(s.seed, 0))
	counts := map[uint64]uint64{}
	for shot := range job.Shots {
		if shot%10_000 == 0 {
			if coda.IsCancelled() {
				return coda.Execution{}, coda.Failf(coda.Cancelled, "cancelled after %d of %d shots", shot, job.Shots)
			}
			coda.Progress(shot)
		}
		drawn := random.Float64() * sum // less than sum, so that a state of probability 0 is never found
		counts[readout(sort.Search(len(below), func(i int) bool { return below[i] > drawn }), job.Circuit.Measurements)]++
	}
	outcomes := make([]coda.Outcome, 0, len(counts))
	for _, bits := range slices.Sorted(maps.Keys(counts)) {
		outcomes = append(outcomes, coda.Outcome{Bits: bits, Count: counts[bits]})
	}
	return coda.Execution{Outcomes: outcomes, ShotsCompleted: job.Shots}, nil
}

// readout is what the measurements see of a state: bit i is measurements[i].
func readout(state int, measurements []uint16) (bits uint64) {
	for i, qubit := range measurements {
		bits |= uint64(state>>qubit&1) << i
	}
	return bits
}
