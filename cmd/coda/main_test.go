package main

import (
	"bytes"
	"errors"
	"flag"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/conductorquantum/coda/cmd/coda/circuits"
	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/executor/guest"
	"github.com/conductorquantum/coda/host/testkit/goguest"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The test binary is coda, under both names, and the child of itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == guest.Subcommand {
		os.Exit(guest.Main())
	}
	testscript.Main(tests{m}, map[string]func(){"coda": main, "coda-node": main})
}

// cacheDir is where every coda of these tests keeps compiled executors, so that
// each is compiled once.
var cacheDir string

// raceOptions keep a program that is built with the race detector from sleeping
// for a second at its end.
const raceOptions = "atexit_sleep_ms=10"

// tests are those of the package, with a cache.
type tests struct{ *testing.M }

func (m tests) Run() int {
	var err error
	if cacheDir, err = os.MkdirTemp("", "coda-test-"); err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(cacheDir)
	return m.M.Run()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	files := fixtures(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CACHE_HOME", cacheDir)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GORACE", raceOptions)
			env.Setenv("FREE_PORT", freePort(t))
			for name, content := range files {
				path := filepath.Join(env.WorkDir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return err
				}
				if err := os.WriteFile(path, content, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

var backendWasm struct {
	once sync.Once
	code []byte
}

// backend is the executor in testdata, compiled.
func backend(t *testing.T) []byte {
	t.Helper()
	backendWasm.once.Do(func() {
		backendWasm.code = goguest.Build(t, filepath.Join("testdata", "backend"))
	})
	if backendWasm.code == nil {
		t.Fatal("the backend was not built; another test says why")
	}
	return backendWasm.code
}

// exits runs a program and asks for its exit code: exits CODE PROGRAM ARGUMENT...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = strconv.Itoa(failed.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if code != args[0] {
		ts.Fatalf("%s ended with %s, not with %s", args[1], code, args[0])
	}
}

// freePort is a port of this machine that nothing listened on a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// fixtures are the files that scripts find in their folder beside their own:
// our circuits, and modules, which no text file can hold.
func fixtures(t *testing.T) map[string][]byte {
	noop, _ := guests.Lookup("noop")
	statevector, _ := guests.Lookup("statevector")
	instruments, err := os.ReadFile("../../host/executor/module/testdata/full-backend.wasm")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"noop.wasm":         noop.Wasm,
		"backend.wasm":      backend(t),
		"instruments.wasm":  instruments,
		"component.wasm":    []byte("\x00asm\x0d\x00\x01\x00"),
		"empty-module.wasm": []byte("\x00asm\x01\x00\x00\x00"),
		// One function of a group of i32 locals.
		"many-locals.wasm":     []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x07\x01\x05\x01\x90\x4e\x7f\x0b"),
		"too-many-locals.wasm": []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x07\x01\x05\x01\x91\x4e\x7f\x0b"),
		"cut.wasm":             noop.Wasm[:len(noop.Wasm)/2],
		"other-version.wasm":   renamed(t, noop.Wasm, "coda:executor/executor@0.1.0", "coda:executor/executor@0.2.0"),
		"missing-run.wasm":     renamed(t, noop.Wasm, "coda:executor/executor@0.1.0#run", "acme:executor/executor@0.1.0#run"),
		"unknown-import.wasm":  renamed(t, statevector.Wasm, "random_get", "random_net"),
	}
	for _, circuit := range circuits.All() {
		files[circuit.Name+".json"] = []byte(circuit.IR)
	}
	return files
}

// renamed changes a name in a module to another one of the same length, so that
// the module stays one.
func renamed(t *testing.T, wasm []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(wasm, []byte(from)) || len(from) != len(to) {
		t.Fatalf("%q cannot become %q", from, to)
	}
	return bytes.ReplaceAll(wasm, []byte(from), []byte(to))
}
