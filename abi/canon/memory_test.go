package canon_test

import (
	"errors"
	"slices"

	"github.com/conductorquantum/coda/abi/canon"
)

// guest is a linear memory with an allocator that hands out what comes next, or
// whatever the test wants it to.
type guest struct {
	memory  []byte
	next    uint32
	calls   []uint32 // sizes asked for
	realloc func(align, size uint32) (uint32, error)
}

func newGuest(size int) *guest { return &guest{memory: make([]byte, size), next: 64} }

func (g *guest) Read(ptr, size uint32) ([]byte, bool) {
	end := uint64(ptr) + uint64(size)
	if end > uint64(len(g.memory)) {
		return nil, false
	}
	return g.memory[ptr:end:end], true
}

func (g *guest) Realloc(align, size uint32) (uint32, error) {
	g.calls = append(g.calls, size)
	if g.realloc != nil {
		return g.realloc(align, size)
	}
	ptr := (g.next + align - 1) &^ (align - 1)
	if uint64(ptr)+uint64(size) > uint64(len(g.memory)) {
		return 0, nil
	}
	g.next = ptr + size
	return ptr, nil
}

// rule is the broken rule of err, or "" where it is not one.
func rule(err error) string {
	if e, ok := errors.AsType[*canon.Error](err); ok {
		return e.What
	}
	return ""
}

// over reports whether err is about a budget.
func over(err error) bool {
	e, ok := errors.AsType[*canon.Error](err)
	return ok && e.Over
}

// at builds a memory from pieces at their offsets.
func at(size int, pieces map[int][]byte) *guest {
	g := newGuest(size)
	for offset, b := range pieces {
		copy(g.memory[offset:], b)
	}
	return g
}

func le(values ...any) []byte {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case byte:
			b = append(b, v)
		case uint16:
			b = append(b, byte(v), byte(v>>8))
		case int: // a 32-bit word
			b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
		case uint64:
			for i := range 8 {
				b = append(b, byte(v>>(8*i)))
			}
		case string:
			b = append(b, v...)
		default:
			panic("le: type")
		}
	}
	return slices.Clip(b)
}
