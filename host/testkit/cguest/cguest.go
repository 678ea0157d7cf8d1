// Package cguest compiles executors in C for tests.
package cguest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// Build compiles one source file into a module, with the whole SDK, which is in the
// folder sdk, and a C library, as guests/README.md says.
func Build(tb testing.TB, sdk, source string) []byte {
	tb.Helper()
	clang := require.Program(tb, "clang", "clang-19", "clang-19")
	linker := require.Program(tb, "clang", "wasm-ld-19", "lld-19")
	if _, err := os.Stat("/usr/lib/wasm32-wasi/libc.a"); err != nil {
		require.Missing(tb, "clang", err.Error()+": install the Debian package wasi-libc")
	}
	run := func(program string, args ...string) {
		if out, err := exec.CommandContext(tb.Context(), program, args...).CombinedOutput(); err != nil {
			tb.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	dir := tb.TempDir()
	module := filepath.Join(dir, "guest.wasm")
	link := []string{"--no-entry", "--gc-sections", "--stack-first", "-L/usr/lib/wasm32-wasi", "-o", module, "-lc"}
	for _, file := range []string{source, filepath.Join(sdk, "coda.c"), filepath.Join(sdk, "coda_io.c")} {
		// So that go test takes what the compiler opens for an input.
		if _, err := os.ReadFile(file); err != nil {
			tb.Fatal(err)
		}
		object := filepath.Join(dir, filepath.Base(file)+".o")
		// The exception is for macros of the C library.
		run(clang, "--target=wasm32-wasi", "-isystem", "/usr/include/wasm32-wasi", "-I"+sdk, "-std=c11", "-O2", "-mbulk-memory",
			"-Wall", "-Wextra", "-Wpedantic", "-Wno-gnu-statement-expression-from-macro-expansion", "-Wconversion", "-Wshadow", "-Werror", "-c", file, "-o", object)
		link = append(link, object)
	}
	run(linker, link...)
	wasm, err := os.ReadFile(module)
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}
