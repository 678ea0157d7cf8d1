package guests_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/testkit/goguest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// The examples of README.md are whole: they build, with the commands that stand
// there, and do what the text says.
func TestExamplesInGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	examples := blocks(t, "go")
	write(t, dir, "main.go", examples[0])
	write(t, dir, "main_test.go", examples[2])
	_, version, _ := strings.Cut(readText(t, "../go.mod"), "\ngo ")
	version, _, _ = strings.Cut(version, "\n")
	write(t, dir, "go.mod", "module example.com/backend\n\ngo "+version+"\n\n"+
		"require github.com/conductorquantum/coda v0.0.0\n\nreplace github.com/conductorquantum/coda => "+repository+"\n")
	constant(t, goguest.Build(t, dir))
	// Afterwards, because net/http makes a file that takes long to compile.
	write(t, dir, "instruments.go", examples[1])
	shell(t, dir, "go vet . && go test .")
}

func TestExamplesInC(t *testing.T) {
	t.Parallel()
	require.Program(t, "clang", "clang-19", "clang-19")
	require.Program(t, "clang", "wasm-ld-19", "lld-19")
	dir := t.TempDir()
	write(t, dir, "backend.c", blocks(t, "c")[0])
	write(t, dir, "instruments.c", blocks(t, "c")[1])
	for _, file := range []string{"coda.h", "coda.c", "coda_io.c"} {
		write(t, dir, file, readText(t, filepath.Join("sdk/c", file)))
	}
	commands := blocks(t, "sh")
	for _, script := range commands {
		if strings.Contains(script, "clang-19") {
			shell(t, dir, script)
		}
	}
	shell(t, dir, "clang-19 --target=wasm32-wasi -std=c11 -O2 -mbulk-memory -Wall -Wextra -Werror -c instruments.c coda_io.c")
	wasm, err := os.ReadFile(filepath.Join(dir, "backend.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	constant(t, wasm)
}

// constant holds that an executor is the one of the examples.
func constant(t *testing.T, wasm []byte) {
	t.Helper()
	e := open(t, wasm, map[string]string{"bits": "10110"})
	if d := e.Device(); d.Name != "constant" || d.Target != abi.CNOT || d.NumQubits != 5 {
		t.Errorf("the device is %+v", d)
	}
	job := &abi.Job{ID: "a", Shots: 100, Circuit: &abi.Circuit{
		Target: abi.CNOT, NumQubits: 5, Measurements: []uint16{4, 3, 2, 1, 0, 4},
	}}
	got, err := e.Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if counts := got.Counts(6); counts["101101"] != 100 {
		t.Errorf("measured %v", counts)
	}
	job.Circuit.Target = abi.CZ
	if _, err := e.Run(t.Context(), job); err == nil || !strings.Contains(err.Error(), "unsupported: target ") {
		t.Errorf("another target: %v", err)
	}
}

// blocks returns the code blocks of README.md in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, part := range strings.Split(readText(t, "README.md"), "\n```"+language+"\n")[1:] {
		code, _, _ := strings.Cut(part, "```\n")
		found = append(found, code)
	}
	return found
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func shell(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}
