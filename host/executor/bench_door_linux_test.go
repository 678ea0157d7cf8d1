package executor_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/conductorquantum/coda/abi/effect"
)

// labBench is hardware for tests: an endpoint "fake" that has as many bytes as
// anybody reads and takes what anybody writes, "mute" that never answers, "once"
// that is there the first time and from the third on, and "last" that is there the
// first time only. Nothing else is granted.
type labBench struct {
	mu     sync.Mutex
	doors  int
	open   int
	opened map[string]int
}

func newBench(t *testing.T) *labBench {
	t.Helper()
	return &labBench{opened: map[string]int{}}
}

func (b *labBench) door() effect.Door {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doors++
	return &benchDoor{bench: b, handles: map[uint32]string{}}
}

// there reports whether an endpoint can be opened now.
func (b *labBench) there(endpoint string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened[endpoint]++
	switch n := b.opened[endpoint]; endpoint {
	case "fake", "mute":
		return true
	case "once":
		return n != 2
	case "last":
		return n == 1
	default:
		return false
	}
}

func (b *labBench) count(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open += n
}

// closed checks that nothing is held any more.
func (b *labBench) closed(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.doors != 0 || b.open != 0 {
		t.Errorf("%d doors and %d handles are left open", b.doors, b.open)
	}
}

type benchDoor struct {
	bench   *labBench
	handles map[uint32]string // the endpoints of those that are open
	last    uint32
}

func (d *benchDoor) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	switch call.Func {
	case effect.StreamOpen, effect.WindowOpen:
		if !d.bench.there(call.Text) {
			return effect.Fail(effect.NotGranted, "nobody granted that"), nil
		}
		d.last++
		d.handles[d.last] = call.Text
		d.bench.count(1)
		return effect.Answer{Number: uint64(d.last)}, nil
	case effect.HTTPSend:
		return effect.Answer{Number: 204}, nil
	}
	endpoint, ok := d.handles[call.Handle]
	if !ok {
		return effect.Answer{}, fmt.Errorf("there is no handle %d", call.Handle)
	}
	if endpoint == "mute" {
		<-ctx.Done()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return effect.Fail(effect.TimedOut, "it does not answer"), nil
		}
		return effect.Fail(effect.CancelledCall, "the job was cancelled"), nil
	}
	switch call.Func {
	case effect.StreamDrop, effect.WindowDrop:
		delete(d.handles, call.Handle)
		d.bench.count(-1)
	case effect.StreamRead:
		return effect.Answer{Data: make([]byte, min(call.Number, 4096))}, nil
	case effect.WindowReadBlock:
		if call.Second > 1024 {
			return effect.Fail(effect.OutOfRange, "it has 1024 words"), nil
		}
		return effect.Answer{Data: make([]byte, 4*call.Second)}, nil
	}
	return effect.Answer{}, nil
}

func (d *benchDoor) Close() error {
	d.bench.count(-len(d.handles))
	clear(d.handles)
	d.bench.mu.Lock()
	defer d.bench.mu.Unlock()
	d.bench.doors--
	return nil
}
