package guests_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// Every executor that is not made by Go becomes a valid component of our WIT.
// Those committed are found by their files, so that a new one is tested too.
func TestGuestsBecomeComponents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.wasm")
	if err != nil || len(files) < 2 {
		t.Fatalf("guests found: %v, %v", files, err)
	}
	guests := map[string]func(*testing.T) []byte{
		"wat/zeros.wat":              func(t *testing.T) []byte { return assemble(t, readText(t, "wat/zeros.wat")) },
		"testdata/component/every.c": func(t *testing.T) []byte { return compileC(t, "testdata/component/every.c") },
	}
	for _, file := range files {
		guests[file] = func(t *testing.T) []byte { return []byte(readText(t, file)) }
	}
	for name, core := range guests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			component, err := componentize(t, core(t))
			if err != nil {
				t.Fatal(err)
			}
			// The preamble of a component, where a core module has version 1.
			if data := readText(t, component); !strings.HasPrefix(data, "\x00asm\x0d\x00\x01\x00") {
				t.Errorf("no component: it starts with %x", data[:min(8, len(data))])
			}
		})
	}
}

func TestWrongSignatureIsNoComponent(t *testing.T) {
	t.Parallel()
	source := readText(t, "wat/zeros.wat")
	for name, edit := range map[string][2]string{
		"a parameter missing":  {"(param $source_hash i32) (param $source_hash_length i32)", "(param $source_hash i32)"},
		"shots of 32 bits":     {"(i64.store (i32.const 144) (local.get $shots)) ;; shots-completed\n    (i64.store (i32.const 200) (local.get $shots))", "(drop (local.get $num_qubits))"},
		"no result":            {"(local.get $shots)) ;; the outcome's count\n    (i32.const 128))", "(local.get $shots)))"},
		"run under other name": {`|run"`, `|start"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := strings.Replace(source, edit[0], edit[1], 1)
			switch name {
			case "shots of 32 bits":
				wrong = strings.Replace(wrong, "(param $shots i64)", "(param $shots i32)", 1)
			case "no result":
				wrong = strings.Replace(wrong, "(param $shots i64)\n    (result i32)", "(param $shots i64)", 1)
			}
			if wrong == source {
				t.Fatal("zeros.wat has changed: this test edits nothing")
			}
			_, err := componentize(t, assemble(t, wrong))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), "run") || !strings.Contains(err.Error(), "coda:executor/executor") {
				t.Errorf("refused for another reason: %v", err)
			}
		})
	}
}

// noop and the executor written by hand read zero whatever they are asked.
func TestZerosRunAsComponents(t *testing.T) {
	t.Parallel()
	circuit := &abi.Circuit{
		Target:       abi.CNOT,
		NumQubits:    50,
		Operations:   []abi.Operation{{Gate: abi.RX, Q0: 7, Q1: 7, Param: 3}, {Gate: abi.GateCNOT, Q0: 7, Q1: 49}},
		Measurements: []uint16{49, 7, 7},
	}
	unmeasured := *circuit
	unmeasured.Measurements = nil
	long := *circuit
	long.Operations = make([]abi.Operation, 20_000)
	jobs := []abi.Job{
		{ID: "one", Circuit: circuit, Shots: 1},
		{ID: "most", Circuit: &long, Shots: 1<<64 - 1},
		{ID: "unmeasured", Circuit: &unmeasured, Shots: 1000},
		{ID: "long again", Circuit: &long, Shots: 2},
	}
	for name, core := range map[string]func(*testing.T) []byte{
		"noop":      func(t *testing.T) []byte { return []byte(readText(t, "noop/noop.wasm")) },
		"zeros-wat": func(t *testing.T) []byte { return assemble(t, readText(t, "wat/zeros.wat")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			component, err := componentize(t, core(t))
			if err != nil {
				t.Fatal(err)
			}
			report := execute(t, component, nil, false, jobs...)
			if want := (jcoDevice{Name: name, Target: "cz", NumQubits: 50, Edges: [][2]uint16{}}); report.Device == nil || !reflect.DeepEqual(*report.Device, want) {
				t.Errorf("device %+v, want %+v", report.Device, want)
			}
			for i, result := range report.Results {
				counts := result.counts(t, len(jobs[i].Circuit.Measurements))
				if want := map[uint64]uint64{0: jobs[i].Shots}; !reflect.DeepEqual(counts, want) || result.Elapsed != "0" {
					t.Errorf("job %s: %v in %q ns, want %v in 0", jobs[i].ID, counts, result.Elapsed, want)
				}
			}
			if len(report.Results) != len(jobs) {
				t.Errorf("%d results of %d jobs", len(report.Results), len(jobs))
			}
		})
	}
}

// Everything that coda.h offers, in both directions.
func TestSDKInC(t *testing.T) {
	t.Parallel()
	component, err := componentize(t, compileC(t, "testdata/component/every.c"))
	if err != nil {
		t.Fatal(err)
	}
	circuit := &abi.Circuit{
		Target:    abi.ISwap,
		NumQubits: 3,
		Operations: []abi.Operation{
			{Gate: abi.RZ, Q0: 2, Q1: 2, Param: -1.5},
			{Gate: abi.GateISwap, Q0: 0, Q1: 65535},
			{Gate: abi.ID, Q0: 1, Q1: 1, Param: 250},
		},
		Measurements: []uint16{2, 0},
		Metadata:     abi.Metadata{SourceHash: "sha256:ß"},
	}
	bare := &abi.Circuit{Target: abi.CZ, NumQubits: 1}

	t.Run("a job", func(t *testing.T) {
		t.Parallel()
		report := execute(t, component, map[string]string{"a.b": "1", "näme": "välue", "empty": ""}, false,
			abi.Job{ID: "first", Circuit: circuit, Shots: 1 << 63},
			abi.Job{ID: "fail-at-length", Circuit: bare, Shots: 1},
			abi.Job{ID: "use-memory", Circuit: bare, Shots: 5},
			abi.Job{ID: "", Circuit: bare, Shots: 5},
		)
		want := jcoDevice{Name: "every", Target: "pcz", NumQubits: 3, Edges: [][2]uint16{{1, 0}, {2, 1}}, Directed: true, MaxShots: "18446744073709551615"}
		if report.Device == nil || !reflect.DeepEqual(*report.Device, want) {
			t.Errorf("device %+v, want %+v", report.Device, want)
		}
		logs := [][2]string{
			{"debug", "-7 4294967295 434f4441 -2147483648 4294967295 -9223372036854775808 18446744073709551615 9 % text|"},
			{"error", "one 1 and %c%s"},
			{"info", "a.b=1"},
			{"info", "empty="},
			{"info", "näme=välue"},
			{"warn", "job first of sha256:ß: target 1, 3 qubits"},
			{"warn", "gate 2 on 2, 2: -1500/1000"},
			{"warn", "gate 4 on 0, 65535: 0/1000"},
			{"warn", "gate 6 on 1, 1: 250000/1000"},
			{"warn", "job use-memory of : target 0, 1 qubits"},
			{"warn", "job  of : target 0, 1 qubits"},
		}
		if !reflect.DeepEqual(report.Logs, logs) {
			t.Errorf("logs\n%q\nwant\n%q", report.Logs, logs)
		}
		if want := []string{"9223372036854775808", "5", "5"}; !reflect.DeepEqual(report.Shots, want) {
			t.Errorf("progress %v, want %v", report.Shots, want)
		}
		if len(report.Results) != 4 {
			t.Fatalf("%d results of 4 jobs", len(report.Results))
		}
		first := report.Results[0]
		if counts, want := first.counts(t, 3), map[uint64]uint64{4: 1, 1: 1, 0: 1<<63 - 2}; !reflect.DeepEqual(counts, want) || first.Elapsed != "1234567890123" {
			t.Errorf("counts %v in %s ns, want %v", counts, first.Elapsed, want)
		}
		// 1,023 bytes hold the point and 511 characters of two bytes.
		if f := report.Results[1].Failure; f == nil || f.Kind != "unavailable" || f.Message != "."+strings.Repeat("é", 511) {
			t.Errorf("failure %+v", f)
		}
		for _, result := range report.Results[2:] {
			if counts, want := result.counts(t, 0), map[uint64]uint64{0: 5}; !reflect.DeepEqual(counts, want) {
				t.Errorf("counts %v, want %v", counts, want)
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		report := execute(t, component, nil, true, abi.Job{ID: "first", Circuit: circuit, Shots: 9})
		if len(report.Results) != 1 || report.Results[0].Failure == nil || report.Results[0].Failure.Kind != "cancelled" {
			t.Errorf("results %+v", report.Results)
		}
	})
	t.Run("failing without a reason", func(t *testing.T) {
		t.Parallel()
		report := execute(t, component, map[string]string{"silent": ""}, false)
		if want := (jcoFailure{"internal", "the executor failed without giving a reason"}); report.Failure == nil || *report.Failure != want {
			t.Errorf("failure %+v, want %+v", report.Failure, want)
		}
	})
}

// compileC builds an executor from one source file with the commands that coda.h
// gives to authors.
func compileC(t *testing.T, source string) []byte {
	t.Helper()
	clang := require.Program(t, "clang", "clang-19", "clang-19")
	linker := require.Program(t, "clang", "wasm-ld-19", "lld-19")
	dir := t.TempDir()
	objects := []string{filepath.Join(dir, "guest.o"), filepath.Join(dir, "coda.o")}
	for i, file := range []string{source, "sdk/c/coda.c"} {
		command(t, clang, "--target=wasm32-wasi", "-std=c11", "-O2", "-mbulk-memory", "-Isdk/c",
			"-Wall", "-Wextra", "-Werror", "-c", file, "-o", objects[i])
	}
	module := filepath.Join(dir, "guest.wasm")
	command(t, linker, "--no-entry", "--gc-sections", objects[0], objects[1], "-o", module)
	return []byte(readText(t, module))
}

// assemble turns the text format into a module.
func assemble(t *testing.T, source string) []byte {
	t.Helper()
	assembler := require.Program(t, "wabt", "wat2wasm", "wabt")
	dir := t.TempDir()
	text, module := filepath.Join(dir, "guest.wat"), filepath.Join(dir, "guest.wasm")
	if err := os.WriteFile(text, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	command(t, assembler, text, "-o", module)
	return []byte(readText(t, module))
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	} else if err != nil || len(out) > 0 {
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
