package guest

import (
	"slices"
	"unsafe"
)

// blocks are what the host has allocated here and not handed over yet. Only this
// list keeps them from the garbage collector: the host's pointers are numbers.
// Once a job's views point into them they are ordinary Go memory, free to be kept.
type blocks []unsafe.Pointer

var given blocks

// realloc is how the host makes room for what it hands over: with old 0, or, by
// the canonical ABI, to resize a block. Its alignments are at most 8.
//
//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, _, size uint32) unsafe.Pointer {
	if !calls.allocating {
		calls.Lock()
		defer calls.Unlock()
	}
	words := make([]uint64, (uint64(size)+7)/8) // words, for their alignment
	block := unsafe.Pointer(unsafe.SliceData(words))
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(block), size), unsafe.Slice((*byte)(old), oldSize))
		given = slices.DeleteFunc(given, func(b unsafe.Pointer) bool { return b == old })
	}
	given = append(given, block)
	return block
}

func (b *blocks) mark() int { return len(*b) }

// forget gives up the blocks since mark.
func (b *blocks) forget(mark int) {
	clear((*b)[mark:])
	*b = (*b)[:mark]
}

// block finds the block that a list of the host's stands in.
func (b *blocks) block(l list) unsafe.Pointer {
	if l.len == 0 {
		return nil
	}
	for _, block := range slices.Backward(*b) {
		if address(block) == l.ptr {
			return block
		}
	}
	panic("coda: the host returned memory that it did not allocate")
}

// string views a string of the host's, which nobody writes to any more.
func (b *blocks) string(l list) string {
	return unsafe.String((*byte)(b.block(l)), l.len)
}

// view is a list that the host passed as a parameter.
func view[T any](ptr unsafe.Pointer, n uint32) []T {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(ptr), n)
}

func viewString(ptr unsafe.Pointer, n uint32) string {
	if n == 0 {
		return ""
	}
	return unsafe.String((*byte)(ptr), n)
}

// address is what the host takes for a pointer: memory ends at 4 GiB.
func address(p unsafe.Pointer) uint32 { return uint32(uintptr(p)) }
