// Package goguest compiles executors in Go for tests.
package goguest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Build compiles the Go program in dir into a module, as its author would, with build
// tags if there are any.
func Build(tb testing.TB, dir string, tags ...string) []byte {
	tb.Helper()
	run := func(args ...string) string {
		cmd := exec.CommandContext(tb.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0") // C beside it is another guest's
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			tb.Fatalf("%v: %v\n%s", cmd, err, stderr.String())
		}
		return string(out)
	}
	// go test takes the files that a test opens for its inputs, but not those that
	// a compiler opens for it: look at them, so that no old result is shown for them.
	tagged := "-tags=" + strings.Join(tags, ",")
	folders := run("list", tagged, "-deps", "-f", "{{if not .Standard}}{{.Dir}}{{end}}", ".")
	for folder := range strings.Lines(folders) {
		if _, err := os.ReadDir(strings.TrimSpace(folder)); err != nil {
			tb.Fatal(err)
		}
	}
	file := filepath.Join(tb.TempDir(), "guest.wasm")
	run("build", tagged, "-buildmode=c-shared", "-o", file, ".")
	wasm, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}
