package executor_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// TestAGuestKilledWhileItOpens: what it may have begun with the hardware is brought to
// an end, as after a job.
func TestAGuestKilledWhileItOpens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open  string
		cause fault.Cause
		rests int
		limit time.Duration // of opening; 0: the default
	}{
		"killed":       {fakeguest.Loop, fault.Limit, 2, 100 * time.Millisecond},
		"trapped":      {"unreachable", fault.Trapped, 2, 0},
		"in own words": {strings.NewReplacer("128", "16", "136", "24", "140", "28", "144", "32").Replace(unavailable), fault.Unavailable, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out safeBuffer
			_, err := executor.Open(t.Context(), executor.Config{
				Name: "fake", Log: slog.New(slog.NewTextHandler(&out, nil)),
				Limits: executor.Limits{OpenTime: c.limit},
				Wasm: fakeguest.Assemble(t, map[string]string{
					"imports": logImport,
					"open":    c.open,
					"exports": `(func (export "coda:executor/safety@0.1.0#make-safe") (result i32)
						(call $log (i32.const 1) (i32.const 100) (i32.const 4)) (i32.const 2000))`,
				}),
			})
			if c.cause == fault.Limit {
				cause(t, err, c.cause, "limits.open_time")
			} else {
				cause(t, err, c.cause, "")
			}
			if n := strings.Count(out.String(), "msg=fake"); n != c.rests {
				t.Errorf("the hardware was brought to rest %d times, want %d", n, c.rests)
			}
		})
	}
}

// TestRestOnce: who is not there to clear it is not left waiting.
func TestRestOnce(t *testing.T) {
	t.Parallel()
	bench := newBench(t)
	e := open(t, executor.Config{
		RestOnce: true, Hardware: bench.door,
		Wasm: fakeguest.Assemble(t, map[string]string{
			"imports": `(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))`,
			"bad":     "unreachable",
			"exports": `(data (i32.const 2200) "last")
				(func (export "coda:executor/safety@0.1.0#make-safe") (result i32)
				(call $open (i32.const 2200) (i32.const 4) (i32.const 2000))
				(if (i32.load8_u (i32.const 2000)) (then unreachable))
				(i32.const 2016))`,
		}),
	})
	good(t, e)
	_, err := e.Run(t.Context(), job(13))
	cause(t, err, fault.Trapped, "unreachable")
	for range 2 {
		_, err = e.Run(t.Context(), job(5))
		cause(t, err, fault.Unavailable, "the hardware may not be at rest: executor fake: trapped: the guest trapped during make-safe")
	}
	if err := e.Close(); err == nil {
		t.Error("it ends as if the hardware were at rest")
	}
}

// exclusive is an endpoint that one door holds at a time.
type exclusive struct {
	mu     sync.Mutex
	holder *exclusiveDoor
	reads  chan struct{} // told of each
	answer chan struct{} // closed once they are answered
}

type exclusiveDoor struct{ of *exclusive }

func (d *exclusiveDoor) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	switch call.Func {
	case effect.StreamOpen:
		d.of.mu.Lock()
		defer d.of.mu.Unlock()
		if d.of.holder != nil && d.of.holder != d {
			return effect.Fail(effect.Busy, "somebody else has it"), nil
		}
		d.of.holder = d
		return effect.Answer{Number: 1}, nil
	case effect.StreamRead:
		d.of.reads <- struct{}{}
		select {
		case <-d.of.answer:
		case <-ctx.Done():
		}
	}
	return effect.Answer{}, nil
}

func (d *exclusiveDoor) Close() error {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.of.holder == d {
		d.of.holder = nil
	}
	return nil
}

// TestANeighbourHoldsWhatMakeSafeNeeds: the instance beside the one that trapped keeps
// the endpoint open, whether it waits for a job or is at one. It is let go of once it
// waits, and make-safe then has what it needs.
func TestANeighbourHoldsWhatMakeSafeNeeds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"idle", "busy"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &exclusive{reads: make(chan struct{}, 1), answer: make(chan struct{})}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var attempts atomic.Int32
			failed := make(chan struct{}, 10)
			e := open(t, executor.Config{
				Concurrency: 2, Hardware: func() effect.Door { return &exclusiveDoor{x} },
				Limits: executor.Limits{IOTime: time.Hour, JobTime: time.Hour},
				// Of errors nothing else is logged than attempts that failed.
				Log: slog.New(slog.NewTextHandler(writer(func() {
					select {
					case failed <- struct{}{}:
					default:
					}
					if attempts.Add(1) == 5 { // one may meet the job, and others an instance in the making
						cancel()
					}
				}), &slog.HandlerOptions{Level: slog.LevelError})),
				Wasm: fakeguest.Assemble(t, map[string]string{
					"imports": `(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
						(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))`,
					// 7 shots trap, 9 wait for the instrument.
					"bad": `(if (i64.eq (local.get 10) (i64.const 7)) (then unreachable))
						(call $open (i32.const 100) (i32.const 4) (i32.const 2000))
						(if (i32.load8_u (i32.const 2000)) (then unreachable))
						(if (i64.eq (local.get 10) (i64.const 9)) (then
							(call $read (i32.load (i32.const 2004)) (i32.const 1) (i32.const 2016))))`,
					"exports": `(func (export "coda:executor/safety@0.1.0#make-safe") (result i32)
						(call $open (i32.const 100) (i32.const 4) (i32.const 2000))
						(if (i32.load8_u (i32.const 2000)) (then unreachable))
						(i32.const 2016))`,
				}),
			})
			asked := func(shots uint64) *abi.Job {
				j := job(13)
				j.Shots = shots
				return j
			}
			neighbour := make(chan error, 1)
			if name == "idle" {
				_, err := e.Run(ctx, asked(1))
				neighbour <- err
			} else {
				go func() {
					_, err := e.Run(ctx, asked(9))
					neighbour <- err
				}()
				<-x.reads
			}
			_, err := e.Run(ctx, asked(7))
			cause(t, err, fault.Trapped, "unreachable")
			if name == "busy" {
				<-failed // make-safe has met it
				close(x.answer)
			}
			if err := <-neighbour; name == "busy" {
				cause(t, err, fault.Unavailable, "the hardware was brought to rest while it ran")
			} else if err != nil {
				t.Error(err)
			}
			if _, err := e.Run(ctx, job(5)); err != nil {
				t.Errorf("the hardware does not come to rest: %v", err)
			}
		})
	}
}

// shared is an endpoint that each door has when it likes.
type shared struct {
	reads  chan struct{} // told of each
	answer chan struct{} // closed once they are answered
}

func (s *shared) Do(_ context.Context, call *effect.Call) (effect.Answer, error) {
	switch call.Func {
	case effect.StreamOpen:
		return effect.Answer{Number: 1}, nil
	case effect.StreamRead:
		s.reads <- struct{}{}
		<-s.answer
	}
	return effect.Answer{}, nil
}

func (s *shared) Close() error { return nil }

// TestAJobBesideMakeSafe: the outputs were turned off under it, so what it measured is no
// result, and no other job has its instance. Jobs before and after have theirs.
func TestAJobBesideMakeSafe(t *testing.T) {
	t.Parallel()
	const (
		reads = `(i32.store8 (i32.const 3000) (i32.const 1))
			(call $open (i32.const 100) (i32.const 4) (i32.const 2000))
			(call $read (i32.load (i32.const 2004)) (i32.const 1) (i32.const 2016))`
		begin = "(local.set $given (local.get $n))"
	)
	for _, name := range []string{"alone", "in a batch"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &shared{reads: make(chan struct{}, 1), answer: make(chan struct{})}
			var out safeBuffer
			e := open(t, executor.Config{
				Concurrency: 2, Log: slog.New(slog.NewTextHandler(&out, nil)), Hardware: func() effect.Door { return x },
				Limits: executor.Limits{IOTime: time.Hour, JobTime: time.Hour},
				Wasm: fakeguest.Assemble(t, map[string]string{
					"imports": logImport + `
						(import "coda:executor/byte-stream@0.1.0" "[static]connection.open" (func $open (param i32 i32 i32)))
						(import "coda:executor/byte-stream@0.1.0" "[method]connection.read" (func $read (param i32 i32 i32)))`,
					// 7 shots trap, 8 where the instance has read, 9 read.
					"bad": `(if (i64.eq (local.get 10) (i64.const 7)) (then unreachable))
						(if (i64.eq (local.get 10) (i64.const 8)) (then (if (i32.load8_u (i32.const 3000)) (then unreachable))))
						(if (i64.eq (local.get 10) (i64.const 9)) (then ` + reads + `))`,
					"exports": `(func (export "coda:executor/safety@0.1.0#make-safe") (result i32)
						(call $log (i32.const 1) (i32.const 100) (i32.const 4)) (i32.const 2032))` +
						strings.Replace(fakeguest.Batch, begin, begin+reads, 1),
				}),
			})
			run := func(shots uint64) error {
				j := job(13)
				j.Shots = shots
				_, err := e.Run(t.Context(), j)
				return err
			}
			beside := make(chan []error, 1)
			go func() {
				if name == "alone" {
					beside <- []error{run(9)}
					return
				}
				results, err := e.RunBatch(t.Context(), numbered(5, 13))
				if err != nil {
					beside <- []error{err}
					return
				}
				beside <- []error{results[0].Err, results[1].Err}
			}()
			<-x.reads
			good(t, e)
			cause(t, run(7), fault.Trapped, "unreachable")
			good(t, e) // so the hardware is at rest
			close(x.answer)
			errs := <-beside
			cause(t, errs[0], fault.Unavailable, "the hardware was brought to rest while it ran")
			if len(errs) > 1 {
				cause(t, errs[1], fault.Unsupported, "fake") // which it is without hardware too
			}
			for range 2 { // one for each slot
				if err := run(8); err != nil {
					t.Errorf("an instance from before is used again: %v", err)
				}
			}
			if n := strings.Count(out.String(), "msg=fake"); n != 2 {
				t.Errorf("the hardware was brought to rest %d times, want once at the start and once after the trap", n)
			}
		})
	}
}
