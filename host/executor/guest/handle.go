package guest

import (
	"fmt"

	"github.com/conductorquantum/coda/abi/canon"
)

// resource is the type of a handle.
type resource byte

const (
	free resource = iota
	connection
	window
)

var resourceNames = [...]string{free: "nothing", connection: "connection", window: "window"}

// handles is an instance's table of resource handles, as the canonical ABI has it:
// index 0 is invalid, every look-up checks the type, and what was dropped may be
// given out again.
type handles struct {
	entries []entry
	open    uint64
}

// entry is one handle: its type, and the handle that the node knows it by.
type entry struct {
	of   resource
	node uint32
}

// add gives out a handle.
func (h *handles) add(of resource, node uint32) uint32 {
	h.open++
	for i := 1; i < len(h.entries); i++ {
		if h.entries[i].of == free {
			h.entries[i] = entry{of, node}
			return uint32(i)
		}
	}
	if len(h.entries) == 0 {
		h.entries = make([]entry, 1, 8)
	}
	h.entries = append(h.entries, entry{of, node})
	return uint32(len(h.entries) - 1)
}

// look returns what the node calls a handle. A handle that is not one is the
// guest's fault and traps.
func (h *handles) look(of resource, handle uint32) (uint32, error) {
	name := resourceNames[of]
	switch {
	case handle == 0:
		return 0, &canon.Error{What: name, Rule: "handle 0 is invalid"}
	case uint64(handle) >= uint64(len(h.entries)) || h.entries[handle].of == free:
		return 0, &canon.Error{What: name, Rule: fmt.Sprintf("handle %d is not open: it was dropped, or never given out", handle)}
	case h.entries[handle].of != of:
		return 0, &canon.Error{What: name, Rule: fmt.Sprintf("handle %d is of a %s", handle, resourceNames[h.entries[handle].of])}
	}
	return h.entries[handle].node, nil
}

// drop takes a handle back and returns what the node calls it.
func (h *handles) drop(of resource, handle uint32) (uint32, error) {
	node, err := h.look(of, handle)
	if err == nil {
		h.entries[handle] = entry{}
		h.open--
	}
	return node, err
}
