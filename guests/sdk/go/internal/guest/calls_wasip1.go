package guest

import "sync"

// calls is held around every call of the host's, because Go's scheduler may run
// another goroutine wherever the module is entered: while the host allocates for
// an answer, that one must not touch the return area; and while the host calls
// the allocator or the clean-up, no goroutine may call the host at all.
var calls hostCalls

type hostCalls struct {
	sync.Mutex
	allocating bool // for the answer of the call that holds the mutex
}

// answered makes a call for whose answer the host allocates.
func (c *hostCalls) answered(call func()) {
	c.allocating = true
	defer func() { c.allocating = false }()
	call()
}
