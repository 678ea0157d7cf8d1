// Package fakeguest makes executors for tests: small modules written by hand that
// behave, and misbehave, as a test wants.
package fakeguest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// Loop never ends: for what a guest does badly.
const Loop = "(call $forever)"

// skeleton is an executor of 50 qubits that answers every job with zeros; what
// it does instead for a job of 13 qubits, or anywhere else, a test fills in.
const skeleton = `(module
  {{imports}}
  (memory (export "memory") {{memory}})
  (global $next (mut i32) (i32.const 65536))
  (data (i32.const 100) "fake")
  (data (i32.const 24) "\64\00\00\00\04\00\00\00\03\00\32\00") ;; device: name, target, 50 qubits
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    {{realloc}}
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "coda:executor/executor@0.1.0#open") (result i32)
    {{open}}
    (i32.const 16))
  (func $forever (loop $again (br $again)))
  (func $deep (call $deep) (call $deep))
  (func $run (export "coda:executor/executor@0.1.0#run")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
    (i32.store8 (i32.const 128) (i32.const 0)) ;; an instance may have failed before
    (i32.store (i32.const 136) (i32.const 192))
    (i32.store (i32.const 140) (i32.const 1))
    (i64.store (i32.const 128) (i64.const 0)) ;; what a bad job may have left in an instance that is kept
    (i32.store (i32.const 136) (i32.const 192)) (i32.store (i32.const 140) (i32.const 1))
    (i64.store (i32.const 144) (local.get 10))
    (i64.store (i32.const 192) (i64.const 0))
    (i64.store (i32.const 200) (local.get 10))
    (if (i32.eq (local.get 3) (i32.const 13)) (then
      {{bad}}
    ))
    (i32.const 128))
  {{exports}}
)`

// Assemble makes an executor that reports a device of 50 qubits and answers every
// job with zeros. The places say what it does beside or instead: "imports" and
// "exports" are declarations, "memory" its limits in pages (2), "realloc" and
// "open" begin those functions, and "bad" is what run does for a job of 13
// qubits. The result of open lies at 16, that of run at 128; the four letters
// "fake" at 100.
func Assemble(tb testing.TB, places map[string]string) []byte {
	tb.Helper()
	text := skeleton
	for _, place := range []string{"imports", "memory", "realloc", "open", "bad", "exports"} {
		value := places[place]
		if place == "memory" && value == "" {
			value = "2"
		}
		text = strings.ReplaceAll(text, "{{"+place+"}}", value)
	}
	return WAT(tb, text)
}

// WAT assembles a module.
func WAT(tb testing.TB, text string) []byte {
	tb.Helper()
	program := require.Program(tb, "wabt", "wat2wasm", "wabt")
	dir := tb.TempDir()
	source, out := filepath.Join(dir, "guest.wat"), filepath.Join(dir, "guest.wasm")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if b, err := exec.Command(program, source, "-o", out).CombinedOutput(); err != nil {
		tb.Fatalf("wat2wasm: %v\n%s", err, b)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}
