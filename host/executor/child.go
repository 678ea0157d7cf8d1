package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// child is one child process and the connection to it. One goroutine uses it at
// a time.
type child struct {
	e      *Executor
	cmd    *exec.Cmd
	socket *os.File
	conn   *wire.Conn
	done   chan struct{} // closed when the process has been reaped

	loaded wire.LoadedBody
	ready  bool   // an instance stands by
	usable bool   // false once it must be replaced
	job    string // the id of the running job, for the log
}

// start starts a child and loads the executor into it.
func (e *Executor) start(ctx context.Context) (*child, error) {
	if ctx.Err() != nil {
		return nil, e.cancelled(ctx, "before its process was started")
	}
	cmd, socket, err := spawn(e.cfg.Name)
	if err != nil {
		return nil, &fault.ExecutorError{Executor: e.cfg.Name, Cause: fault.Lost, Reason: "its process cannot be started", Err: err}
	}
	c := &child{
		e: e, cmd: cmd, socket: socket, usable: true,
		conn: wire.NewConn(socket, wire.MaxFromChild),
		done: make(chan struct{}),
	}
	go func() {
		defer close(c.done)
		_ = cmd.Wait() // how it ended stands in cmd.ProcessState
	}()
	if err := c.load(ctx); err != nil {
		c.kill()
		return nil, err
	}
	return c, nil
}

// errNotSent says that a child ended before it had the job.
var errNotSent = errors.New("the job did not reach it")

// past is a deadline that has gone by.
var past = time.Unix(1, 0)

// load sends the executor and waits until its first instance is open.
func (c *child) load(ctx context.Context) error {
	_ = c.socket.SetDeadline(time.Now().Add(c.e.cfg.Limits.CompileTime))
	compiled := false
	stop := context.AfterFunc(ctx, func() { _ = c.socket.SetDeadline(past) })
	defer stop()
	body, err := json.Marshal(&c.e.load)
	if err != nil {
		return c.e.fault(fault.Internal, err.Error())
	}
	if err := errors.Join(c.conn.Write(wire.Load, body), c.conn.Write(wire.Code, c.e.cfg.Wasm)); err != nil {
		return c.lost(err, "while it was loaded")
	}
	for {
		kind, payload, err := c.conn.Read()
		switch {
		case ctx.Err() != nil:
			return c.e.cancelled(ctx, "while the executor was loaded")
		case errors.Is(err, os.ErrDeadlineExceeded) && !compiled:
			return c.e.fault(fault.Limit, "compiling it took longer than "+c.e.cfg.Limits.Shown("compile_time"))
		case errors.Is(err, os.ErrDeadlineExceeded):
			return c.e.fault(fault.Limit, fmt.Sprintf("opening it took longer than limits.open_time = %s", c.e.cfg.Limits.OpenTime))
		case err != nil:
			return c.lost(err, "while it was loaded")
		}
		switch kind {
		case wire.Compiled:
			compiled = true
			_ = c.socket.SetDeadline(time.Now().Add(c.e.cfg.Limits.OpenTime))
			if ctx.Err() != nil {
				_ = c.socket.SetDeadline(past) // the cancellation came in between
			}
		case wire.Loaded:
			if err := json.Unmarshal(payload, &c.loaded); err != nil {
				return c.lost(err, "while it was loaded")
			}
			if err := c.loaded.Device.Check(); err != nil {
				return c.e.fault(fault.Invalid, "the device that open reports: "+err.Error())
			}
			return nil
		case wire.Failed:
			return c.failed(payload)
		case wire.Log:
			c.log(payload)
		default:
			return c.lost(&wire.ProtocolError{What: fmt.Sprintf("frame of kind %d while loading", kind)}, "while it was loaded")
		}
	}
}

// run sends a job and waits for its result.
func (c *child) run(ctx context.Context, job *abi.Job) (execution *abi.Execution, err error) {
	c.job = job.ID
	err = c.exchange(ctx, request{
		jobs: 1,
		kind: wire.Job,
		fill: func(b []byte) []byte { return wire.AppendJob(b, job) },
		done: wire.Done,
		parse: func(payload []byte) (err error) {
			execution, err = wire.ParseDone(payload)
			return err
		},
	})
	return execution, err
}

// runBatch sends jobs and waits for their results, one for each and in their
// order. They have as much time together as they would have apart.
func (c *child) runBatch(ctx context.Context, jobs []*abi.Job) (outcomes []wire.Outcome, err error) {
	c.job = fmt.Sprintf("%s and %d more", jobs[0].ID, len(jobs)-1)
	err = c.exchange(ctx, request{
		jobs: len(jobs),
		kind: wire.Batch,
		fill: func(b []byte) []byte { return wire.AppendJobs(b, jobs) },
		done: wire.BatchDone,
		parse: func(payload []byte) (err error) {
			outcomes, err = wire.ParseResults(payload)
			if err == nil && len(outcomes) != len(jobs) {
				err = &wire.ProtocolError{What: fmt.Sprintf("%d results for %d jobs", len(outcomes), len(jobs))}
			}
			return err
		},
	})
	return outcomes, err
}

// request is something that a child is asked to do.
type request struct {
	jobs  int // whose time it has, once the guest is open
	kind  wire.Kind
	fill  func([]byte) []byte
	done  wire.Kind // of the answer, unless it is Failed
	parse func([]byte) error
}

// exchange sends a request and waits for its answer. A child that may hold a
// guest that still runs is not usable afterwards.
func (c *child) exchange(ctx context.Context, r request) error {
	c.usable = false
	clock := &clock{socket: c.socket, limits: c.e.cfg.Limits, jobs: r.jobs}
	clock.limits.JobTime *= time.Duration(r.jobs)
	clock.start(c.ready)
	if err := c.conn.WriteFunc(r.kind, r.fill); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return c.ended(ctx, clock, err)
		}
		lost := c.e.fault(fault.Lost, "its process has ended")
		lost.Err = errNotSent
		return lost
	}
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		if clock.cancel() {
			// Nothing else writes while a job runs. A failure shows at the read.
			_ = c.conn.Write(wire.Cancel, nil)
		}
	})
	shut := context.AfterFunc(c.e.closing, func() { _ = c.cmd.Process.Kill() })
	defer shut()
	// A cancellation that comes as the job ends is let out of the way first; the
	// child passes over it.
	defer func() {
		clock.finish()
		if !stop() {
			<-said
		}
	}()
	for {
		kind, payload, err := c.conn.Read()
		if err != nil {
			return c.ended(ctx, clock, err)
		}
		switch kind {
		case wire.Ready:
			if c.ready {
				return c.lost(&wire.ProtocolError{What: "an instance that is ready twice"}, "during the job")
			}
			c.ready = true
			clock.start(true)
		case wire.Log:
			c.log(payload)
		case wire.Progress:
			shots, err := wire.ParseProgress(payload)
			if err != nil {
				return c.lost(err, "during the job")
			}
			c.e.cfg.Log.Debug("progress", "executor", c.e.cfg.Name, "job", c.job, "shots", shots)
		case r.done:
			if err := r.parse(payload); err != nil {
				return c.lost(err, "during the job")
			}
			c.usable, c.ready = true, false
			return nil
		case wire.Failed:
			c.usable, c.ready = true, false
			return c.failed(payload)
		default:
			return c.lost(&wire.ProtocolError{What: fmt.Sprintf("frame of kind %d during a job", kind)}, "during the job")
		}
	}
}

// clock keeps the one deadline of a job, which the job's own goroutine and a
// cancellation both set.
type clock struct {
	socket *os.File
	limits Limits
	jobs   int

	mu                         sync.Mutex
	opened, cancelled, stopped bool
}

// start sets the deadline for a guest that is open, or that first has to be.
func (c *clock) start(open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened = open
	if c.cancelled {
		return
	}
	limit := c.limits.JobTime
	if !open {
		limit = c.limits.OpenTime
	}
	_ = c.socket.SetDeadline(time.Now().Add(limit))
}

// cancel shortens the deadline to the grace period. It reports whether the job
// still runs.
func (c *clock) cancel() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return false
	}
	c.cancelled = true
	_ = c.socket.SetDeadline(time.Now().Add(c.limits.CancelTime))
	return true
}

// finish ends the job: a cancellation from now on does nothing.
func (c *clock) finish() {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
}

// ended says why a job's exchange broke off.
func (c *child) ended(ctx context.Context, clock *clock, err error) error {
	limits := &clock.limits
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return c.lost(err, "during the job")
	case ctx.Err() != nil:
		return c.e.cancelled(ctx, fmt.Sprintf("and did not stop within %s, so it was killed", limits.CancelTime))
	case !clock.opened:
		return c.e.fault(fault.Limit, fmt.Sprintf("opening a fresh instance took longer than limits.open_time = %s; it was killed", limits.OpenTime))
	default:
		what, times := "the job", ""
		if clock.jobs > 1 {
			what, times = fmt.Sprintf("the batch of %d jobs", clock.jobs), fmt.Sprintf("%d times ", clock.jobs)
		}
		return c.e.fault(fault.Limit, fmt.Sprintf("%s ran longer than %slimits.job_time = %s; it was killed",
			what, times, c.e.cfg.Limits.JobTime))
	}
}

// failed is the error that a Failed frame holds.
func (c *child) failed(payload []byte) error {
	var body wire.FailedBody
	if err := json.Unmarshal(payload, &body); err != nil {
		return c.lost(err, "with a failure that cannot be read")
	}
	return c.e.fault(body.Cause, body.Message)
}

// crashed is how Go's runtime begins its last words, of which so many bytes are
// worth keeping.
var crashed = regexp.MustCompile(`^(panic|fatal error|runtime|unexpected fault|SIG[A-Z]+|goroutine )`)

const lastWords = 16 << 10

// lost says how the child ended, or which rule it broke. Its last words, a crash
// of the Go runtime, go to the log.
func (c *child) lost(err error, when string) error {
	var words strings.Builder
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		words.Write(c.conn.Unread())
	} else if _, ok := errors.AsType[*wire.ProtocolError](err); ok {
		words.Write(c.conn.Unread())
		_ = c.socket.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = io.Copy(&words, io.LimitReader(c.socket, 64<<10))
	}
	if s := words.String(); crashed.MatchString(s) {
		s = strings.ToValidUTF8(s[:min(len(s), lastWords)], "")
		c.e.cfg.Log.Error("the executor's process crashed", "executor", c.e.cfg.Name, "job", c.job, "output", s)
	}
	how := err.Error()
	select {
	case <-c.done:
		how = c.cmd.ProcessState.String()
	case <-time.After(100 * time.Millisecond):
	}
	return c.e.fault(fault.Lost, fmt.Sprintf("its process was lost %s: %s", when, how))
}

// log writes a guest's line to the node's log.
func (c *child) log(payload []byte) {
	if len(payload) == 0 {
		return
	}
	level := [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}[min(payload[0], 3)]
	c.e.cfg.Log.Log(context.Background(), level, string(payload[1:]), "executor", c.e.cfg.Name, "job", c.job)
}

// gone reports whether the process has ended.
func (c *child) gone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// kill ends the process and waits until it is reaped.
func (c *child) kill() {
	c.usable = false
	_ = c.cmd.Process.Kill() // an error: it has ended
	<-c.done
	_ = c.socket.Close()
}
