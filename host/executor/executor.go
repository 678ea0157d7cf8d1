// Package executor runs an executor, a WebAssembly file that nobody here
// trusts, in child processes of the node: one for each guest that may run at the
// same time. A deadline or a cancellation ends in SIGKILL, which nothing in a
// guest can delay, and a fresh child takes over.
package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// Config says what to run and within which limits.
type Config struct {
	Name        string            // in messages and logs
	Wasm        []byte            // the module
	Settings    map[string]string // what config.get answers
	Files       map[string][]byte // what the guest finds under /device, by name
	Limits      Limits            // zero fields take their defaults
	Concurrency int               // guests side by side; 0 is 1
	Keep        bool              // instances outlive their jobs however cheap they are to make
	CacheDir    string            // of compiled code, as PrivateDir makes it; empty: none
	Log         *slog.Logger      // nil discards

	// Hardware opens the door of one instance to what it is granted; nil: nothing is.
	Hardware func() effect.Door
	// Missing says what is to be granted to a guest that needs these interfaces of
	// byte-stream, http and registers; "" if nothing is. It may be nil with Hardware.
	Missing func(needs []string) string
	// Tape, if set, stands before the door of each instance, and every effect goes
	// through it: clocks, random bytes, settings and logs too. Instances follow each
	// other in an order that is the same each time; Concurrency must be 1. RestOnce is implied.
	Tape func(effect.Door) (effect.Door, error)
	// RestOnce has the hardware brought to rest once after a guest was killed, before Run
	// returns; where that fails, further jobs fail. It is for who cannot be asked to clear it.
	RestOnce bool
	// Grants is a digest of what is granted, for the provenance of results.
	Grants string
}

// Limits bound what an executor may take.
type Limits = config.Limits

// Executor is an executor whose children run. It is safe for concurrent use.
type Executor struct {
	cfg    Config
	code   []byte // as it is compiled
	load   wire.LoadBody
	loaded wire.LoadedBody
	store  *store     // of compiled code; nil: none can be kept
	key    string     // of ours in it
	free   chan *slot // every slot that no job holds and no restart
	idle   *time.Timer
	watch  *time.Timer // of the guests that wait
	used   usage
	rest   rest
	origin Provenance

	subcommand string // that a child is started with

	hurried context.Context // done once Hurry was called
	hurry   context.CancelFunc
	closing context.Context // done once Close was called
	shut    context.CancelFunc
	closed  sync.Once
}

// slot is the place of one child, which may be replaced.
type slot struct {
	child  *child
	unrest bool // a child that was there may have left the hardware in the middle of something
}

// Open holds the module against its limits and the contract, starts the children and opens a
// first instance in each. Errors are *fault.ExecutorError.
func Open(ctx context.Context, cfg Config) (*Executor, error) { return open(ctx, cfg, subcommand) }

func open(ctx context.Context, cfg Config, subcommand string) (*Executor, error) {
	cfg.Limits = cfg.Limits.OrDefaults()
	cfg.Concurrency = max(cfg.Concurrency, 1)
	cfg.RestOnce = cfg.RestOnce || cfg.Tape != nil // which would have to hold how long it takes
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e := &Executor{cfg: cfg, free: make(chan *slot, cfg.Concurrency), subcommand: subcommand}
	_, contract, err := module.Admit(cfg.Wasm, &cfg.Limits)
	if err != nil {
		return nil, e.fault(module.CauseOf(err), err.Error())
	}
	if lines := cfg.missing(contract.Needs); lines != "" {
		return nil, e.fault(fault.Refused, lines)
	}
	e.code = module.Clamp(cfg.Wasm, uint32(min(cfg.Limits.TableSize, math.MaxUint32)))
	e.load = loadBody(cfg, contract)
	e.origin = provenance(cfg, contract)
	e.closing, e.shut = context.WithCancel(context.Background())
	e.hurried, e.hurry = context.WithCancel(e.closing)
	e.rest.again, e.rest.turn = make(chan chan error), make(chan struct{}, 1)
	e.idle = time.AfterFunc(time.Hour, e.settleIdle)
	e.idle.Stop()
	e.watch = time.AfterFunc(time.Hour, e.watchIdle)
	e.watch.Stop()

	e.store, e.key = openStore(cfg.CacheDir), codeKey(e.code)

	// Whatever ran here last may have been killed in the middle of a job.
	if e.CanMakeSafe() {
		if err := e.MakeSafe(ctx); err != nil {
			e.store.close()
			return nil, err
		}
	}
	// The first child has the module compiled; the others find its code.
	first, err := e.start(ctx)
	if err != nil {
		e.abandon(first)
		return nil, err
	}
	e.loaded = first.loaded
	e.warnOf(e.loaded.Missing)
	e.free <- &slot{child: first}
	for range cfg.Concurrency - 1 {
		next, err := e.start(ctx)
		if err != nil {
			for range len(e.free) {
				(<-e.free).child.kill()
			}
			e.abandon(next)
			return nil, err
		}
		e.free <- &slot{child: next}
	}
	if cfg.Tape == nil { // what a tape holds is no question of time
		e.watch.Reset(watchEvery)
	}
	return e, nil
}

// warnOf says what a child told of the system that it is confined by.
func (e *Executor) warnOf(missing []string) {
	if len(missing) > 0 {
		e.cfg.Log.Warn("this system does not have all that confines executors", "executor", e.cfg.Name, "missing", printable(strings.Join(missing, ", ")))
	}
}

// Name is what messages call the executor.
func (e *Executor) Name() string { return e.cfg.Name }

// Concurrency is how many guests run side by side.
func (e *Executor) Concurrency() int { return e.cfg.Concurrency }

// Idle is how many of them could take a job now.
func (e *Executor) Idle() int { return len(e.free) }

// Device is what the executor reported when it was opened.
func (e *Executor) Device() abi.Device { return e.loaded.Device }

// Kept reports whether instances outlive their jobs, because they are slow to
// make.
func (e *Executor) Kept() bool { return e.loaded.Kept }

// Run runs a job and returns its checked result, whose Elapsed is set. It waits
// for a child to be free. When ctx ends, the guest sees the cancellation and is
// killed if it goes on for longer than the grace period. Errors are
// *fault.ExecutorError.
func (e *Executor) Run(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	if err := e.admit(job); err != nil {
		return nil, err
	}
	var execution *abi.Execution
	err := e.use(ctx, func(c *child) (err error) {
		execution, err = c.run(ctx, job)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := e.verify(execution, job); err != nil {
		return nil, err
	}
	return execution, nil
}

// admit refuses a job that the guest need not see.
func (e *Executor) admit(job *abi.Job) error {
	err := job.Check()
	if err == nil {
		err = e.loaded.Device.Accepts(job)
	}
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*abi.Failure](err); ok {
		return e.fault(fault.Cause(f.Kind), f.Message)
	}
	return e.fault(fault.Invalid, err.Error())
}

// verify holds a result against the job that it is of.
func (e *Executor) verify(execution *abi.Execution, job *abi.Job) error {
	if n := len(execution.Outcomes); uint64(n) > e.load.Outcomes { // the child has held it against the limit, if it is what it was
		return e.fault(fault.Limit, fmt.Sprintf("the result of run: it has %d outcomes; %s allows no more", n, e.load.OutcomesBy))
	}
	if err := execution.Check(job); err != nil {
		return e.fault(fault.Invalid, "the result of run: "+err.Error())
	}
	return nil
}

// use waits for a slot and has its child do something: a fresh one where the
// last has ended since its last job, or was disturbed.
func (e *Executor) use(ctx context.Context, do func(*child) error) error {
	if reason, _ := e.Unsafe(); e.cfg.RestOnce && reason != "" {
		return e.fault(fault.Unavailable, "the hardware may not be at rest: "+reason)
	}
	s, err := e.take(ctx)
	if err != nil {
		return err
	}
	err = errNotSent
	if s.child != nil && !s.child.gone() && !s.child.disturbed() {
		err = do(s.child)
	}
	if errors.Is(err, errNotSent) {
		if err = e.replace(ctx, s); err == nil {
			err = do(s.child)
		}
	}
	switch c := s.child; {
	case c == nil && !s.unrest: // the next job tries again
		e.free <- s
	case e.cfg.Tape != nil, e.cfg.RestOnce && (c == nil || c.unrest && e.CanMakeSafe()):
		e.ready(s) // what a tape holds is no question of time
	case c == nil:
		e.rest.owe()
		go e.ready(s)
	case c.usable && !(c.unrest && e.CanMakeSafe()) && !c.disturbed(): // it waits for its instance, if it is that quick
		e.free <- s
		e.idle.Reset(settleAfter)
	default:
		if c.unrest && e.CanMakeSafe() {
			e.rest.owe() // no job is taken from here on
		}
		go e.ready(s)
	}
	return err
}

// take waits for a slot, and for the hardware to be at rest: guests beside the one that
// was killed share it.
func (e *Executor) take(ctx context.Context) (*slot, error) {
	for {
		_, cleared := e.rest.isPaid(0)
		free := e.free
		if cleared != nil {
			free = nil
		}
		select {
		case s := <-free:
			if reason, _ := e.Unsafe(); reason == "" {
				return s, nil
			}
			e.free <- s
		case <-cleared: // nil: for ever, as free then is not
		case <-ctx.Done():
			return nil, e.cancelled(ctx, "before it started")
		case <-e.closing.Done():
			return nil, e.fault(fault.Unavailable, "it is being closed")
		}
	}
}

// settleAfter is how long a child is left alone with making its next instance, before
// somebody waits for it: nearly always a job, which costs nothing more.
const settleAfter = 20 * time.Millisecond

// settleIdle looks after the children that no job has come for.
func (e *Executor) settleIdle() {
	for range len(e.free) {
		select {
		case s := <-e.free:
			if s.child == nil || !s.child.pending {
				e.free <- s
			} else {
				go e.ready(s)
			}
		default:
			return
		}
	}
}

// ready gives a slot back once its child has an instance for the next job: a fresh
// child where this one has ended, was killed or disturbed, after its hardware was
// brought to rest. Where that fails, the next job tries again and reports why.
func (e *Executor) ready(s *slot) {
	if c := s.child; c != nil {
		if c.usable && c.pending && !(c.unrest && e.CanMakeSafe()) {
			err := c.settle()
			if err == nil && !c.disturbed() {
				e.free <- s
				return
			}
			if err != nil && e.closing.Err() == nil {
				e.cfg.Log.Warn("executor is started again", "executor", e.cfg.Name, "reason", err)
			}
			c.unrest = err != nil
		}
		e.end(s)
	}
	if s.unrest && !e.rested(s) {
		e.free <- s
		return
	}
	if e.closing.Err() == nil {
		if err := e.replace(e.closing, s); err != nil && e.closing.Err() == nil {
			e.cfg.Log.Error("executor does not start again", "executor", e.cfg.Name, "error", err)
			if s.unrest {
				e.rested(s)
			}
		}
	}
	e.free <- s
}

// end ends the slot's child and notes whether the hardware is to be brought to rest.
func (e *Executor) end(s *slot) {
	s.child.kill()
	s.unrest = s.unrest || s.child.unrest && e.CanMakeSafe()
	s.child = nil
}

// rested brings the hardware to rest and reports whether it is.
func (e *Executor) rested(s *slot) bool {
	owed := e.rest.owe()
	if e.cfg.RestOnce {
		s.unrest = e.restOnce(e.closing, owed) != nil
		return !s.unrest
	}
	e.untilSafe(owed)
	s.unrest = false
	return true
}

// replace starts a fresh child, and before it brings the hardware to rest where the
// last one ended while it opened an instance.
func (e *Executor) replace(ctx context.Context, s *slot) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.closing, cancel)()
	if c := s.child; c != nil {
		c.unrest = c.unrest || c.pending
		e.end(s)
	}
	if s.unrest {
		if err := e.restOnce(ctx, e.rest.owe()); err != nil {
			return err
		}
		s.unrest = false
	}
	fresh, err := e.start(ctx)
	if err != nil {
		s.unrest = fresh != nil && e.CanMakeSafe()
		return err
	}
	s.child = fresh
	return nil
}

// abandon ends an executor that does not open. A child says that it was killed while
// its guest ran.
func (e *Executor) abandon(c *child) {
	if c != nil && e.CanMakeSafe() {
		if err := e.MakeSafe(context.Background()); err != nil {
			e.cfg.Log.Error("the hardware may not be at rest", "executor", e.cfg.Name, "error", err)
		}
	}
	e.store.close()
}

// CancelTime is how long a guest may go on once its job was cancelled.
func (e *Executor) CancelTime() time.Duration { return e.cfg.Limits.CancelTime }

// Hurry kills the guests that run, for a node whose time to stop is over. The
// hardware still has its own to come to rest.
func (e *Executor) Hurry() { e.hurry() }

// Close ends the children and then brings the hardware to rest, where the executor
// can. Jobs that still run fail. The error says that the hardware may not be at rest.
func (e *Executor) Close() error {
	var err error
	e.closed.Do(func() {
		e.shut()
		e.idle.Stop()
		e.watch.Stop()
		for range e.cfg.Concurrency {
			if s := <-e.free; s.child != nil {
				s.child.kill()
			}
		}
		if e.CanMakeSafe() {
			err = e.MakeSafe(context.Background())
		}
		e.store.close()
	})
	return err
}

func (e *Executor) fault(cause fault.Cause, reason string) *fault.ExecutorError {
	return &fault.ExecutorError{Executor: e.cfg.Name, Cause: cause, Reason: reason}
}

// told is a failure as a child tells of it.
func (e *Executor) told(body wire.FailedBody) *fault.ExecutorError {
	return e.fault(body.Cause, printable(body.Message))
}

func (e *Executor) cancelled(ctx context.Context, when string) error {
	err := e.fault(fault.Cancelled, "the job was cancelled "+when)
	err.Err = context.Cause(ctx)
	return err
}

// missing says what a guest needs that nobody granted.
func (cfg *Config) missing(needs []string) string {
	switch {
	case len(needs) == 0:
		return ""
	case cfg.Missing != nil:
		return cfg.Missing(needs)
	case cfg.Hardware != nil:
		return ""
	}
	return fmt.Sprintf("it needs %s, and nothing of the kind is granted to it: grant it in a device file", strings.Join(needs, ", "))
}
