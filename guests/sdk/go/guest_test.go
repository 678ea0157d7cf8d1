package coda_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/guest"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/goguest"
)

// The test binary is the child that runs executors, as the coda binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == guest.Subcommand {
		os.Exit(guest.Main())
	}
	os.Exit(run(m))
}

// cacheDir holds the compiled code of testdata/exercise.
var cacheDir string

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "coda-sdk-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	cacheDir = dir
	return m.Run()
}

// exercise is testdata/exercise, built once and compiled once.
var exercise struct {
	once sync.Once
	wasm []byte
}

func build(t *testing.T) []byte {
	t.Helper()
	exercise.once.Do(func() {
		wasm := goguest.Build(t, "testdata/exercise")
		e, err := executor.Open(t.Context(), executor.Config{
			Name: "exercise", Wasm: wasm, CacheDir: cacheDir,
			Limits: executor.Limits{CompileTime: time.Hour}, // the race detector makes minutes of it
		})
		if err != nil {
			t.Fatal(err)
		}
		e.Close()
		exercise.wasm = wasm
	})
	if exercise.wasm == nil {
		t.Fatal("testdata/exercise does not build and open")
	}
	return exercise.wasm
}

func open(t *testing.T, settings map[string]string, limits executor.Limits, log *slog.Logger) *executor.Executor {
	t.Helper()
	e, err := executor.Open(t.Context(), executor.Config{
		Name: "exercise", Wasm: build(t), Settings: settings, Limits: limits, Keep: true, CacheDir: cacheDir, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func job(id string) *abi.Job {
	return &abi.Job{ID: id, Shots: 100, Circuit: &abi.Circuit{NumQubits: 2, Measurements: []uint16{0, 1}}}
}

// reason is what a failed job says, with its cause.
func reason(err error) string {
	failed, ok := errors.AsType[*fault.ExecutorError](err)
	if !ok {
		return fmt.Sprint(err)
	}
	return failed.Cause.String() + ": " + failed.Reason
}

func TestExportsAndImports(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		dir     string
		imports []string // beside those of Go's own runtime
	}{
		{"../../hello", nil},
		{"testdata/exercise", []string{"config get", "config keys", "context cancelled", "context log", "context progress"}},
	} {
		t.Run(test.dir, func(t *testing.T) {
			t.Parallel()
			wasm := goguest.Build(t, test.dir)
			if len(wasm) > 2_500_000 && test.imports == nil {
				t.Errorf("%d bytes: something large is linked into every executor", len(wasm))
			}
			m, err := module.Parse(wasm)
			if err != nil {
				t.Fatal(err)
			}
			c, err := module.Check(m)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, ex := range m.Exports {
				names = append(names, ex.Name)
			}
			slices.Sort(names)
			want := []string{
				"_initialize",
				"cabi_post_coda:executor/executor@0.1.0#open", "cabi_post_coda:executor/executor@0.1.0#run",
				"cabi_realloc",
				"coda:executor/executor@0.1.0#open", "coda:executor/executor@0.1.0#run",
				"memory",
			}
			if !slices.Equal(names, want) {
				t.Errorf("exports %q", names)
			}
			var imports []string
			for _, im := range c.Imports {
				if im.Interface != module.WASI {
					imports = append(imports, im.Interface+" "+im.Name)
				}
			}
			slices.Sort(imports)
			if !slices.Equal(imports, test.imports) {
				t.Errorf("imports %q", imports)
			}
			if m.Go == nil || !strings.HasPrefix(m.Go.Path, "github.com/conductorquantum/coda/guests/") {
				t.Errorf("built from %+v", m.Go)
			}
			if !slices.ContainsFunc(m.Producers, func(p module.Producer) bool { return p.Field == "language" && p.Name == "Go" }) {
				t.Errorf("producers %+v", m.Producers)
			}
		})
	}
}

func TestJobsCrossWhole(t *testing.T) {
	t.Parallel()
	e := open(t, nil, executor.Limits{}, nil)
	j := &abi.Job{ID: "describe:Zürich 量子", Shots: math.MaxUint64, Circuit: &abi.Circuit{
		Target: abi.CNOT, NumQubits: 50, Measurements: []uint16{49, 0, 49},
		Operations: []abi.Operation{
			{Gate: abi.VirtualZ, Q0: 49, Q1: 49, Param: -math.Pi},
			{Gate: abi.GateCNOT, Q0: 3, Q1: 258 % 50},
			{Gate: abi.ID, Param: math.MaxFloat64},
		},
		Metadata: abi.Metadata{SourceHash: "хэш"},
	}}
	_, err := e.Run(t.Context(), j)
	want := fmt.Sprintf("unsupported: %q target cnot of 50, %v, measured [49 0 49], hash %q, 18446744073709551615 shots", j.ID, j.Circuit.Operations, "хэш")
	if got := reason(err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	empty := &abi.Job{ID: "describe", Shots: 1, Circuit: &abi.Circuit{NumQubits: 1}}
	_, err = e.Run(t.Context(), empty)
	if got, want := reason(err), `unsupported: "describe" target cz of 1, [], measured [], hash "", 1 shots`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestResultsCrossWhole(t *testing.T) {
	t.Parallel()
	e := open(t, nil, executor.Limits{}, nil)
	many := &abi.Job{ID: "outcomes", Shots: 30000, Circuit: &abi.Circuit{NumQubits: 15, Measurements: make([]uint16, 15)}}
	got, err := e.Run(t.Context(), many)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range got.Outcomes {
		if o != (abi.Outcome{Bits: uint64(i), Count: 1}) {
			t.Fatalf("outcome %d is %+v", i, o)
		}
	}
	if len(got.Outcomes) != 30000 {
		t.Errorf("%d outcomes", len(got.Outcomes))
	}
	got, err = e.Run(t.Context(), job("zeros"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Elapsed == nil || *got.Elapsed != 0 {
		t.Errorf("a negative time crossed as %v, not as 0", got.Elapsed)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	e := open(t, map[string]string{"open": "edges"}, executor.Limits{}, nil)
	d := e.Device()
	if d.Name != "grid \ufffd" || d.Target != abi.CNOT || d.NumQubits != 9 || !d.Directed ||
		d.MaxShots == nil || *d.MaxShots != math.MaxUint64 || !slices.Equal(d.Edges, [][2]uint16{{0, 1}, {1, 0}, {7, 8}}) {
		t.Errorf("%+v", d)
	}
}

func TestOpenFailures(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"fail":  "unavailable: no answer from the AWG",
		"panic": "internal: panic: no device file",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			_, err := executor.Open(t.Context(), executor.Config{
				Name: "e", Wasm: build(t), Settings: map[string]string{"open": setting}, CacheDir: cacheDir,
			})
			if got := reason(err); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// Every failure leaves an executor that runs the next job.
func TestFailuresCross(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("v", 100000)
	e := open(t, map[string]string{"seed": "7", "empty": "", "long": long}, executor.Limits{}, nil)
	for _, test := range []struct{ id, want string }{
		{"error", "internal: broken \ufffd text"},
		{"wrapped", "unavailable: cool down: unavailable: warm"},
		{"panic", "internal: panic: runtime error: invalid memory address or nil pointer dereference"},
		{"deadlock", "trapped: the guest "},
		{"settings:seed", `unavailable: "7" true of ["empty" "long" "seed"]`},
		{"settings:empty", `unavailable: "" true of ["empty" "long" "seed"]`},
		{"settings:none", `unavailable: "" false of ["empty" "long" "seed"]`},
		{"settings:long", fmt.Sprintf("unavailable: %s... (the first 4096 of 100034 bytes)", fmt.Sprintf("%q", long)[:4096])},
	} {
		_, err := e.Run(t.Context(), job(test.id))
		if got := reason(err); got != test.want && (test.id != "deadlock" || !strings.HasPrefix(got, test.want)) {
			t.Errorf("%s: got %.200s, want %.200s", test.id, got, test.want)
		}
		if _, err := e.Run(t.Context(), job("zeros")); err != nil {
			t.Errorf("the job after %s: %v", test.id, err)
		}
	}
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	e := open(t, nil, executor.Limits{CancelTime: time.Minute}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err := e.Run(ctx, job("cancelled"))
	if failed, ok := errors.AsType[*fault.ExecutorError](err); !ok || failed.Cause != fault.Cancelled {
		t.Errorf("got %v", err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	e := open(t, nil, executor.Limits{}, slog.New(slog.NewTextHandler(&out, nil)))
	if _, err := e.Run(t.Context(), job("log")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=WARN", "the fridge kelvin=4", "level=INFO", "two\ufffdparts", "to standard output"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, out.String())
		}
	}
}

// What a job brought may be kept, and stays as it was whatever is allocated and
// collected later.
func TestJobsMayBeKept(t *testing.T) {
	t.Parallel()
	e := open(t, nil, executor.Limits{Memory: 512 << 20}, nil)
	keep := job("keep:" + strings.Repeat("x", 1000))
	keep.Circuit.Operations = slices.Repeat([]abi.Operation{{Gate: abi.RX, Q0: 1, Q1: 1, Param: 0.5}}, 5000)
	const kept = 20
	for range kept {
		if _, err := e.Run(t.Context(), keep); err != nil {
			t.Fatal(err)
		}
	}
	other := job("zeros")
	other.Circuit.Operations = slices.Repeat([]abi.Operation{{Gate: abi.RZ, Param: -1}}, 5000)
	for range 200 {
		if _, err := e.Run(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	_, err := e.Run(t.Context(), job("kept"))
	if got, want := reason(err), fmt.Sprintf("unsupported: %d kept", kept); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Goroutines may talk to the node while others do, and even between jobs, where
// the host allows no call: it is then made later.
func TestGoroutines(t *testing.T) {
	t.Parallel()
	e := open(t, map[string]string{"a": strings.Repeat("a", 100000), "b": "short"}, executor.Limits{}, nil)
	for range 5 {
		if _, err := e.Run(t.Context(), job("goroutines")); err != nil {
			t.Fatal(err)
		}
		large := job("zeros")
		large.Circuit.Operations = slices.Repeat([]abi.Operation{{Gate: abi.RX, Param: 1}}, 10000)
		for range 20 {
			if _, err := e.Run(t.Context(), large); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The memory of jobs is given back: 8,000 of them bring 1.3 GB into one instance
// of at most 64 MiB (or 800 of them 130 MB), and it is still the same one at the end.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	e := open(t, nil, executor.Limits{Memory: 64 << 20}, nil)
	large := job("zeros")
	large.Circuit.Operations = slices.Repeat([]abi.Operation{{Gate: abi.RX, Param: 1}}, 10000)
	jobs := 8000
	if testing.Short() {
		jobs = 800
	}
	for range jobs {
		if _, err := e.Run(t.Context(), large); err != nil {
			t.Fatal(err)
		}
	}
	_, err := e.Run(t.Context(), job("count"))
	if got, want := reason(err), fmt.Sprintf("unsupported: %d jobs", jobs+1); got != want {
		t.Errorf("got %s, want %s: the instance had to be replaced", got, want)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
