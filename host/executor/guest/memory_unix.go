//go:build unix

package guest

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// memory is a guest's linear memory: address space reserved once, up to the
// limit, which the kernel backs page by page as the guest touches it. It never
// moves, so growing copies nothing, and its pages start as zeros.
type memory struct{ reserved []byte }

// allocate implements experimental.MemoryAllocator. It panics where the address
// space is not to be had; instantiate turns that into an error.
func allocate(_, limit uint64) experimental.LinearMemory {
	reserved, err := syscall.Mmap(-1, 0, int(limit),
		syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		panic(err)
	}
	return &memory{reserved}
}

func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.reserved)) {
		return nil
	}
	return m.reserved[:size:size]
}

func (m *memory) Free() {
	if m.reserved != nil {
		_ = syscall.Munmap(m.reserved)
		m.reserved = nil
	}
}
