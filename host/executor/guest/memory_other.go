//go:build !unix

package guest

import "github.com/tetratelabs/wazero/experimental"

// memory is a guest's linear memory, copied when it grows beyond its capacity.
type memory struct{ buffer []byte }

// allocator implements experimental.MemoryAllocator.
type allocator struct{}

func (*allocator) Allocate(capacity, _ uint64) experimental.LinearMemory {
	return &memory{make([]byte, 0, capacity)}
}

func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(cap(m.buffer)) {
		m.buffer = append(make([]byte, 0, size), m.buffer...)
	}
	m.buffer = m.buffer[:size]
	return m.buffer
}

func (m *memory) Free() { m.buffer = nil }
