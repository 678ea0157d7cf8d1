package guests_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/instrument/fake"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// What is embedded is what CHECKSUMS says was built.
func TestChecksums(t *testing.T) {
	t.Parallel()
	_, sums := checksums(t, ".")
	if len(sums) != len(guests.Names()) {
		t.Errorf("%d checksums of %d built-ins", len(sums), len(guests.Names()))
	}
	for _, name := range guests.Names() {
		sum := sha256.Sum256(builtin(t, name).Wasm)
		if file := name + "/" + name + ".wasm"; sums[file] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s has SHA-256 %x, CHECKSUMS says %q: run guests/build", file, sum, sums[file])
		}
	}
	if _, ok := guests.Lookup("no such"); ok {
		t.Error("a built-in was found that is none")
	}
	if !slices.IsSorted(guests.Names()) {
		t.Errorf("names are not sorted: %q", guests.Names())
	}
}

// The toolchain that CHECKSUMS names makes the same bytes of the sources; another
// one makes modules with the same results.
func TestRebuild(t *testing.T) {
	t.Parallel()
	clang := require.Program(t, "clang", "clang-19", "clang-19")
	require.Program(t, "clang", "wasm-ld-19", "lld-19")
	if _, err := os.Stat("/usr/lib/wasm32-wasi/libc.a"); err != nil {
		require.Missing(t, "clang", err.Error()+": install the Debian package wasi-libc")
	}

	t.Run("here", func(t *testing.T) {
		t.Parallel()
		compareBuild(t, rebuild(t, clang))
	})
	// A compiler that is another one by its name and by what it makes.
	t.Run("other toolchain", func(t *testing.T) {
		t.Parallel()
		other := filepath.Join(t.TempDir(), "clang")
		script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = --version ] && echo other && exit\nexec '%s' \"$@\" -O1\n", clang)
		if err := os.WriteFile(other, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		out := rebuild(t, other)
		if bytes.Equal(builtin(t, "statevector").Wasm, []byte(readText(t, filepath.Join(out, "statevector", "statevector.wasm")))) {
			t.Error("the other compiler made the same bytes: this test tries nothing")
		}
		compareBuild(t, out)
	})
}

// compareBuild holds the modules below out against those embedded.
func compareBuild(t *testing.T, out string) {
	t.Helper()
	committed, _ := checksums(t, ".")
	here, _ := checksums(t, out)
	same := reflect.DeepEqual(committed, here)
	for _, name := range guests.Names() {
		embedded := builtin(t, name).Wasm
		rebuilt := []byte(readText(t, filepath.Join(out, name, name+".wasm")))
		switch {
		case bytes.Equal(embedded, rebuilt):
		case same:
			t.Errorf("%s: the sources give other bytes than those committed: run guests/build", name)
		default:
			t.Run(name, func(t *testing.T) { compareResults(t, name, embedded, rebuilt) })
		}
	}
}

// compareResults runs circuits of every target on both.
func compareResults(t *testing.T, name string, embedded, rebuilt []byte) {
	t.Helper()
	a, b := openAny(t, name, embedded), openAny(t, name, rebuilt)
	if !reflect.DeepEqual(a.Device(), b.Device()) {
		t.Errorf("the devices differ: %+v, %+v", a.Device(), b.Device())
	}
	random := rand.New(rand.NewPCG(1, 2))
	circuits := []*abi.Circuit{ghz(1), ghz(16), ghz(28)} // the last is too large for one of them
	for i := range 100 {
		circuits = append(circuits, randomCircuit(random, abi.Target(i%4)))
	}
	for i, circuit := range circuits {
		job := &abi.Job{ID: "compared", Circuit: circuit, Shots: 1000}
		wantResult, wantErr := a.Run(t.Context(), job)
		gotResult, gotErr := b.Run(t.Context(), job)
		if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) || !reflect.DeepEqual(untimed(wantResult), untimed(gotResult)) {
			t.Errorf("circuit %d, %+v: %+v, %v; rebuilt: %+v, %v", i, circuit, wantResult, wantErr, gotResult, gotErr)
		}
	}
}

// openAny opens a file of a built-in: with a seed, or before a fake of its instrument
// that has one.
func openAny(t *testing.T, name string, wasm []byte) *executor.Executor {
	t.Helper()
	cfg := fake.Config{Qubits: 10, Seed: 1}
	switch name {
	case "scpi":
		_, device := serveSCPI(t, cfg)
		return openLab(t, device+patient+"[config]\nnum_qubits = 10\n", wasm).Executor
	case "registers":
		_, device := serveRegisters(t, fake.RegistersConfig{Config: cfg})
		return openLab(t, device, wasm).Executor
	case "noisy":
		return open(t, wasm, map[string]string{"seed": "1", "num_qubits": "25"})
	}
	return open(t, wasm, map[string]string{"seed": "1"})
}

// untimed drops the only thing of a result that may differ.
func untimed(e *abi.Execution) abi.Execution {
	if e == nil {
		return abi.Execution{}
	}
	result := *e
	result.Elapsed = nil
	return result
}

func rebuild(t *testing.T, clang string) string {
	t.Helper()
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "./build", out)
	cmd.Env = append(os.Environ(), "CC="+clang, "LD=wasm-ld-19", "WASI=/usr")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return out
}

// checksums reads a CHECKSUMS file: the toolchain's lines, and the sums by file.
func checksums(t *testing.T, folder string) (toolchain []string, sums map[string]string) {
	t.Helper()
	sums = map[string]string{}
	for line := range strings.Lines(readText(t, filepath.Join(folder, "CHECKSUMS"))) {
		line = strings.TrimSpace(line)
		if rest, comment := strings.CutPrefix(line, "#"); comment {
			toolchain = append(toolchain, rest)
		} else if sum, file, ok := strings.Cut(line, "  "); ok {
			sums[file] = sum
		} else {
			t.Fatalf("CHECKSUMS: line %q", line)
		}
	}
	return toolchain, sums
}
