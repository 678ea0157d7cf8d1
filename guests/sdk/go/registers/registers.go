// Package registers reads and writes windows of memory-mapped device registers,
// which the operator grants by name. Offsets are in bytes, and multiples of four.
package registers

import (
	"math"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

func init() { guest.LearnKinds() }

// Window is a window of registers. Its errors are *coda.IOError.
type Window struct {
	endpoint string
	handle   uint32 // 0 once closed
}

// Open opens the window behind an endpoint. It lives as long as the instance, across
// jobs, unless it is closed.
func Open(endpoint string) (*Window, error) {
	handle, failure := guest.WindowOpen(endpoint)
	if failure != nil {
		return nil, (&Window{endpoint: endpoint}).fault("open", failure)
	}
	return &Window{endpoint, handle}, nil
}

// Read32 reads the word at offset.
func (w *Window) Read32(offset uint32) (uint32, error) {
	if w.handle == 0 {
		return 0, w.closed("read")
	}
	word, failure := guest.WindowRead32(w.handle, offset)
	return word, w.fault("read", failure)
}

// Write32 writes the word at offset.
func (w *Window) Write32(offset, value uint32) error {
	if w.handle == 0 {
		return w.closed("write")
	}
	return w.fault("write", guest.WindowWrite32(w.handle, offset, value))
}

// ReadBlock reads count consecutive words.
func (w *Window) ReadBlock(offset, count uint32) ([]uint32, error) {
	if w.handle == 0 {
		return nil, w.closed("read")
	}
	words, failure := guest.WindowReadBlock(w.handle, offset, count)
	return words, w.fault("read", failure)
}

// WriteBlock writes consecutive words.
func (w *Window) WriteBlock(offset uint32, words []uint32) error {
	if w.handle == 0 {
		return w.closed("write")
	}
	return w.fault("write", guest.WindowWriteBlock(w.handle, offset, words))
}

// Poll32 waits in the node until word & mask == value, and returns the word. A
// timeout of 0 leaves the limit that the operator set, which always holds.
func (w *Window) Poll32(offset, mask, value uint32, timeout time.Duration) (uint32, error) {
	if w.handle == 0 {
		return 0, w.closed("poll")
	}
	ms := uint32(min((max(timeout, 0)+time.Millisecond-1)/time.Millisecond, math.MaxUint32))
	word, failure := guest.WindowPoll32(w.handle, offset, mask, value, ms)
	return word, w.fault("poll", failure)
}

// Close gives the endpoint back. What is called later fails as coda.IOClosed.
func (w *Window) Close() error {
	if w.handle == 0 {
		return w.closed("close")
	}
	guest.WindowDrop(w.handle)
	w.handle = 0
	return nil
}

func (w *Window) fault(op string, f *guest.IOFailure) error {
	if f == nil {
		return nil
	}
	return &coda.IOError{Op: op, Endpoint: w.endpoint, Kind: coda.IOKind(f.Kind), Message: f.Message}
}

func (w *Window) closed(op string) error {
	return &coda.IOError{Op: op, Endpoint: w.endpoint, Kind: coda.IOClosed, Message: "it was closed here"}
}
