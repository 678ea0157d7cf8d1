package fake

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

// What Instruction writes is read as the same gate, to the phase's 32 bits.
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
			words := Instruction(op)
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
	words := Instruction(abi.Operation{Gate: abi.RZ, Q0: 1, Q1: 1, Param: 1})
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
