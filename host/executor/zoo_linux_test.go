package executor_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/zoo"
)

const zooDir = "testdata/zoo"

// TestZoo lets every guest of the zoo do what it tries, twice: what its first lines
// say must happen, the good job after it is right, and nothing of it is left.
func TestZoo(t *testing.T) {
	guests := zoo.Read(t, zooDir)
	if len(guests) < 60 {
		t.Fatalf("there are only %d guests", len(guests))
	}
	temporary := t.TempDir() // where executors without a cache keep their code
	t.Setenv("TMPDIR", temporary)
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	t.Run("guests", func(t *testing.T) {
		for _, g := range guests {
			t.Run(g.Name, func(t *testing.T) {
				t.Parallel()
				visit(t, g)
			})
		}
	})
	if left, err := filepath.Glob(filepath.Join(temporary, "coda-*")); err != nil || len(left) > 0 {
		t.Errorf("the folders %v are left, %v", left, err)
	}
	waitFor(t, "descriptors or goroutines are left", func() bool {
		return descriptors(t) <= before && runtime.NumGoroutine() <= goroutines
	})
}

func visit(t *testing.T, g *zoo.Guest) {
	var log safeBuffer
	cfg := executor.Config{
		Name: "zoo-" + g.Name, Wasm: g.Wasm(t), Limits: g.Limits,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	bench := newBench(t)
	if g.Grants {
		cfg.Hardware = bench.door
	}
	defer func() {
		if t.Failed() {
			t.Logf("the log:\n%.4000s", log.String())
		}
		if pids := children(t, cfg.Name); len(pids) > 0 {
			t.Errorf("the processes %v are left", pids)
		}
		bench.closed(t)
	}()
	ctx := t.Context()
	if g.Must.At == zoo.Inspect {
		// Nothing can be started for who has gone.
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		ctx = cancelled
	}
	e, err := executor.Open(ctx, cfg)
	if g.Must.At != zoo.Run {
		if err == nil {
			_ = e.Close()
			t.Fatalf("it opens, and must fail: %s with %q", g.Must.Cause, g.Must.Words)
		}
		cause(t, err, g.Must.Cause, g.Must.Words)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil && g.Rests == "" {
			t.Error(err)
		}
	}()
	answersWell(t, e, zoo.GoodQubits)
	for range 2 {
		misbehave(t, e, g)
		if g.Rests != "" {
			rests(t, e, g)
			return
		}
		answersWell(t, e, zoo.GoodQubits)
	}
	if reason, _ := e.Unsafe(); reason != "" {
		t.Errorf("the hardware is not at rest: %s", reason)
	}
	for _, words := range g.Logs {
		if !strings.Contains(log.String(), words) {
			t.Errorf("the log lacks %q", words)
		}
	}
	if strings.ContainsAny(log.String(), "\x1b\x07") {
		t.Errorf("the log has control characters: %q", log.String())
	}
	if n := strings.Count(log.String(), "\n"); n > 2000 {
		t.Errorf("the log has %d lines", n)
	}
}

// misbehave gives a guest the job for which it does what it tries.
func misbehave(t *testing.T, e *executor.Executor, g *zoo.Guest) {
	t.Helper()
	if g.Must.Right {
		answersWell(t, e, zoo.BadQubits)
		return
	}
	ctx := t.Context()
	if g.Cancel > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		time.AfterFunc(g.Cancel, cancel)
	}
	_, err := e.Run(ctx, zooJob(zoo.BadQubits))
	cause(t, err, g.Must.Cause, g.Must.Words)
}

// rests waits until the node knows that the hardware is not at rest, and then until
// it is, by a later attempt or by an operator's word.
func rests(t *testing.T, e *executor.Executor, g *zoo.Guest) {
	t.Helper()
	waitFor(t, "nobody says that the hardware is not at rest", func() bool {
		reason, _ := e.Unsafe()
		return strings.Contains(reason, g.Rests)
	})
	if e.Idle() != 0 {
		t.Error("a job could run while the hardware is not at rest")
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := e.Run(soon, zooJob(zoo.GoodQubits))
	cause(t, err, fault.Cancelled, "before it started")
	if g.Name == "safe-never" && !e.Clear() {
		t.Error("there is nothing to clear")
	}
	answersWell(t, e, zoo.GoodQubits)
	if reason, _ := e.Unsafe(); reason != "" {
		t.Errorf("it ran a job, though %s", reason)
	}
}

func zooJob(n uint16) *abi.Job {
	return &abi.Job{ID: "job", Shots: 100, Circuit: zoo.Circuit(n)}
}

// answersWell checks that a job of n qubits gives zeros.
func answersWell(t *testing.T, e *executor.Executor, n uint16) {
	t.Helper()
	got, err := e.Run(t.Context(), zooJob(n))
	if err != nil {
		t.Fatalf("a job that must give a right result fails: %v", err)
	}
	if want := []abi.Outcome{{Bits: 0, Count: 100}}; !reflect.DeepEqual(got.Outcomes, want) {
		t.Fatalf("a job gives %+v", got)
	}
}

func waitFor(t *testing.T, otherwise string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(otherwise)
		}
	}
}

// descriptors is how many this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
