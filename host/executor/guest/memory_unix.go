//go:build unix

package guest

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// memory is a guest's linear memory: address space reserved once, up to the
// limit, which the kernel backs page by page as the guest touches it. It never
// moves, so growing copies nothing, and it starts as zeros.
type memory struct {
	allocator *allocator
	reserved  []byte
	size      int // the most that was in use
}

// allocator implements experimental.MemoryAllocator. It keeps the last memory
// that was freed, if it is small: to clear what the kernel has backed is quicker
// than to have it backed again.
type allocator struct{ spare []byte }

// keepMemory is the most that is worth clearing.
const keepMemory = 1 << 20

// Allocate panics where the address space is not to be had; instantiate turns
// that into an error.
func (a *allocator) Allocate(_, limit uint64) experimental.LinearMemory {
	if uint64(len(a.spare)) == limit {
		m := &memory{allocator: a, reserved: a.spare}
		a.spare = nil
		return m
	}
	reserved, err := syscall.Mmap(-1, 0, int(limit),
		syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		panic(err)
	}
	return &memory{allocator: a, reserved: reserved}
}

func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.reserved)) {
		return nil
	}
	m.size = max(m.size, int(size))
	return m.reserved[:size:size]
}

func (m *memory) Free() {
	if m.reserved == nil {
		return
	}
	if m.size <= keepMemory && m.allocator.spare == nil {
		clear(m.reserved[:m.size]) // all that the guest could ever write to
		m.allocator.spare = m.reserved
	} else {
		_ = syscall.Munmap(m.reserved)
	}
	m.reserved = nil
}
