package canon

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/conductorquantum/coda/abi"
)

// The bytes that the records occupy which cross in bulk. On a little-endian
// machine their Go types have the same layout, so that a list is one copy.
const (
	OperationSize = 16
	OutcomeSize   = 16
)

// These fail to compile where Go lays the records out otherwise.
var (
	_ [OperationSize]byte = [unsafe.Sizeof(abi.Operation{})]byte{}
	_ [2]byte             = [unsafe.Offsetof(abi.Operation{}.Q0)]byte{}
	_ [4]byte             = [unsafe.Offsetof(abi.Operation{}.Q1)]byte{}
	_ [8]byte             = [unsafe.Offsetof(abi.Operation{}.Param)]byte{}
	_ [OutcomeSize]byte   = [unsafe.Sizeof(abi.Outcome{})]byte{}
	_ [8]byte             = [unsafe.Offsetof(abi.Outcome{}.Count)]byte{}
)

// little is true where a record's bytes in Go are those of the canonical ABI.
var little = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// AppendOperations appends ops as a guest sees them.
func AppendOperations(b []byte, ops []abi.Operation) []byte {
	if little {
		return append(b, bytesOf(ops)...)
	}
	for _, op := range ops {
		b = append(b, byte(op.Gate), 0)
		b = binary.LittleEndian.AppendUint16(b, op.Q0)
		b = binary.LittleEndian.AppendUint16(b, op.Q1)
		b = append(b, 0, 0)
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(op.Param))
	}
	return b
}

// Operations returns the operations that src holds: a view of src where its bytes
// are laid out as Go's, else a copy.
func Operations(src []byte) []abi.Operation {
	n := len(src) / OperationSize
	if n == 0 {
		return nil
	}
	if p := unsafe.Pointer(unsafe.SliceData(src)); little && uintptr(p)%8 == 0 {
		return unsafe.Slice((*abi.Operation)(p), n)
	}
	ops := make([]abi.Operation, n)
	for i := range ops {
		record := src[i*OperationSize:]
		ops[i] = abi.Operation{
			Gate:  abi.Gate(record[0]),
			Q0:    binary.LittleEndian.Uint16(record[2:]),
			Q1:    binary.LittleEndian.Uint16(record[4:]),
			Param: math.Float64frombits(binary.LittleEndian.Uint64(record[8:])),
		}
	}
	return ops
}

// AppendMeasurements appends qubits, 2 bytes each.
func AppendMeasurements(b []byte, qubits []uint16) []byte {
	if little {
		return append(b, bytesOf(qubits)...)
	}
	for _, q := range qubits {
		b = binary.LittleEndian.AppendUint16(b, q)
	}
	return b
}

// Measurements appends to qubits those that src holds.
func Measurements(qubits []uint16, src []byte) []uint16 {
	for ; len(src) >= 2; src = src[2:] {
		qubits = append(qubits, binary.LittleEndian.Uint16(src))
	}
	return qubits
}

// AppendOutcomes appends outcomes as a guest writes them.
func AppendOutcomes(b []byte, outcomes []abi.Outcome) []byte {
	if little {
		return append(b, bytesOf(outcomes)...)
	}
	for _, o := range outcomes {
		b = binary.LittleEndian.AppendUint64(b, o.Bits)
		b = binary.LittleEndian.AppendUint64(b, o.Count)
	}
	return b
}

// Outcomes returns the outcomes that src holds.
func Outcomes(src []byte) []abi.Outcome {
	out := make([]abi.Outcome, len(src)/OutcomeSize)
	if little {
		copy(bytesOf(out), src)
		return out
	}
	for i := range out {
		out[i].Bits = binary.LittleEndian.Uint64(src[i*OutcomeSize:])
		out[i].Count = binary.LittleEndian.Uint64(src[i*OutcomeSize+8:])
	}
	return out
}

// bytesOf is the memory of a slice of records without pointers.
func bytesOf[T abi.Operation | abi.Outcome | uint16](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}
