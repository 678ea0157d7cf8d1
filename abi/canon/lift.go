package canon

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
)

// Budget is how many outcomes may still be lifted. Guests may point at the same
// memory as often as they like, so its size alone bounds nothing.
type Budget int

// LiftExecution reads the result<execution, failure> at ptr: one of the two, or
// an *Error.
func LiftExecution(m Memory, ptr uint32, budget *Budget) (*abi.Execution, *abi.Failure, error) {
	area, err := view(m, "result of run", ptr, 40, 8)
	if err != nil {
		return nil, nil, err
	}
	failed, err := discriminant("result of run", area[0], 2)
	if err != nil {
		return nil, nil, err
	}
	if failed == 1 {
		f, err := liftFailure(m, area[8:])
		return nil, f, err
	}
	e := &abi.Execution{ShotsCompleted: binary.LittleEndian.Uint64(area[16:])}
	outcomes, err := list(m, "execution.outcomes", area[8:], OutcomeSize, 8)
	if err != nil {
		return nil, nil, err
	}
	n := Budget(len(outcomes) / OutcomeSize)
	if n > *budget {
		return nil, nil, &Error{What: "execution.outcomes", Over: true,
			Rule: fmt.Sprintf("%d outcomes are more than the %d that this host still takes", n, *budget)}
	}
	*budget -= n
	e.Outcomes = Outcomes(outcomes)
	elapsed, some, err := liftOptionU64("execution.elapsed-ns", area[24:])
	if err != nil {
		return nil, nil, err
	}
	if some {
		e.Elapsed = new(time.Duration(min(elapsed, math.MaxInt64)))
	}
	return e, nil, nil
}

// LiftDevice reads the result<device, failure> at ptr: one of the two, or an
// *Error.
func LiftDevice(m Memory, ptr uint32) (*abi.Device, *abi.Failure, error) {
	area, err := view(m, "result of open", ptr, 48, 8)
	if err != nil {
		return nil, nil, err
	}
	failed, err := discriminant("result of open", area[0], 2)
	if err != nil {
		return nil, nil, err
	}
	if failed == 1 {
		f, err := liftFailure(m, area[8:])
		return nil, f, err
	}
	record := area[8:]
	d := &abi.Device{NumQubits: binary.LittleEndian.Uint16(record[10:]), Directed: record[20] != 0}
	if d.Name, err = liftString(m, "device.name", record); err != nil {
		return nil, nil, err
	}
	target, err := discriminant("device.target", record[8], 4)
	if err != nil {
		return nil, nil, err
	}
	d.Target = abi.Target(target)
	edges, err := list(m, "device.edges", record[12:], 4, 2)
	if err != nil {
		return nil, nil, err
	}
	if n := len(edges) / 4; n > maxEdges {
		return nil, nil, &Error{What: "device.edges", Over: true,
			Rule: fmt.Sprintf("%d edges are more than the %d that this host takes", n, maxEdges)}
	}
	if len(edges) > 0 {
		d.Edges = make([][2]uint16, len(edges)/4)
	}
	for i := range d.Edges {
		d.Edges[i] = [2]uint16{binary.LittleEndian.Uint16(edges[i*4:]), binary.LittleEndian.Uint16(edges[i*4+2:])}
	}
	shots, some, err := liftOptionU64("device.max-shots", record[24:])
	if err != nil {
		return nil, nil, err
	}
	if some {
		d.MaxShots = &shots
	}
	return d, nil, nil
}

// maxEdges is the most edges of a device: 1024 qubits have as many ordered pairs.
const maxEdges = 1 << 20

// LiftString reads the string of size bytes at ptr: a parameter of an imported
// function.
func LiftString(m Memory, what string, ptr, size uint32) (string, error) {
	b, err := span(m, what, ptr, size, 1, 1)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", broken(what, "is not valid UTF-8")
	}
	return string(b), nil
}

func liftFailure(m Memory, record []byte) (*abi.Failure, error) {
	kind, err := discriminant("failure.kind", record[0], 4)
	if err != nil {
		return nil, err
	}
	message, err := list(m, "failure.message", record[4:], 1, 1)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(message) {
		return nil, broken("failure.message", "is not valid UTF-8")
	}
	return &abi.Failure{Kind: abi.FailureKind(kind), Message: shortened(message)}, nil
}

// maxMessage is the most bytes of a failure's message that are lifted: it goes into
// logs and into the result that the cloud keeps, and a batch has many.
const maxMessage = 4 << 10

// shortened is a message, or its beginning and a note of how long it was.
func shortened(message []byte) string {
	if len(message) <= maxMessage {
		return string(message)
	}
	end := maxMessage
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return fmt.Sprintf("%s... (the first %d of %d bytes)", message[:end], end, len(message))
}

func liftString(m Memory, what string, field []byte) (string, error) {
	return LiftString(m, what, binary.LittleEndian.Uint32(field), binary.LittleEndian.Uint32(field[4:]))
}

func liftOptionU64(what string, field []byte) (uint64, bool, error) {
	some, err := discriminant(what, field[0], 2)
	if err != nil || some == 0 {
		return 0, false, err
	}
	return binary.LittleEndian.Uint64(field[8:]), true, nil
}

func discriminant(what string, b byte, cases byte) (byte, error) {
	if b >= cases {
		return 0, broken(what, "discriminant %d is out of range [0, %d)", b, cases)
	}
	return b, nil
}

// list is the memory of the list whose pointer and length stand in field.
func list(m Memory, what string, field []byte, stride, align uint32) ([]byte, error) {
	return span(m, what, binary.LittleEndian.Uint32(field), binary.LittleEndian.Uint32(field[4:]), stride, align)
}

// span is the memory of length elements at ptr.
func span(m Memory, what string, ptr, length, stride, align uint32) ([]byte, error) {
	size := uint64(length) * uint64(stride)
	if size > maxBytes {
		return nil, broken(what, "%d bytes are more than the canonical ABI's limit of %d", size, maxBytes)
	}
	return view(m, what, ptr, uint32(size), align)
}

// view is size bytes of memory at an aligned pointer.
func view(m Memory, what string, ptr, size, align uint32) ([]byte, error) {
	if ptr%align != 0 {
		return nil, broken(what, "pointer %#x is not aligned to %d", ptr, align)
	}
	b, ok := m.Read(ptr, size)
	if !ok {
		return nil, broken(what, "%d bytes at %#x reach beyond the memory", size, ptr)
	}
	return b, nil
}
