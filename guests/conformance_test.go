package guests_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/conformance"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/guest"
	"github.com/conductorquantum/coda/host/testkit/cguest"
	"github.com/conductorquantum/coda/host/testkit/goguest"
)

// The test binary is the child that runs executors, as the coda binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == guest.Subcommand {
		os.Exit(guest.Main())
	}
	os.Exit(run(m))
}

// cacheDir holds compiled code, so that each executor is compiled once.
var cacheDir string

func run(m *testing.M) int {
	var err error
	if cacheDir, err = os.MkdirTemp("", "coda-guests-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(cacheDir)
	return m.Run()
}

// Executors in C, Go and WebAssembly text pass what coda test runs.
func TestConformance(t *testing.T) {
	t.Parallel()
	type subject struct {
		name     string
		wasm     func(*testing.T) []byte
		settings map[string]string
		physics  conformance.Physics
	}
	statevector := func(t *testing.T) []byte { return builtin(t, "statevector").Wasm }
	subjects := []subject{
		{"noop in C", func(t *testing.T) []byte { return builtin(t, "noop").Wasm }, nil, conformance.Off},
		{"hello in Go", func(t *testing.T) []byte { return goguest.Build(t, "hello") }, nil, conformance.Off},
		{"zeros in text", func(t *testing.T) []byte { return assemble(t, readText(t, "wat/zeros.wat")) }, nil, conformance.Off},
		{"a new project in Go", func(t *testing.T) []byte { return goguest.Build(t, "new/go") }, map[string]string{"seed": "1"}, conformance.Exact},
		{"a new project in C", func(t *testing.T) []byte { return cguest.Build(t, "sdk/c", "new/c/backend.c") }, map[string]string{"seed": "1"}, conformance.Exact},
	}
	for _, target := range []string{"cz", "iswap", "pcz", "cnot"} {
		subjects = append(subjects, subject{"statevector in C, " + target, statevector, map[string]string{"target": target}, conformance.Exact})
	}
	for _, g := range subjects {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, g.wasm(t), g.settings, g.physics)
		})
	}
}

// conforms holds an executor to what coda test holds it to, by itself.
func conforms(t *testing.T, wasm []byte, settings map[string]string, physics conformance.Physics) {
	t.Helper()
	checkReport(t, conform(t, wasm, settings), physics)
}

func checkReport(t *testing.T, report *conformance.Report, physics conformance.Physics) {
	t.Helper()
	if report.Physics != physics {
		t.Errorf("the physics is taken for %s, not for %s: %s", report.Physics, physics, report.Why)
	}
	for _, c := range report.Checks {
		if c.Status == conformance.Failed {
			t.Errorf("%s: %s\nasked: %s\ngot:   %s\nrule:  %s", c.Group, c.Name, c.Asked, c.Got, c.Rule)
		}
	}
	if n := report.Count(conformance.Passed); n < 25 {
		t.Errorf("only %d checks passed", n)
	}
}

// Files that are wrong in one way fail for that alone, through the same sandbox.
func TestWrongFilesDoNotConform(t *testing.T) {
	t.Parallel()
	const body = `    (i64.store (i32.const 144) (local.get $shots)) ;; shots-completed`
	for _, test := range []struct{ name, instead, want string }{
		{"traps without measurements", "(if (i32.eqz (local.get $num_measurements)) (then (unreachable)))",
			"edges: no measurements, edges: no gates and no measurements"},
		{"traps at the 10,000th operation", "(if (i32.ge_u (local.get $num_operations) (i32.const 9000)) (then (unreachable)))",
			"edges: long circuit, cancellation: a long job"},
		{"takes shots for signed", "(if (i64.lt_s (local.get $shots) (i64.const 0)) (then (unreachable)))", "edges: the most shots"},
		{"fails at every job", "(unreachable)", "abi: first job"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source := readText(t, "wat/zeros.wat")
			if strings.Count(source, body) != 1 {
				t.Fatal("zeros.wat has changed: this test edits nothing")
			}
			wasm := assemble(t, strings.Replace(source, body, test.instead+"\n"+body, 1))
			report := conform(t, wasm, nil)
			if got := strings.Join(failures(report), ", "); got != test.want {
				t.Errorf("failed: %s\nwant    %s", got, test.want)
			}
			for _, c := range report.Checks {
				if c.Status == conformance.Failed && !strings.Contains(c.Got, "trapped") {
					t.Errorf("%s: %s does not say that it trapped: %s", c.Group, c.Name, c.Got)
				}
			}
			if !slices.ContainsFunc(report.Checks, func(c conformance.Check) bool { return c.Status == conformance.Skipped }) {
				t.Error("nothing was skipped")
			}
		})
	}
}

// What brings the hardware to rest is tried where the file has it. One that cannot
// is not even opened.
func TestMakeSafeConforms(t *testing.T) {
	t.Parallel()
	const last = `  (func (export "cm32p2|coda:executor/executor@0.1|run_post")`
	for body, want := range map[string]string{"(i32.const 0)": "", "(unreachable)": "abi: open"} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			source := readText(t, "wat/zeros.wat")
			safe := `  (func (export "cm32p2|coda:executor/safety@0.1|make-safe") (result i32) ` + body + ")\n"
			report := conform(t, assemble(t, strings.Replace(source, last, safe+last, 1)), nil)
			if got := strings.Join(failures(report), ", "); got != want {
				t.Errorf("failed: %q, want %q", got, want)
			}
			for _, c := range report.Checks {
				switch {
				case want == "" && c.Group == "safety" && c.Status != conformance.Passed:
					t.Errorf("%+v", c)
				case c.Status == conformance.Failed && !strings.Contains(c.Got, "make-safe"):
					t.Errorf("does not say what failed: %s", c.Got)
				}
			}
		})
	}
}

// slowMachine are the usual limits, but for those that a slow machine would exceed.
var slowMachine = executor.Limits{CompileTime: time.Hour, OpenTime: 10 * time.Minute, JobTime: 10 * time.Minute,
	SafeTime: time.Minute, CancelTime: time.Minute}

// open opens an executor under the limits of a slow machine.
func open(t *testing.T, wasm []byte, settings map[string]string) *executor.Executor {
	t.Helper()
	e, err := executor.Open(t.Context(), executor.Config{CacheDir: cacheDir, Name: "guest", Wasm: wasm, Settings: settings, Limits: slowMachine})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func conform(t *testing.T, wasm []byte, settings map[string]string) *conformance.Report {
	t.Helper()
	cfg := executor.Config{CacheDir: cacheDir, Name: "guest", Wasm: wasm, Settings: settings, Limits: slowMachine}
	report, err := host.Conform(t.Context(), cfg, conformance.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// failures are the checks that failed, as "group: name".
func failures(r *conformance.Report) (names []string) {
	for _, c := range r.Checks {
		if c.Status == conformance.Failed {
			names = append(names, c.Group+": "+c.Name)
		}
	}
	return names
}
