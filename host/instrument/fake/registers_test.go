package fake

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

// assembled is a gate as the program memory has it. Qubits stand in bits 8 to 15
// and 16 to 23 of the first word. The second word is the angle, a two's complement
// number of which 2^32 would be a whole turn, or the nanoseconds of an id.
func assembled(op abi.Operation) [instructionWords]uint32 {
	word := uint32(op.Gate+1) | uint32(op.Q0&0xff)<<8
	if op.Gate.Qubits() == 2 {
		word |= uint32(op.Q1&0xff) << 16
	}
	if op.Gate == abi.ID {
		return [...]uint32{word, uint32(op.Param)}
	}
	turns := math.Remainder(op.Param/(2*math.Pi), 1)
	return [...]uint32{word, uint32(int64(math.Round(turns * (1 << 32))))}
}

// What assembled writes is read as the same gate, to the phase's 32 bits.
func TestInstruction(t *testing.T) {
	t.Parallel()
	for g := abi.RX; g <= abi.GateCNOT; g++ {
		for _, param := range []float64{0, 1, -1, math.Pi, -math.Pi, 3 * math.Pi, 100, 1e-6} {
			op := abi.Operation{Gate: g, Q0: 3, Q1: 3}
			if g.Qubits() == 2 {
				op.Q1 = 1
			}
			if g.HasParam() {
				op.Param = param
			}
			if g == abi.ID {
				op.Param = 80
			}
			words := assembled(op)
			program, wrong := decodeProgram(words[:], 4)
			if wrong >= 0 || len(program) != 1 {
				t.Fatalf("%+v is no instruction", op)
			}
			got := program[0].Operation
			turn := math.Remainder(got.Param-op.Param, 2*math.Pi)
			if got.Gate != op.Gate || got.Q0 != op.Q0 || got.Q1 != op.Q1 || math.Abs(turn) > 1e-9 {
				t.Errorf("%+v is read as %+v", op, got)
			}
		}
	}
}

func FuzzRegisterProgram(f *testing.F) {
	words := assembled(abi.Operation{Gate: abi.RZ, Q0: 1, Q1: 1, Param: 1})
	f.Add(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, words[0]), words[1]))
	f.Add([]byte{InstructionRead, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 800 {
			return
		}
		words := make([]uint32, len(data)/8*2)
		for i := range words {
			words[i] = binary.LittleEndian.Uint32(data[4*i:])
		}
		program, wrong := decodeProgram(words, 3)
		if wrong >= 0 {
			if wrong >= len(words)/2 {
				t.Fatalf("instruction %d of %d is wrong", wrong, len(words)/2)
			}
			return
		}
		if len(program) != len(words)/2 {
			t.Fatalf("%d steps of %d instructions", len(program), len(words)/2)
		}
		if _, err := simulate(3, program, 2, (&Config{}).random(0)); err != nil {
			t.Error(err)
		}
	})
}
