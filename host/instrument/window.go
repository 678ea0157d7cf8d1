package instrument

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/config"
)

// window is a stretch of registers that a guest has open. A word is read and written
// in one access of 32 bits, as registers want it.
type window struct {
	g       *grant
	memory  []byte // nil: closed
	unmap   func() error
	answers []byte // of read-block
	dropped bool
}

// How a poll waits: a register that changes soon is seen soon, and one that does not
// costs no processor.
const (
	pollSpin  = 20 * time.Microsecond
	pollFirst = 50 * time.Microsecond
	pollLast  = time.Millisecond
)

var windowCalls = map[effect.Func]func(*window, context.Context, *effect.Call) effect.Answer{
	effect.WindowRead32:     (*window).read32,
	effect.WindowWrite32:    (*window).write32,
	effect.WindowReadBlock:  (*window).readBlock,
	effect.WindowWriteBlock: (*window).writeBlock,
	effect.WindowPoll32:     (*window).poll32,
}

func (d *door) openWindow(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	g, refusal := d.bench.grant(call.Text, "registers")
	if g == nil {
		return refusal, nil
	}
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	if err := g.pass(ctx); err != nil {
		return g.fail(ctx, "registers.open", err), nil
	}
	if !g.acquire(d) {
		return g.refuse(effect.Busy, "is held by another guest"), nil
	}
	m, err := within(ctx, func() (*mapping, error) { return mapWindow(&g.Target, g.writable()) })
	if err != nil {
		g.release()
		return g.fail(ctx, "registers.open", err), nil
	}
	return d.keep(&window{g: g, memory: m.memory, unmap: m.Close})
}

// mapping is memory of a device.
type mapping struct {
	memory []byte
	unmap  func() error
}

func (m *mapping) Close() error { return m.unmap() }

// writable reports whether anything may be written at all; else the memory is mapped
// for reading only.
func (g *grant) writable() bool {
	return slices.ContainsFunc(g.Ranges, func(r config.RegisterRange) bool { return r.Write })
}

func (w *window) read32(ctx context.Context, call *effect.Call) effect.Answer {
	if refusal := w.check(call.Number, 1, false); refusal != nil {
		return *refusal
	}
	return w.run(ctx, call, w.g.Timeout, func(context.Context) (answer effect.Answer, err error) {
		answer.Number = uint64(atomic.LoadUint32(w.word(call.Number)))
		w.g.took(4)
		return answer, nil
	})
}

func (w *window) write32(ctx context.Context, call *effect.Call) effect.Answer {
	if refusal := w.check(call.Number, 1, true, uint32(call.Second)); refusal != nil {
		return *refusal
	}
	return w.run(ctx, call, w.g.Timeout, func(context.Context) (effect.Answer, error) {
		w.g.gave(4)
		atomic.StoreUint32(w.word(call.Number), uint32(call.Second))
		return effect.Answer{}, nil
	})
}

func (w *window) readBlock(ctx context.Context, call *effect.Call) effect.Answer {
	if refusal := w.check(call.Number, call.Second, false); refusal != nil {
		return *refusal
	}
	return w.run(ctx, call, w.g.Timeout, func(context.Context) (effect.Answer, error) {
		w.answers = w.answers[:0]
		for i := range call.Second {
			w.answers = binary.LittleEndian.AppendUint32(w.answers, atomic.LoadUint32(w.word(call.Number+4*i)))
		}
		w.g.took(len(w.answers))
		return effect.Answer{Data: w.answers}, nil
	})
}

func (w *window) writeBlock(ctx context.Context, call *effect.Call) effect.Answer {
	words := make([]uint32, len(call.Data)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(call.Data[4*i:])
	}
	if len(call.Data)%4 != 0 {
		return w.g.refuse(effect.OutOfRange, "takes whole words of 4 bytes")
	}
	if refusal := w.check(call.Number, uint64(len(words)), true, words...); refusal != nil {
		return *refusal // before the first is written
	}
	return w.run(ctx, call, w.g.Timeout, func(context.Context) (effect.Answer, error) {
		w.g.gave(len(call.Data))
		for i, word := range words {
			atomic.StoreUint32(w.word(call.Number+4*uint64(i)), word)
		}
		return effect.Answer{}, nil
	})
}

func (w *window) poll32(ctx context.Context, call *effect.Call) effect.Answer {
	mask, value := uint32(call.Second), uint32(call.Third)
	if value&^mask != 0 {
		return w.g.refuse(effect.OutOfRange, "can never have the value 0x%08x under the mask 0x%08x", value, mask)
	}
	if refusal := w.check(call.Number, 1, false); refusal != nil {
		return *refusal
	}
	var seen uint32
	answer := w.run(ctx, call, w.g.bound(milliseconds(call.Fourth)), func(ctx context.Context) (answer effect.Answer, err error) {
		register := w.word(call.Number)
		seen, err = poll(ctx, register, mask, value)
		w.g.took(4)
		return effect.Answer{Number: uint64(seen)}, err
	})
	if answer.Failed && answer.Kind == effect.TimedOut {
		answer.Message += fmt.Sprintf("; the word was 0x%08x at last", seen)
	}
	return answer
}

// poll waits until word & mask == value, and returns the last word that it saw.
func poll(ctx context.Context, register *uint32, mask, value uint32) (uint32, error) {
	began, pause := time.Now(), pollFirst
	for {
		word := atomic.LoadUint32(register)
		if word&mask == value {
			return word, nil
		}
		if err := ctx.Err(); err != nil {
			return word, err
		}
		if time.Since(began) < pollSpin {
			continue
		}
		time.Sleep(pause)
		pause = min(2*pause, pollLast)
	}
}

// run performs an access within its time. A file that was cut short under its
// mapping, or a device that answers an access with a bus error, makes the processor
// fault; that ends the window and not the node.
func (w *window) run(ctx context.Context, call *effect.Call, limit time.Duration, access func(context.Context) (effect.Answer, error)) effect.Answer {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := w.g.pass(ctx)
	if err == nil && w.memory == nil {
		err = fs.ErrClosed
	}
	if err == nil {
		var answer effect.Answer
		if answer, err = guarded(ctx, access); err == nil {
			return answer
		}
		if errors.Is(err, errBus) {
			w.hangUp()
		}
	}
	return w.g.fail(ctx, call.Func.String(), err)
}

var errBus = errors.New("the device, or the file behind it, did not answer an access to its memory")

func guarded(ctx context.Context, access func(context.Context) (effect.Answer, error)) (answer effect.Answer, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if caught := recover(); caught != nil {
			if _, ok := caught.(interface{ Addr() uintptr }); !ok {
				panic(caught) // a slip of ours
			}
			err = errBus
		}
	}()
	return access(ctx)
}

func (w *window) word(offset uint64) *uint32 {
	return (*uint32)(unsafe.Pointer(&w.memory[offset]))
}

// check refuses an access to words that are not all within the grant's ranges, or
// that writes what must not be written there.
func (w *window) check(offset, count uint64, write bool, words ...uint32) *effect.Answer {
	refuse := func(format string, args ...any) *effect.Answer {
		answer := w.g.refuse(effect.OutOfRange, format, args...)
		return &answer
	}
	switch {
	case offset%4 != 0:
		return refuse("has words at multiples of 4, not at 0x%x", offset)
	case offset >= w.g.Size || count > (w.g.Size-offset)/4:
		return refuse("has 0x%x bytes; %d words at 0x%x are not within", w.g.Size, count, offset)
	case count > w.g.MaxBytes/4:
		return refuse("moves at most %d bytes in one call", w.g.MaxBytes)
	}
	ranges := w.g.Ranges
	for i := range count {
		at := offset + 4*i
		for len(ranges) > 0 && ranges[0].Last < at {
			ranges = ranges[1:]
		}
		outside := len(ranges) == 0 || at < ranges[0].First
		switch {
		case !write && (outside || !ranges[0].Read):
			return refuse("does not let a guest read 0x%04x", at)
		case write && (outside || !ranges[0].Write):
			return refuse("does not let a guest write 0x%04x", at)
		case write && !ranges[0].MayWrite(words[i]):
			return refuse("does not let a guest write 0x%08x to 0x%04x", words[i], at)
		}
	}
	return nil
}

func (w *window) hangUp() {
	if w.memory != nil {
		w.memory = nil
		if err := w.unmap(); err != nil {
			w.g.log.Warn("registers cannot be unmapped", "error", err)
		}
	}
}

func (w *window) close() {
	w.hangUp()
	if !w.dropped {
		w.dropped = true
		w.g.release()
	}
}
