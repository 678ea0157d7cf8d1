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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/lograte"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/text"
)

// child is one child process and the connection to it. One goroutine uses it at
// a time.
type child struct {
	e      *Executor
	cmd    *exec.Cmd
	socket *os.File
	conn   *wire.Conn
	done   chan struct{} // closed when the process has been reaped

	loaded  wire.LoadedBody
	door    effect.Door // of the instance that lives now; nil: it has none
	pending bool        // it makes its next instance
	usable  bool        // false once it must be replaced
	unrest  bool        // it may have left the hardware in the middle of something
	rests   uint64      // attempts at make-safe that were over when it was started
	contact contact     // of the guest with the hardware, since the last job ended
	job     string      // the id of the running job, for the log
	lines   lineCount
	log     lograte.Limit // of the lines that come through the door: behind a tape
	told    lineCount     // of progress
	waits   waiting

	cancelled atomic.Bool   // the job was
	moved     uint64        // bytes that the job moved through its grants
	handles   uint64        // open at once, at most
	cpu       time.Duration // that the job took of the processor, where it is known

	writing sync.Mutex // of frames, while a job runs: a cancellation comes at any time
}

// start starts a child and loads the executor into it. One that comes with an error
// has been killed, and may have left the hardware in the middle of something.
func (e *Executor) start(ctx context.Context) (*child, error) {
	return e.spawn(ctx, &e.load)
}

// spawn starts a child with the module's compiled code and has it do what body
// says. Code that the child cannot take, or that another node has removed since it
// was found, is compiled once more.
func (e *Executor) spawn(ctx context.Context, body *wire.LoadBody) (*child, error) {
	with := *body
	for again := true; ; again = false {
		var err error
		if with.CacheDir, err = e.compiledCode(ctx); err != nil {
			return nil, err
		}
		c, err := e.launch(ctx, &with)
		if !errors.Is(err, errStale) || !again {
			return c, err
		}
		if err := e.store.discard(e.key); err != nil {
			e.cfg.Log.Warn("compiled code cannot be removed", "executor", e.cfg.Name, "error", err)
		}
	}
}

// launch starts a child and has it do what body says; one for make-safe has then been
// killed. What it returns is start's.
func (e *Executor) launch(ctx context.Context, body *wire.LoadBody) (*child, error) {
	if ctx.Err() != nil {
		return nil, e.cancelled(ctx, "before its process was started")
	}
	cmd, socket, done, err := spawn(e.subcommand, e.cfg.Name)
	if err != nil {
		return nil, &fault.ExecutorError{Executor: e.cfg.Name, Cause: fault.Lost, Reason: "its process cannot be started", Err: err}
	}
	c := &child{
		e: e, cmd: cmd, socket: socket, usable: true, rests: e.rest.ended.Load(),
		conn: wire.NewConn(socket, wire.MaxFromChild),
		done: done,
		log:  lograte.New(e.cfg.Limits.LogLines, e.cfg.Limits.LogBytes),
	}
	if body.MakeSafe {
		e.rest.begun.Add(1)
		defer e.rest.ended.Add(1)
	}
	err = c.load(ctx, body)
	if err != nil || body.MakeSafe {
		c.kill()
	}
	if err != nil && !c.unrest {
		return nil, err
	}
	return c, err
}

// errStale says that a child could not read the compiled code that it was given, or
// could not write it.
var errStale = errors.New("the folder of compiled code cannot be used")

// errNotSent says that a child ended before it had the job.
var errNotSent = errors.New("the job did not reach it")

// load sends the executor and waits until its first instance is open, or until it
// has brought the hardware to rest.
func (c *child) load(ctx context.Context, body *wire.LoadBody) error {
	limits := &c.e.cfg.Limits
	clock := &clock{socket: c.socket}
	clock.start(limits.CompileTime)
	stop := context.AfterFunc(ctx, func() { clock.cancel(0) })
	defer stop()
	head, err := json.Marshal(body)
	if err != nil {
		return c.e.fault(fault.Internal, err.Error())
	}
	late := "compiling it took longer than " + limits.Shown("compile_time")
	// What goes wrong with these shows at the read: a child that has ended may have said why.
	_ = c.conn.Write(wire.Load, head)
	_ = c.conn.Write(wire.Code, c.e.code)
	for _, name := range body.Files {
		_ = c.conn.Write(wire.File, c.e.cfg.Files[name])
	}
	for compiled := false; ; {
		kind, payload, err := c.conn.Read()
		switch {
		case ctx.Err() != nil:
			return c.e.cancelled(ctx, "while the executor was loaded")
		case errors.Is(err, os.ErrDeadlineExceeded):
			return c.e.fault(fault.Limit, late)
		case err != nil:
			return c.unloaded(err, body)
		}
		switch kind {
		case wire.Compiled:
			if compiled { // or it would have its time anew with each frame
				return c.lost(&wire.ProtocolError{What: "code that is compiled twice"}, "while it was loaded")
			}
			compiled = true
			if body.Compile {
				return c.ends(ctx, limits)
			}
			if body.MakeSafe {
				late = "make-safe took longer than " + limits.Shown("safe_time")
				clock.start(limits.SafeTime)
				continue
			}
			late = "opening it took longer than " + limits.Shown("open_time")
			c.unrest = true
			clock.start(limits.OpenTime)
		case wire.Loaded:
			if err := json.Unmarshal(payload, &c.loaded); err != nil {
				return c.lost(err, "while it was loaded")
			}
			if err := c.loaded.Device.Check(); err != nil {
				return c.e.fault(fault.Invalid, "the device that open reports: "+err.Error())
			}
			c.e.used.opened(c.loaded.Instance)
			c.pending = true
			clock.finish() // the next one's from here on
			err := c.settle()
			c.unrest = err != nil
			return err
		case wire.Rested:
			return nil
		case wire.Failed:
			err := c.failed(payload)
			c.unrest = c.unrest && (trapped(err) || c.contact.broken)
			return err
		default:
			if err := c.serve(ctx, clock, kind, payload, "while it was loaded"); err != nil {
				return err
			}
		}
	}
}

// ends waits for the end of a child that has compiled: nothing of it is to write any
// more. One that stays has other things in mind.
func (c *child) ends(ctx context.Context, limits *Limits) error {
	timer := time.NewTimer(limits.CompileTime)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
		return c.e.fault(fault.Limit, "its process did not end within "+limits.Shown("compile_time")+" of compiling it; it was killed")
	case <-ctx.Done():
		return c.e.cancelled(ctx, "while the executor was loaded")
	}
}

// settle waits until an instance stands by for the next job.
func (c *child) settle() error {
	limits := &c.e.cfg.Limits
	clock := &clock{socket: c.socket}
	clock.start(limits.OpenTime)
	c.moved = 0
	stop := context.AfterFunc(c.e.closing, func() { clock.cancel(0) })
	defer stop()
	for {
		kind, payload, err := c.conn.Read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return c.e.fault(fault.Limit, lateFresh(limits))
		case err != nil:
			return c.lost(err, "after the job")
		}
		if kind == wire.Ready {
			return c.stands(payload)
		}
		if err := c.serve(c.e.closing, clock, kind, payload, "after the job"); err != nil {
			return err
		}
	}
}

// stands notes that an instance stands by.
func (c *child) stands(payload []byte) error {
	usage, err := wire.ParseUsage(payload)
	if err == nil && !c.pending {
		err = &wire.ProtocolError{What: "an instance that is ready twice"}
	}
	if err != nil {
		return c.lost(err, "after the job")
	}
	c.pending = false
	c.e.used.note(&usage)
	return nil
}

// serve does what a guest asks for while it runs. The error says that the child is
// lost.
func (c *child) serve(ctx context.Context, clock *clock, kind wire.Kind, payload []byte, when string) error {
	switch kind {
	case wire.Log:
		if !c.lines.take(&c.e.cfg.Limits, time.Now(), len(payload)) {
			return c.lost(&wire.ProtocolError{What: "more log lines than it may hand over"}, when)
		}
		c.logLine(payload)
	case wire.Progress:
		shots, err := wire.ParseProgress(payload)
		if err == nil && !c.told.take(&progressLimits, time.Now(), 0) {
			err = &wire.ProtocolError{What: "progress more often than it may tell of it"}
		}
		if err != nil {
			return c.lost(err, when)
		}
		c.e.cfg.Log.Debug("progress", "executor", c.e.cfg.Name, "job", c.job, "shots", shots)
	case wire.Fresh:
		c.shut()
		if c.e.load.Doors {
			c.door = c.e.door(c)
		}
	case wire.Call:
		return c.call(ctx, clock, payload, when)
	default:
		return c.lost(&wire.ProtocolError{What: fmt.Sprintf("frame of kind %d %s", kind, when)}, when)
	}
	return nil
}

// call performs one call of the guest's, within its own time and what is left to the
// guest.
func (c *child) call(ctx context.Context, clock *clock, payload []byte, when string) error {
	if c.door == nil {
		return c.lost(&wire.ProtocolError{What: "a call that nobody serves"}, when)
	}
	var call effect.Call
	if err := wire.ParseCall(payload, &call); err != nil {
		return c.lost(err, when)
	}
	doing, cancel := clock.within(ctx, c.e.cfg.Limits.IOTime)
	answer, err := c.door.Do(doing, &call)
	cancel()
	if err != nil {
		return c.e.fault(fault.Lost, fmt.Sprintf("its process was ended %s: %v", when, err))
	}
	c.contact.note(call.Func, &answer)
	c.writing.Lock()
	err = c.conn.WriteFunc(wire.Answer, func(b []byte) []byte { return wire.AppendAnswer(b, &answer) })
	c.writing.Unlock()
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // which shows at the next read
		return c.lost(err, when)
	}
	return nil
}

// shut closes what the instance had open.
func (c *child) shut() {
	if c.door != nil {
		_ = c.door.Close() // there is nobody to tell
		c.door = nil
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
		parse: func(payload []byte) (failed bool, err error) {
			execution, err = wire.ParseDone(payload)
			return false, err
		},
	})
	if err == nil && c.disturbed() {
		return nil, c.e.told(disturbance)
	}
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
		parse: func(payload []byte) (failed bool, err error) {
			outcomes, err = wire.ParseResults(payload)
			if err == nil && len(outcomes) != len(jobs) {
				err = &wire.ProtocolError{What: fmt.Sprintf("%d results for %d jobs", len(outcomes), len(jobs))}
			}
			failed = slices.ContainsFunc(outcomes, func(o wire.Outcome) bool { return o.Execution == nil })
			return failed, err
		},
	})
	if err == nil && c.disturbed() {
		for i, o := range outcomes {
			if o.Execution != nil {
				outcomes[i] = wire.Outcome{Failed: disturbance}
			}
		}
	}
	return outcomes, err
}

// request is something that a child is asked to do.
type request struct {
	jobs  int // whose time it has, once the guest is open
	kind  wire.Kind
	fill  func([]byte) []byte
	done  wire.Kind                             // of the answer, unless it is Failed
	parse func([]byte) (failed bool, err error) // whether any of the jobs failed
}

// exchange sends a request and waits for its answer. A child that may hold a
// guest that still runs is not usable afterwards.
func (c *child) exchange(ctx context.Context, r request) error {
	c.usable, c.unrest = false, true
	c.waits = waiting{}
	c.moved, c.handles, c.cpu = 0, 0, 0
	c.cancelled.Store(false)
	c.lines.job()
	began := time.Now()
	limits := &c.e.cfg.Limits
	clock := &clock{socket: c.socket, hurry: c.e.hurried}
	jobTime := limits.JobTime * time.Duration(r.jobs)
	if c.pending {
		clock.start(limits.OpenTime)
	} else {
		clock.start(jobTime)
	}
	if err := c.conn.WriteFunc(r.kind, r.fill); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return c.ended(ctx, r.jobs, err)
		}
		c.unrest = false
		lost := c.e.fault(fault.Lost, "its process has ended")
		lost.Err = errNotSent
		return lost
	}
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		c.cancelled.Store(true)
		if clock.cancel(limits.CancelTime) {
			// A failure shows at the read.
			c.writing.Lock()
			defer c.writing.Unlock()
			_ = c.conn.Write(wire.Cancel, nil)
		}
	})
	shut := context.AfterFunc(c.e.hurried, func() { _ = c.cmd.Process.Kill() })
	defer shut()
	over := c.watchCPU(limits.CPUTime * time.Duration(r.jobs))
	// A cancellation that comes as the job ends is let out of the way first; the
	// child passes over it.
	defer func() {
		clock.finish()
		if !stop() {
			<-said
		}
		c.tellLog()
		c.e.used.job(time.Since(began), c.cpu, c.moved, c.handles)
	}()
	for {
		kind, payload, err := c.conn.Read()
		if err != nil {
			if over() {
				return c.e.fault(fault.Limit, "the job took more of the processor than "+limits.Shown("cpu_time")+"; it was killed")
			}
			return c.ended(ctx, r.jobs, err)
		}
		switch kind {
		case wire.Ready:
			if err := c.stands(payload); err != nil {
				over()
				return err
			}
			clock.start(jobTime)
		case r.done:
			over()
			failed, err := r.parse(payload)
			if err != nil {
				return c.lost(err, "during the job")
			}
			c.usable, c.unrest, c.pending = true, failed && c.contact.broken, true
			c.contact = contact{} // what follows is the next job's
			return nil
		case wire.Failed:
			over()
			err := c.failed(payload)
			c.usable, c.unrest, c.pending = true, trapped(err) || c.contact.broken, true
			c.contact = contact{}
			return err
		default:
			if err := c.serve(ctx, clock, kind, payload, "during the job"); err != nil {
				over()
				return err
			}
		}
	}
}

// trapped reports whether a guest did not come to its own end.
func trapped(err error) bool {
	e, ok := errors.AsType[*fault.ExecutorError](err)
	return ok && e.Cause > fault.Internal
}

// ended says why a job's exchange broke off.
func (c *child) ended(ctx context.Context, jobs int, err error) error {
	limits := &c.e.cfg.Limits
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return c.lost(err, "during the job")
	case ctx.Err() != nil:
		return c.e.cancelled(ctx, fmt.Sprintf("and did not stop within %s, so it was killed", limits.CancelTime))
	case c.pending:
		return c.e.fault(fault.Limit, lateFresh(limits))
	default:
		what, times := "the job", ""
		if jobs > 1 {
			what, times = fmt.Sprintf("the batch of %d jobs", jobs), fmt.Sprintf("%d times ", jobs)
		}
		return c.e.fault(fault.Limit, fmt.Sprintf("%s ran longer than %s%s; it was killed", what, times, limits.Shown("job_time")))
	}
}

func lateFresh(l *Limits) string {
	return "opening a fresh instance took longer than " + l.Shown("open_time") + "; it was killed"
}

// failed is the error that a Failed frame holds.
func (c *child) failed(payload []byte) error {
	var body wire.FailedBody
	if err := json.Unmarshal(payload, &body); err != nil {
		return c.lost(err, "with a failure that cannot be read")
	}
	failed := c.e.told(body)
	if body.Stale {
		failed.Err = errStale
	}
	return failed
}

// printable is what a child says, in no more room than a child takes that keeps to
// its rules.
func printable(said string) string { return text.Printable(said[:min(len(said), maxSaid)]) }

const maxSaid = 8 << 10

// crashed is how Go's runtime begins its last words, of which so many bytes are
// worth keeping.
var crashed = regexp.MustCompile(`^(panic|fatal error|runtime|unexpected fault|SIG[A-Z]+|goroutine )`)

const lastWords = 16 << 10

// lost says how the child ended, or which rule it broke. Its last words, a crash
// of the Go runtime, go to the log.
func (c *child) lost(err error, when string) error {
	_, lost := c.gave(err, when)
	return lost
}

// unloaded is lost for a child that was loaded: compiling may have been too much
// for it.
func (c *child) unloaded(err error, body *wire.LoadBody) error {
	words, lost := c.gave(err, "while it was loaded")
	if c.tooLarge(body, words) {
		return c.e.fault(fault.Limit, "compiling it takes more memory than "+c.e.cfg.Limits.Shown("compile_memory"))
	}
	return lost
}

// gave is the child's last words, and the error about its end.
func (c *child) gave(err error, when string) (string, error) {
	var words strings.Builder
	words.Write(c.conn.Unread())
	patience := 100 * time.Millisecond
	if crashed.MatchString(words.String()) {
		patience = 5 * time.Second // it ends by itself, once it has said why
	}
	if _, ok := errors.AsType[*wire.ProtocolError](err); ok {
		_ = c.socket.SetReadDeadline(time.Now().Add(patience))
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
	case <-time.After(patience):
	}
	return words.String(), c.e.fault(fault.Lost, fmt.Sprintf("its process was lost %s: %s", when, how))
}

// logLine writes a guest's line to the node's log.
func (c *child) logLine(payload []byte) {
	if len(payload) == 0 {
		return
	}
	c.e.cfg.Log.Log(context.Background(), level(payload[0]), printable(string(payload[1:])), "executor", c.e.cfg.Name, "job", c.job)
}

// level is the one that the WIT's enum means.
func level(n byte) slog.Level {
	return [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}[min(n, 3)]
}

// isCancelled reports whether the job that runs was cancelled.
func (c *child) isCancelled() bool { return c.cancelled.Load() }

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
	c.tellLog()
	_ = c.cmd.Process.Kill() // an error: it has ended
	<-c.done
	_ = c.socket.Close()
	c.shut()
}
