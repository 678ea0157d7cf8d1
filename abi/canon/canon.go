// Package canon carries the types of abi into and out of a guest's memory, by
// the rules of the Component Model's canonical ABI (WebAssembly/component-model,
// canonical-abi/definitions.py) for the types of wit/executor.wit.
//
// Guests are not trusted: whatever stands in their memory, lifting ends in a
// value or in an *Error, and never reads outside the memory.
package canon

import "fmt"

// Memory is a guest's linear memory.
type Memory interface {
	// Read returns the size bytes at ptr, or false where they reach beyond the
	// end. The slice is a view: writing to it writes to the guest, and it is
	// dead once a call may have grown the memory.
	Read(ptr, size uint32) ([]byte, bool)
}

// Guest is a guest that values are lowered into.
type Guest interface {
	Memory
	// Realloc calls the guest's own allocator with (0, 0, align, size). Its
	// answer is checked here, not by the implementer.
	Realloc(align, size uint32) (uint32, error)
}

// Error is a break of the canonical ABI's rules. The specification has the
// component trap; a host discards the instance.
type Error struct {
	What string // the value: "execution.outcomes"
	Rule string // what is wrong with it
	Over bool   // it is not wrong, but larger than the budget for it
}

func (e *Error) Error() string { return e.What + ": " + e.Rule }

func broken(what, rule string, args ...any) error {
	return &Error{What: what, Rule: fmt.Sprintf(rule, args...)}
}

// maxBytes is the most that one list or string may occupy.
const maxBytes = 1<<28 - 1

// alloc has the guest allocate count elements and returns them as a view.
func alloc(g Guest, what string, align uint32, count, stride int) (uint32, []byte, error) {
	if count > maxBytes/stride {
		return 0, nil, broken(what, "%d elements of %d bytes are more than the canonical ABI's limit of %d bytes", count, stride, maxBytes)
	}
	size := uint32(count * stride)
	ptr, err := g.Realloc(align, size)
	if err != nil {
		return 0, nil, err
	}
	if ptr == 0 && size != 0 {
		return 0, nil, broken(what, "realloc of %d bytes returned 0: the guest is out of memory", size)
	}
	if ptr%align != 0 {
		return 0, nil, broken(what, "realloc returned %#x, which is not aligned to %d", ptr, align)
	}
	view, ok := g.Read(ptr, size)
	if !ok {
		return 0, nil, broken(what, "realloc returned %#x: %d bytes there reach beyond the memory", ptr, size)
	}
	return ptr, view, nil
}
