// Package guest is the child process in which an executor runs, and the only
// place that imports wazero. The node starts one child per running guest, from
// its own binary, and kills it to stop the guest; nothing here needs to be
// interrupted.
//
// The child does one thing at a time, on one goroutine: read a job, run it,
// answer, make the next instance ready. That is also what keeps the garbage
// collector out of the way: a collection has to wait for a running guest and
// stalls everything meanwhile, so it is off, and called for between jobs.
package guest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor/lograte"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// Subcommand is the hidden command-line argument under which a binary calls
// Main.
const Subcommand = "__executor"

// connFD is the descriptor of the socket to the node.
const connFD = 3

const (
	heapLimit     = 512 << 20 // of Go's own heap; guests' memories are outside it
	collectEveryN = 512       // jobs; an instance leaves some 30 KiB of garbage
)

// Main serves one executor over descriptor 3 until the node closes it, and
// returns the exit status. Before it reads a byte of the executor it confines the
// process to what that takes.
func Main() int { return main(caged{}) }

func main(confine confinement) int {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heapLimit)
	closeInherited()
	socket := os.NewFile(connFD, "node")
	if socket == nil {
		return 2
	}
	go exitOnHangup(connFD)
	c := &child{
		conn:    wire.NewConn(socket, wire.MaxFromNode),
		pending: func() bool { return readable(connFD) },
		confine: confine,
	}
	if err := c.serve(context.Background()); err != nil && !errors.Is(err, errCompiled) {
		return 1
	}
	return 0
}

// child is one executor, loaded, and the connection to its node.
type child struct {
	conn    *wire.Conn
	pending func() bool // whether the node has said something
	confine confinement // nil: none

	engine *engine
	spare  *instance // ready to run, or nil
	broken error     // why there is no spare

	active *instance // the one that runs, or is being made
	log    lograte.Limit
	usage  wire.Usage

	progress time.Time // when the node last heard of any

	job       abi.Job // the last one that came, a view of its frame
	running   bool
	cancelled bool
	jobs      int

	// mayNotLeave is set while a guest's realloc or post-return runs: by the
	// canonical ABI they may call no import.
	mayNotLeave bool
}

// serve loads the executor and runs jobs until the node hangs up.
func (c *child) serve(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	if c.engine.body.MakeSafe {
		_, _, err := c.next() // nothing but the node's end comes
		return err
	}
	for {
		c.prepare(ctx)
		if err := c.conn.WriteFunc(wire.Ready, func(b []byte) []byte { return wire.AppendUsage(b, c.usage) }); err != nil {
			return err
		}
		kind, payload, err := c.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		switch kind {
		case wire.Job:
			err = c.run(ctx, payload)
		case wire.Batch:
			err = c.runBatch(ctx, payload)
		default:
			err = &wire.ProtocolError{What: "a job was expected"}
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next frame that is not a cancellation of a job that has
// already ended.
func (c *child) next() (wire.Kind, []byte, error) {
	for {
		kind, payload, err := c.conn.Read()
		if err != nil || kind != wire.Cancel {
			return kind, payload, err
		}
	}
}

// load compiles the module, opens a first instance and reports what it is.
func (c *child) load(ctx context.Context) error {
	kind, payload, err := c.conn.Read()
	if err != nil {
		return err
	}
	var body wire.LoadBody
	if kind != wire.Load {
		return &wire.ProtocolError{What: "a load was expected"}
	}
	if err := json.Unmarshal(payload, &body); err != nil {
		return err
	}
	missing, err := c.enter(&body)
	if err != nil {
		return errors.Join(c.fail(err), err)
	}
	kind, code, err := c.conn.Read()
	if err != nil {
		return err
	}
	if kind != wire.Code {
		return &wire.ProtocolError{What: "the code was expected"}
	}
	code = bytes.Clone(code) // a view, and files follow
	if body.Compile {
		if err := compile(ctx, &body, code); err != nil {
			return errors.Join(c.fail(err), err)
		}
		return cmp.Or(c.conn.Write(wire.Compiled, nil), errCompiled)
	}
	files := make(map[string][]byte, len(body.Files))
	for _, name := range body.Files {
		kind, content, err := c.conn.Read()
		if err != nil {
			return err
		}
		if kind != wire.File {
			return &wire.ProtocolError{What: "a file was expected"}
		}
		files[name] = bytes.Clone(content)
	}
	loaded, err := c.start(ctx, body, code, files)
	if err != nil {
		return errors.Join(c.fail(err), err)
	}
	if body.MakeSafe {
		return c.conn.Write(wire.Rested, nil)
	}
	loaded.Missing = missing
	runtime.GC() // what compiling left
	return c.conn.WriteFunc(wire.Loaded, func(b []byte) []byte {
		body, _ := json.Marshal(loaded) // of plain fields: cannot fail
		return append(b, body...)
	})
}

// run runs one job and answers it.
func (c *child) run(ctx context.Context, payload []byte) error {
	if c.job.Circuit == nil {
		c.job.Circuit = new(abi.Circuit)
	}
	if err := wire.ParseJob(payload, &c.job); err != nil {
		return err
	}
	return c.answer(ctx, wire.Done, func(in *instance) (func([]byte) []byte, error) {
		execution, call, err := in.run(ctx, &c.job)
		return func(b []byte) []byte { return wire.AppendDone(b, execution, call) }, err
	})
}

// runBatch runs many jobs as one and answers them.
func (c *child) runBatch(ctx context.Context, payload []byte) error {
	jobs, err := wire.ParseJobs(payload)
	if err != nil {
		return err
	}
	return c.answer(ctx, wire.BatchDone, func(in *instance) (func([]byte) []byte, error) {
		results, call, err := in.runBatch(ctx, jobs)
		return func(b []byte) []byte { return wire.AppendResults(b, results, call) }, err
	})
}

// answer has the instance at hand do what came, and answers with what it gives.
func (c *child) answer(ctx context.Context, kind wire.Kind, do func(*instance) (func([]byte) []byte, error)) error {
	c.prepare(ctx) // what kept the last instance from being opened may be over
	in := c.spare
	if in == nil {
		return c.fail(c.broken)
	}
	c.running, c.cancelled, c.active = true, false, in
	fill, err := do(in)
	c.running = false
	c.tellLog()
	c.usage = wire.Usage{Memory: in.size(), Lines: c.log.Dropped()}
	if err == nil {
		err = c.conn.WriteFunc(kind, fill)
	} else {
		err = c.fail(err)
	}
	if err != nil {
		return err
	}
	if in.spent() {
		in.close(ctx)
		c.spare = nil
	}
	if c.jobs++; c.jobs%collectEveryN == 0 {
		runtime.GC()
	}
	return nil
}

// fail answers with what an error means.
func (c *child) fail(err error) error {
	body := wire.FailedBody{Cause: fault.Internal, Message: err.Error()}
	if f, ok := errors.AsType[*failure](err); ok {
		body = wire.FailedBody{Cause: f.cause, Message: f.message, Stale: f.stale}
	}
	b, _ := json.Marshal(body) // of plain fields: cannot fail
	return c.conn.Write(wire.Failed, b)
}

// checkCancelled says whether the node has cancelled the running job.
func (c *child) checkCancelled() bool {
	for c.running && !c.cancelled && (c.conn.Buffered() || c.pending()) {
		kind, _, err := c.conn.Read()
		if err != nil {
			os.Exit(1) // the node is gone, and with it whoever wants the result
		}
		c.cancelled = kind == wire.Cancel
	}
	return c.running && c.cancelled
}
