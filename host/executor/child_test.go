package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// TestWhatAChildMissesIsShown, as all that a child says, in bounds and so that it moves no
// cursor.
func TestWhatAChildMissesIsShown(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	e := &Executor{cfg: Config{Name: "fake", Log: slog.New(slog.NewJSONHandler(&out, nil))}}
	e.warnOf(nil)
	if out.Len() > 0 {
		t.Errorf("a system that has all is warned of: %s", &out)
	}
	e.warnOf([]string{"landlock", "\x1b[2J", strings.Repeat("\x00", 1<<20)})
	var line struct{ Missing string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(line.Missing, `landlock, \x1b[2J, \x00`) || len(line.Missing) > 4*maxSaid {
		t.Errorf("%d bytes are logged: %.100q", len(line.Missing), line.Missing)
	}
}

// TestAChildThatCompilesMustEnd: one that says that it has compiled and then stays
// holds nobody up for longer than compiling may take, or than anybody waits for it.
func TestAChildThatCompilesMustEnd(t *testing.T) {
	for name, want := range map[string]fault.Cause{"waited for": fault.Limit, "cancelled": fault.Cancelled, "ends": fault.Unsupported} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits := Limits{CompileTime: time.Minute}.OrDefaults()
				c := &child{e: &Executor{}, done: make(chan struct{})}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				switch name {
				case "cancelled":
					time.AfterFunc(time.Second, cancel)
				case "ends":
					time.AfterFunc(time.Second, func() { close(c.done) })
				}
				began := time.Now()
				err := c.ends(ctx, &limits)
				if name == "ends" {
					if err != nil {
						t.Error(err)
					}
				} else if e, ok := err.(*fault.ExecutorError); !ok || e.Cause != want { //nolint:errorlint // it is not wrapped
					t.Errorf("error %v, want %s", err, want)
				}
				if took := time.Since(began); took > time.Minute || (name != "waited for") != (took == time.Second) {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// says makes a child, without a process, that says what is in said, and writes a log.
func says(said io.Reader, cfg Config) (*child, *bytes.Buffer) {
	log := &bytes.Buffer{}
	cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Limits = cfg.Limits.OrDefaults()
	rw := struct {
		io.Reader
		io.Writer
	}{said, io.Discard}
	return &child{e: &Executor{cfg: cfg}, conn: wire.NewConn(rw, wire.MaxFromChild), done: make(chan struct{})}, log
}

// TestAChildCompilesOnce: that it has compiled starts the clock of what comes after,
// which would never run out if it could say so again.
func TestAChildCompilesOnce(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]wire.LoadBody{"open": {}, "make-safe": {MakeSafe: true}} {
		var said bytes.Buffer
		w := wire.NewConn(&said, wire.MaxFromNode)
		for range 3 {
			_ = w.Write(wire.Compiled, nil)
		}
		c, _ := says(&said, Config{})
		err := c.load(t.Context(), &body)
		if e, ok := err.(*fault.ExecutorError); !ok || e.Cause != fault.Lost || !strings.Contains(e.Reason, "code that is compiled twice") { //nolint:errorlint // it is not wrapped
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestNoLogPastItsLimits: lines and progress fill no log by another way than the one
// that is counted.
func TestNoLogPastItsLimits(t *testing.T) {
	t.Parallel()
	const most = 100_000 // bytes; 20,000 lines are 160 MB
	text := strings.Repeat("x", 8000)
	frames := map[string]struct {
		kind    wire.Kind
		payload []byte
	}{
		"log":              {wire.Log, append([]byte{1}, text...)},
		"progress":         {wire.Progress, wire.AppendProgress(nil, 1)},
		"log by call":      {wire.Call, wire.AppendCall(nil, &effect.Call{Func: effect.Log, Number: 1, Text: text})},
		"progress by call": {wire.Call, wire.AppendCall(nil, &effect.Call{Func: effect.Progress, Number: 1})},
		"sleep":            {wire.Call, wire.AppendCall(nil, &effect.Call{Func: effect.Sleep, Number: 1})},
	}
	for name, f := range frames {
		c, log := says(strings.NewReader(""), Config{
			Limits:   Limits{LogLines: 1, LogBytes: 100},
			Hardware: func() effect.Door { return nil },
		})
		c.door = c.e.door(c)
		var err error
		for i := 0; i < 20_000 && err == nil; i++ {
			err = c.serve(t.Context(), &clock{}, f.kind, f.payload, "during the job")
		}
		if e, ok := err.(*fault.ExecutorError); !ok || e.Cause != fault.Lost { //nolint:errorlint // it is not wrapped
			t.Errorf("%s: error %v", name, err)
		}
		if log.Len() > most {
			t.Errorf("%s: the log has %d bytes", name, log.Len())
		}
		if f.kind == wire.Call && log.Len() > 0 {
			t.Errorf("%s: the log has %s", name, log)
		}
	}
}

// TestNoResultOverItsLimit: the node counts as well, whatever the child makes of the
// limit.
func TestNoResultOverItsLimit(t *testing.T) {
	t.Parallel()
	e := &Executor{load: wire.LoadBody{Outcomes: 2, OutcomesBy: "limits.outcomes = 2"}}
	j := &abi.Job{ID: "j", Shots: 3, Circuit: &abi.Circuit{NumQubits: 2, Measurements: []uint16{0, 1}}}
	outcomes := []abi.Outcome{{Bits: 0, Count: 1}, {Bits: 1, Count: 1}, {Bits: 2, Count: 1}}
	if err := e.verify(&abi.Execution{Outcomes: outcomes[:2], ShotsCompleted: 2}, j); err != nil {
		t.Error(err)
	}
	err := e.verify(&abi.Execution{Outcomes: outcomes, ShotsCompleted: 3}, j)
	if f, ok := err.(*fault.ExecutorError); !ok || f.Cause != fault.Limit || !strings.Contains(f.Reason, "limits.outcomes = 2") { //nolint:errorlint // it is not wrapped
		t.Errorf("error %v", err)
	}
}
