//go:build unix

package executor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

const (
	logImport       = `(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))`
	cancelledImport = `(import "coda:executor/context@0.1.0" "cancelled" (func $cancelled (result i32)))`
	progressImport  = `(import "coda:executor/context@0.1.0" "progress" (func $progress (param i64)))`
	getImport       = `(import "coda:executor/config@0.1.0" "get" (func $get (param i32 i32 i32)))`
	keysImport      = `(import "coda:executor/config@0.1.0" "keys" (func $keys (param i32)))`
	writeImport     = `(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`

	unavailable = `(i32.store8 (i32.const 128) (i32.const 1)) (i32.store8 (i32.const 136) (i32.const 1))
		(i32.store (i32.const 140) (i32.const 100)) (i32.store (i32.const 144) (i32.const 4))`
)

// open opens an executor for the length of the test.
func open(tb testing.TB, cfg executor.Config) *executor.Executor {
	tb.Helper()
	if cfg.Name == "" {
		cfg.Name = "fake"
	}
	e, err := executor.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = e.Close() })
	return e
}

// job has n qubits; one of 13 makes the skeleton do what its test wants.
func job(n uint16) *abi.Job {
	return &abi.Job{ID: "job-" + strconv.Itoa(int(n)), Shots: 100, Circuit: &abi.Circuit{
		NumQubits: n, Operations: []abi.Operation{{Gate: abi.RX, Param: 1}}, Measurements: []uint16{0, 1},
	}}
}

// good checks that the executor answers as it should.
func good(t *testing.T, e *executor.Executor) {
	t.Helper()
	got, err := e.Run(t.Context(), job(5))
	if err != nil {
		t.Fatalf("a good job fails: %v", err)
	}
	if want := []abi.Outcome{{Bits: 0, Count: 100}}; !reflect.DeepEqual(got.Outcomes, want) || got.Elapsed == nil {
		t.Fatalf("a good job gives %+v", got)
	}
}

// cause checks an error's kind and a part of its message.
func cause(t *testing.T, err error, want fault.Cause, part string) {
	t.Helper()
	e, ok := errors.AsType[*fault.ExecutorError](err)
	if !ok || e.Cause != want || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want %s with %q", err, want, part)
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	e := open(t, executor.Config{Wasm: fakeguest.Assemble(t, nil)})
	want := abi.Device{Name: "fake", Target: abi.CNOT, NumQubits: 50}
	if got := e.Device(); !reflect.DeepEqual(got, want) {
		t.Errorf("device %+v, want %+v", got, want)
	}
	if e.Kept() {
		t.Error("instances of a module this small outlive their jobs")
	}
	for range 3 {
		good(t, e)
	}
}

// TestOwnWords: a guest may fail with dignity. How it fails otherwise is in the zoo.
func TestOwnWords(t *testing.T) {
	t.Parallel()
	e := open(t, executor.Config{Wasm: fakeguest.Assemble(t, map[string]string{"bad": unavailable})})
	for range 2 {
		_, err := e.Run(t.Context(), job(13))
		cause(t, err, fault.Unavailable, "fake")
		good(t, e)
	}
	_, err := executor.Open(t.Context(), executor.Config{Name: "fake", Wasm: fakeguest.Assemble(t, map[string]string{
		"open": `(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 24) (i32.const 1))
			(i32.store (i32.const 28) (i32.const 100)) (i32.store (i32.const 32) (i32.const 4))`,
	})})
	cause(t, err, fault.Unavailable, "fake")
}

// TestOpenIsBound has a guest that hangs at every other open, by chance: the
// node's start and the instances made later are bound alike.
func TestOpenIsBound(t *testing.T) {
	t.Parallel()
	cfg := executor.Config{
		Name: "fake",
		Wasm: fakeguest.Assemble(t, map[string]string{
			"imports": `(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))`,
			"open": `(drop (call $random (i32.const 300) (i32.const 1)))
				(if (i32.and (i32.load8_u (i32.const 300)) (i32.const 1)) (then (call $forever)))`,
		}),
		Limits: executor.Limits{OpenTime: 2 * time.Second},
	}
	const tries = 40 // that all go one way once in 10^12 runs
	var e *executor.Executor
	var hung error
	for range tries {
		opened, err := executor.Open(t.Context(), cfg)
		switch {
		case err != nil:
			hung = err
		case e == nil:
			e = opened
			defer e.Close()
		default:
			_ = opened.Close()
		}
		if e != nil && hung != nil {
			break
		}
	}
	cause(t, hung, fault.Limit, "limits.open_time = 2s")
	if e == nil {
		t.Fatalf("it never opens: %v", hung)
	}
	hung = nil
	ran := false
	for range tries {
		if _, err := e.Run(t.Context(), job(5)); err != nil {
			hung, ran = err, false
		} else if ran = true; hung != nil {
			break
		}
	}
	cause(t, hung, fault.Limit, "limits.open_time = 2s")
	if !ran {
		t.Errorf("no job runs any more: %v", hung)
	}
}

// TestCancellation: a guest that looks for a cancellation may end its job itself.
func TestCancellation(t *testing.T) {
	t.Parallel()
	var cancelled atomic.Pointer[context.CancelFunc]
	e := open(t, executor.Config{
		// The guest's line says that it runs: that is when it is cancelled.
		Log: slog.New(slog.NewTextHandler(writer(func() {
			if cancel := cancelled.Load(); cancel != nil {
				(*cancel)()
			}
		}), nil)),
		Wasm: fakeguest.Assemble(t, map[string]string{"imports": cancelledImport + logImport, "bad": `
			(call $log (i32.const 1) (i32.const 100) (i32.const 4))
			(loop $wait (br_if $wait (i32.eqz (call $cancelled))))` + unavailable + `(i32.store8 (i32.const 136) (i32.const 2))`}),
		Limits: executor.Limits{CancelTime: time.Minute},
	})
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		cancelled.Store(&cancel)
		_, err := e.Run(ctx, job(13))
		cause(t, err, fault.Cancelled, "fake")
		good(t, e)
	}
}

// A guest that was asked to stop, and has time for it, is killed all the same once the
// node's own is over.
func TestHurry(t *testing.T) {
	t.Parallel()
	running := make(chan struct{})
	e := open(t, executor.Config{
		Log: slog.New(slog.NewTextHandler(writer(func() { close(running) }), nil)),
		Wasm: fakeguest.Assemble(t, map[string]string{"imports": logImport, "bad": `
			(call $log (i32.const 1) (i32.const 100) (i32.const 4))` + fakeguest.Loop}),
		Limits: executor.Limits{CancelTime: time.Hour},
	})
	if e.CancelTime() != time.Hour {
		t.Errorf("a guest has %s to stop", e.CancelTime())
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := e.Run(ctx, job(13))
		ended <- err
	}()
	<-running
	cancel()
	e.Hurry()
	cause(t, <-ended, fault.Lost, "its process was lost during the job")
}

func TestWhatGuestsSee(t *testing.T) {
	t.Parallel()
	var out safeBuffer
	e := open(t, executor.Config{
		Settings: map[string]string{"fake": "a value", "other": "x"},
		Log:      slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Wasm: fakeguest.Assemble(t, map[string]string{
			"imports": getImport + keysImport + logImport + progressImport + writeImport,
			"exports": `(data (i32.const 320) "line one\nline two\n") (data (i32.const 360) "\40\01\00\00\12\00\00\00")`,
			"bad": `
				(call $get (i32.const 100) (i32.const 4) (i32.const 300))
				(call $log (i32.const 2) (i32.load (i32.const 304)) (i32.load (i32.const 308)))
				(call $get (i32.const 100) (i32.const 3) (i32.const 300))
				(if (i32.load8_u (i32.const 300)) (then unreachable))
				(call $keys (i32.const 300))
				(if (i32.ne (i32.load (i32.const 304)) (i32.const 2)) (then unreachable))
				(call $log (i32.const 1) (i32.load (i32.load (i32.const 300))) (i32.load offset=4 (i32.load (i32.const 300))))
				(call $progress (i64.const 42))
				(drop (call $write (i32.const 1) (i32.const 360) (i32.const 1) (i32.const 380)))`,
		}),
	})
	if _, err := e.Run(t.Context(), job(13)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`level=WARN msg="a value" executor=fake job=job-13`,
		`level=INFO msg=fake executor=fake job=job-13`,
		`level=DEBUG msg=progress executor=fake job=job-13 shots=42`,
		`level=INFO msg="line one" executor=fake`,
		`level=INFO msg="line two" executor=fake`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, out.String())
		}
	}
}

// TestInstancesStartClean: what one job wrote, wherever in its memory, no later
// one finds, although small memories are used again.
func TestInstancesStartClean(t *testing.T) {
	t.Parallel()
	e := open(t, executor.Config{Wasm: fakeguest.Assemble(t, map[string]string{
		"open": `(if (i32.or (i32.load (i32.const 4096)) (i32.load (i32.const 131068))) (then unreachable))`,
		"bad": `(i32.store (i32.const 4096) (i32.const -1)) (i32.store (i32.const 131068) (i32.const -1))
			(drop (memory.grow (i32.const 1))) (i32.store (i32.const 196604) (i32.const -1))`,
		"exports": `(func (export "cabi_post_coda:executor/executor@0.1.0#run") (param i32)
			(if (i32.ne (memory.size) (i32.const 2)) (then (return)))
			(drop (memory.grow (i32.const 1))) (if (i32.load (i32.const 196604)) (then (loop $l (br $l)))))`,
	}), Limits: executor.Limits{JobTime: 10 * time.Second}})
	for range 10 {
		if _, err := e.Run(t.Context(), job(13)); err != nil {
			t.Fatal(err)
		}
		good(t, e)
	}
}

func TestRefusedBeforeTheGuestSeesThem(t *testing.T) {
	t.Parallel()
	e := open(t, executor.Config{Wasm: fakeguest.Assemble(t, map[string]string{"bad": "unreachable"})})
	wide, many := job(13), job(13)
	wide.Circuit.NumQubits = 51
	many.Circuit.Measurements = make([]uint16, 65)
	for _, j := range []*abi.Job{wide, many} {
		_, err := e.Run(t.Context(), j)
		cause(t, err, fault.Unsupported, "")
	}
}

func TestALostChildIsReplaced(t *testing.T) {
	t.Parallel()
	const name = "fake-lost"
	var pid atomic.Int32
	e := open(t, executor.Config{
		Name: name,
		Wasm: fakeguest.Assemble(t, map[string]string{
			"imports": logImport,
			"bad":     "(call $log (i32.const 1) (i32.const 100) (i32.const 4))" + fakeguest.Loop,
		}),
		// The guest's line says that it runs: that is when it is killed.
		Log: slog.New(slog.NewTextHandler(writer(func() {
			if pid := pid.Load(); pid > 0 { // 0 would be our own group
				_ = syscall.Kill(int(pid), syscall.SIGKILL)
			}
		}), nil)),
	})
	idle := child(t, name)
	_ = syscall.Kill(idle, syscall.SIGKILL)
	gone(t, idle, true)
	good(t, e)

	pid.Store(int32(child(t, name)))
	_, err := e.Run(t.Context(), job(13))
	cause(t, err, fault.Lost, "signal: killed")
	good(t, e)
}

// writer calls itself for every write.
type writer func()

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	e := open(t, executor.Config{
		Wasm: fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop}), Concurrency: 3,
		Limits: executor.Limits{JobTime: 2 * time.Second}, // much more than a good job takes where others have the processors
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			_, err := e.Run(t.Context(), job(13))
			cause(t, err, fault.Limit, "job_time")
		})
	}
	// The third slot goes on while the others hang.
	for range 20 {
		good(t, e)
	}
	wg.Wait()
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	const name = "fake-close"
	e := open(t, executor.Config{
		Name: name, Wasm: fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop}), Concurrency: 2,
	})
	if pids := children(t, name); len(pids) != 2 {
		t.Fatalf("children %v", pids)
	}
	good(t, e)
	running := make(chan error)
	go func() {
		_, err := e.Run(t.Context(), job(13))
		running <- err
	}()
	for e.Idle() == 2 {
		time.Sleep(time.Millisecond)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	cause(t, <-running, fault.Lost, "killed")
	if pids := children(t, name); len(pids) != 0 {
		t.Errorf("children %v are left", pids)
	}
	_, err := e.Run(t.Context(), job(5))
	cause(t, err, fault.Unavailable, "closed")
}

func TestCacheMustBePrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache")
	if err := executor.PrivateDir(dir); err != nil {
		t.Fatal(err)
	}
	if err := executor.PrivateDir(dir); err != nil {
		t.Errorf("a second time: %v", err)
	}
	e := open(t, executor.Config{Wasm: fakeguest.Assemble(t, nil), CacheDir: dir})
	good(t, e)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Errorf("nothing was cached: %v", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := executor.PrivateDir(dir); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a readable cache: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := executor.PrivateDir(link); err == nil {
		t.Error("a symlink is taken")
	}
}

// safeBuffer is a buffer for a log.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
