package executor

import (
	"context"
	"testing"

	"github.com/conductorquantum/coda/abi/effect"
)

// shelfDoor has as many handles as anybody opens.
type shelfDoor struct{ open map[uint32]bool }

func (d *shelfDoor) Do(_ context.Context, call *effect.Call) (effect.Answer, error) {
	switch call.Func {
	case effect.StreamOpen:
		handle := uint32(len(d.open) + 1)
		d.open[handle] = true
		return effect.Answer{Number: uint64(handle)}, nil
	case effect.StreamDrop:
		delete(d.open, call.Handle)
	}
	return effect.Answer{}, nil
}

func (d *shelfDoor) Close() error { return nil }

// TestABudgetIsNoReasonToHoldOn: what a job drops is let go of, though it may move
// nothing more; and no child opens more than its limit, whatever it counts itself.
func TestABudgetIsNoReasonToHoldOn(t *testing.T) {
	t.Parallel()
	hardware := &shelfDoor{open: map[uint32]bool{}}
	e := &Executor{cfg: Config{
		Limits:   Limits{IOBytes: 8, Handles: 1}.OrDefaults(),
		Hardware: func() effect.Door { return hardware },
	}}
	c := &child{e: e}
	d := &desk{c: c}
	do := func(call effect.Call, fails bool) {
		t.Helper()
		if answer, err := d.Do(t.Context(), &call); err != nil || answer.Failed != fails {
			t.Fatalf("%s: %+v, %v", call.Func, answer, err)
		}
	}
	do(effect.Call{Func: effect.StreamOpen, Text: "a"}, false)
	do(effect.Call{Func: effect.StreamOpen, Text: "b"}, true)
	do(effect.Call{Func: effect.StreamWrite, Handle: 1, Data: make([]byte, 9)}, true)
	do(effect.Call{Func: effect.StreamDrop, Handle: 1}, false)
	if len(hardware.open) != 0 {
		t.Errorf("%v is still held", hardware.open)
	}
	c.moved = 0 // the next job
	do(effect.Call{Func: effect.StreamOpen, Text: "b"}, false)
	if c.handles != 1 {
		t.Errorf("%d handles were open at once", c.handles)
	}
}
