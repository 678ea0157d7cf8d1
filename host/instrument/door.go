package instrument

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
)

// door is one guest's. The mutex is for Close, which may come from another
// goroutine than the calls.
type door struct {
	bench *Bench

	mu      sync.Mutex
	handles map[uint32]handle
	last    uint32 // handle given out; none is given twice
	closed  bool
}

// handle is a *connection or a *window.
type handle interface{ close() }

var errClosed = errors.New("the door to the hardware is closed")

// Do performs a call. Failures that the guest sees are answers; an error means that
// it named a handle that it does not have, or a function that is no hardware's.
func (d *door) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return effect.Answer{}, errClosed
	}
	switch call.Func {
	case effect.StreamOpen:
		return d.openStream(ctx, call)
	case effect.WindowOpen:
		return d.openWindow(ctx, call)
	case effect.HTTPSend:
		return d.send(ctx, call), nil
	case effect.StreamDrop, effect.WindowDrop:
		return effect.Answer{}, d.drop(call)
	}
	if !call.Func.Hardware() {
		return effect.Answer{}, fmt.Errorf("%s is no call to hardware", call.Func)
	}
	switch h := d.handles[call.Handle].(type) {
	case *connection:
		if do := streamCalls[call.Func]; do != nil {
			return do(h, ctx, call), nil
		}
	case *window:
		if do := windowCalls[call.Func]; do != nil {
			return do(h, ctx, call), nil
		}
	}
	return effect.Answer{}, noHandle(call)
}

func noHandle(call *effect.Call) error {
	return fmt.Errorf("%s: the guest has no such handle %d", call.Func, call.Handle)
}

// Close closes everything that the guest has open.
func (d *door) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, h := range d.handles {
		h.close()
	}
	clear(d.handles)
	return nil
}

// keep gives a handle to something that was opened.
func (d *door) keep(h handle) (effect.Answer, error) {
	if d.last == math.MaxInt32 {
		h.close()
		return effect.Answer{}, errors.New("the guest has opened more than a handle can tell")
	}
	d.last++
	d.handles[d.last] = h
	return effect.Answer{Number: uint64(d.last)}, nil
}

func (d *door) drop(call *effect.Call) error {
	h := d.handles[call.Handle]
	_, stream := h.(*connection)
	_, window := h.(*window)
	if !stream && !window || stream != (call.Func == effect.StreamDrop) {
		return noHandle(call)
	}
	h.close()
	delete(d.handles, call.Handle)
	return nil
}

// milliseconds is a guest's time; 0 stays 0.
func milliseconds(n uint64) time.Duration {
	return time.Duration(min(n, math.MaxUint32)) * time.Millisecond
}
