package guest

import (
	"strings"
	"unsafe"

	"github.com/conductorquantum/coda/abi"
)

// The results, as the canonical ABI lays them out. Pointers are 32 bits wide in
// memory, unlike Go's own for wasm. Go has no unions: each case is a struct of its
// own, and a result is written as one of them.
type (
	list struct{ ptr, len uint32 }

	option struct { // option<u64>
		some  uint8
		value uint64
	}

	executionOK struct { // result<execution, _>
		isError  uint8
		_        [7]byte
		outcomes list
		shots    uint64
		elapsed  option
	}

	deviceOK struct { // result<device, _>
		isError   uint8
		_         [7]byte
		name      list
		target    uint8
		numQubits uint16
		edges     list
		directed  bool
		maxShots  option
	}

	failed struct { // result<_, failure> where the payload is aligned to 8
		isError uint8
		_       [7]byte
		kind    uint8
		message list
	}

	done struct { // result<_, failure>, whose payload is aligned to 4
		isError uint8
		_       [3]byte
		kind    uint8
		message list
	}
)

// These fail to compile where Go lays the records out otherwise.
var (
	_ [40]byte = [unsafe.Sizeof(executionOK{})]byte{}
	_ [48]byte = [unsafe.Sizeof(deviceOK{})]byte{}
	_ [20]byte = [unsafe.Sizeof(failed{})]byte{}
	_ [24]byte = [unsafe.Offsetof(executionOK{}.elapsed)]byte{}
	_ [20]byte = [unsafe.Offsetof(deviceOK{}.edges)]byte{}
	_ [32]byte = [unsafe.Offsetof(deviceOK{}.maxShots)]byte{}
	_ [12]byte = [unsafe.Offsetof(failed{}.message)]byte{}
	_ [16]byte = [unsafe.Sizeof(done{})]byte{}
	_ [8]byte  = [unsafe.Offsetof(done{}.message)]byte{}
	_ [16]byte = [unsafe.Sizeof(abi.Operation{})]byte{}
	_ [16]byte = [unsafe.Sizeof(abi.Outcome{})]byte{}
)

// answer is where a call's result stands until the host has taken it, and what
// keeps alive the memory that it points to.
type answer struct {
	area     [6]uint64 // room for the largest, aligned for any
	outcomes []abi.Outcome
	edges    [][2]uint16
	text     string
}

func (a *answer) execution(e abi.Execution) unsafe.Pointer {
	a.outcomes = e.Outcomes
	return putExecution(unsafe.Pointer(&a.area), e)
}

func putExecution(area unsafe.Pointer, e abi.Execution) unsafe.Pointer {
	out := (*executionOK)(area)
	*out = executionOK{outcomes: listOf(e.Outcomes), shots: e.ShotsCompleted}
	if e.Elapsed != nil {
		out.elapsed = option{1, uint64(max(*e.Elapsed, 0))}
	}
	return area
}

func (a *answer) device(d abi.Device) unsafe.Pointer {
	a.edges, a.text = d.Edges, text(d.Name)
	out := (*deviceOK)(unsafe.Pointer(&a.area))
	*out = deviceOK{
		name: listOfText(a.text), target: uint8(d.Target), numQubits: d.NumQubits,
		edges: listOf(a.edges), directed: d.Directed,
	}
	if d.MaxShots != nil {
		out.maxShots = option{1, *d.MaxShots}
	}
	return unsafe.Pointer(out)
}

func (a *answer) failure(f *abi.Failure) unsafe.Pointer {
	a.text = text(f.Message)
	return putFailure(unsafe.Pointer(&a.area), f.Kind, a.text)
}

func putFailure(area unsafe.Pointer, kind abi.FailureKind, message string) unsafe.Pointer {
	*(*failed)(area) = failed{isError: 1, kind: uint8(kind), message: listOfText(message)}
	return area
}

// done is the result of make-safe, with f where it failed.
func (a *answer) done(f *abi.Failure) unsafe.Pointer {
	out := (*done)(unsafe.Pointer(&a.area))
	*out = done{}
	if f != nil {
		a.text = text(f.Message)
		*out = done{isError: 1, kind: uint8(f.Kind), message: listOfText(a.text)}
	}
	return unsafe.Pointer(out)
}

// taken gives up the memory, once the host has the result.
func (a *answer) taken() { a.outcomes, a.edges, a.text = nil, nil, "" }

func listOf[T any](s []T) list {
	if len(s) == 0 {
		return list{} // an empty slice's pointer may be aligned to nothing
	}
	return list{address(unsafe.Pointer(unsafe.SliceData(s))), uint32(len(s))}
}

func listOfText(s string) list {
	return list{address(unsafe.Pointer(unsafe.StringData(s))), uint32(len(s))}
}

// text makes any string one that may cross: a host refuses what is not UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
