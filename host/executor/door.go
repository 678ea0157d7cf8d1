package executor

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/wire"
)

// door makes the door of one instance: what it is granted, within the limits of a
// job, and on a tape if there is one.
func (e *Executor) door(c *child) effect.Door {
	inner := effect.Door(&desk{c: c, began: time.Now()})
	if e.cfg.Tape == nil {
		return inner
	}
	taped, err := e.cfg.Tape(inner)
	if err != nil {
		return broken{err}
	}
	return taped
}

// broken is a door that leads nowhere.
type broken struct{ error }

func (b broken) Do(context.Context, *effect.Call) (effect.Answer, error) {
	return effect.Answer{}, b.error
}
func (broken) Close() error { return nil }

// desk serves what needs no grant by itself, and meters the rest.
type desk struct {
	c        *child
	began    time.Time
	hardware effect.Door
	open     uint64
}

func (d *desk) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	cfg := &d.c.e.cfg
	if cfg.Tape == nil && !call.Func.Hardware() { // the child does that by itself, within its limits
		return effect.Answer{}, &wire.ProtocolError{What: call.Func.String() + " is asked of a node that keeps no tape"}
	}
	switch call.Func {
	case effect.Log:
		if !d.c.keeps(len(call.Text)) {
			break
		}
		cfg.Log.Log(context.WithoutCancel(ctx), level(byte(min(call.Number, 255))), printable(call.Text), "executor", cfg.Name, "job", d.c.job)
	case effect.Progress:
		cfg.Log.Debug("progress", "executor", cfg.Name, "job", d.c.job, "shots", call.Number)
	case effect.Cancelled:
		if d.c.isCancelled() {
			return effect.Answer{Number: 1}, nil
		}
	case effect.ConfigGet:
		if value, some := cfg.Settings[call.Text]; some {
			return effect.Answer{Number: 1, Data: []byte(value)}, nil
		}
	case effect.ConfigKeys:
		var a effect.Answer
		for _, key := range slices.Sorted(maps.Keys(cfg.Settings)) {
			a.Pairs = append(a.Pairs, [2]string{key, ""})
		}
		return a, nil
	case effect.WallClock:
		return effect.Answer{Number: uint64(time.Now().UnixNano())}, nil
	case effect.Clock:
		return effect.Answer{Number: uint64(time.Since(d.began))}, nil
	case effect.Sleep:
		timer := time.NewTimer(time.Duration(min(call.Number, uint64(cfg.Limits.IOTime))))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	case effect.Random:
		b := make([]byte, min(call.Number, 1<<20))
		_, _ = rand.Read(b) // never fails
		return effect.Answer{Data: b}, nil
	default:
		return d.reach(ctx, call)
	}
	return effect.Answer{}, nil
}

// reach has the hardware do a call, while the job may still move bytes.
func (d *desk) reach(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	e := d.c.e
	if e.cfg.Hardware == nil {
		return effect.Fail(effect.NotGranted, "nothing is granted to this executor"), nil
	}
	if d.hardware == nil {
		d.hardware = e.cfg.Hardware()
	}
	moved, limits := &d.c.moved, &e.cfg.Limits
	switch call.Func {
	case effect.StreamDrop, effect.WindowDrop: // moves nothing, and later jobs want what it holds
		answer, err := d.hardware.Do(ctx, call)
		if err == nil {
			d.open--
		}
		return answer, err
	case effect.StreamOpen, effect.WindowOpen:
		if d.open >= limits.Handles { // the child has held it against the limit, if it is what it was
			return effect.Fail(effect.Busy, "%d handles are open, and %s allows no more", d.open, limits.Shown("handles")), nil
		}
	}
	if *moved += size(call.Data, call.Pairs); *moved > limits.IOBytes {
		return overIO(limits), nil
	}
	answer, err := d.hardware.Do(ctx, call)
	if err != nil {
		return answer, err
	}
	switch {
	case answer.Failed:
	case call.Func == effect.StreamOpen, call.Func == effect.WindowOpen:
		d.open++
		d.c.handles = max(d.c.handles, d.open)
	}
	if *moved += size(answer.Data, answer.Pairs); *moved > limits.IOBytes {
		return overIO(limits), nil
	}
	return answer, nil
}

func overIO(l *Limits) effect.Answer {
	return effect.Fail(effect.Other, "the job has moved all the bytes that %s allows it", l.Shown("io_bytes"))
}

func size(data []byte, pairs [][2]string) uint64 {
	n := len(data)
	for _, p := range pairs {
		n += len(p[0]) + len(p[1])
	}
	return uint64(n)
}

func (d *desk) Close() error {
	if d.hardware == nil {
		return nil
	}
	return d.hardware.Close()
}
