package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// A new project builds, passes its own tests and runs, by the commands that it tells
// its author, and by those of its Makefile.
func TestNewExecutor(t *testing.T) {
	t.Parallel()
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for language, flags := range map[string][]string{
		guests.Go: {"--lang", "go", "--sdk", repository},
		guests.C:  {"--lang", "c"},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			if language == guests.C {
				require.Program(t, "clang", "clang-19", "clang-19")
				require.Program(t, "clang", "wasm-ld-19", "lld-19")
				if _, err := os.Stat("/usr/lib/wasm32-wasi/libc.a"); err != nil {
					require.Missing(t, "clang", err.Error()+": install the Debian package wasi-libc")
				}
			}
			home := t.TempDir()
			made := launch(t, home, nil, slices.Concat([]string{"new", "executor", "--json"}, flags, []string{"lab/qpu-7"})...)
			made.exits(t, exitOK)
			var told struct {
				Dir, Language, Name string
				Files, Next         []string
			}
			if err := json.Unmarshal([]byte(made.stdout.String()), &told); err != nil {
				t.Fatalf("%v in %s", err, made.stdout.String())
			}
			if told.Dir != "lab/qpu-7" || told.Language != language || told.Name != "qpu-7" {
				t.Errorf("it says %+v", told)
			}
			dir := filepath.Join(home, "lab", "qpu-7")
			for _, file := range told.Files {
				data, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Error(err)
				}
				if strings.Contains(strings.ToLower(string(data)), "starter") {
					t.Errorf("%s keeps the name of the template", file)
				}
			}
			tools := codaOnPath(t)
			sh := func(script string) string {
				t.Helper()
				cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cacheDir, "GOCACHE="+goCache(t), "GORACE="+raceOptions,
					"GOFLAGS=", "GOPROXY=off", "PATH="+tools+string(filepath.ListSeparator)+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", script, err, out)
				}
				return string(out)
			}
			said := sh(strings.Join(told.Next, "\n"))
			for _, want := range []string{"qpu-7: target cnot, 12 qubits", " 0 failed, ", "1024 shots on qpu-7"} {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in\n%s", want, said)
				}
			}
			if language == guests.Go {
				sh("gofmt -l . && go vet . && go test .")
			}
			counts := sh("coda run --device device.toml --json --seed 1 circuit.json")
			if again := sh("coda run --device device.toml --json --seed 1 circuit.json"); outcomes(t, again) != outcomes(t, counts) {
				t.Errorf("the same seed gave %s, then %s", counts, again)
			}
			if _, err := exec.LookPath("make"); err == nil {
				sh("make clean && make && make test && make run")
			}
		})
	}
}

// outcomes are the counts of a result, as JSON.
func outcomes(t *testing.T, result string) string {
	t.Helper()
	var r struct{ Counts json.RawMessage }
	if err := json.Unmarshal([]byte(result), &r); err != nil || len(r.Counts) == 0 {
		t.Fatalf("%v in %s", err, result)
	}
	return string(r.Counts)
}

// codaOnPath is a folder with coda in it.
func codaOnPath(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "coda")); err != nil {
		if runtime.GOOS == "windows" {
			t.Skipf("this user may make no symbolic links: %v", err)
		}
		t.Fatal(err)
	}
	return dir
}

// goCache is the cache of this build, which a changed XDG_CACHE_HOME would hide.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// A release pins itself; what is none does not.
func TestNewProjectsRequireARelease(t *testing.T) {
	t.Parallel()
	for version, pinned := range map[string]bool{
		"v1.2.3": true, "v0.1.0": true, "v1.0.0-rc.1": true, "(devel)": false, "unknown": false, "v1.2.3-4-gabcdef0": false,
		"v0.0.0-20260102030405-0123456789ab": false, "v1.2.4-0.20260102030405-0123456789ab": false, "v1.2.3+dirty": false, "v1.2.3-dirty": false,
	} {
		p := &newProject{Dir: "x", Language: guests.Go, version: version}
		if err := p.check(); (err == nil) != pinned {
			t.Errorf("%s: %v", version, err)
		}
	}
	p := &newProject{Dir: filepath.Join(t.TempDir(), "x"), Language: guests.Go, version: "v1.2.3"}
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	if err := p.write(); err != nil {
		t.Fatal(err)
	}
	mod, _ := os.ReadFile(filepath.Join(p.Dir, "go.mod"))
	if want := "require github.com/conductorquantum/coda v1.2.3\n"; !strings.HasSuffix(string(mod), want) || p.Next[0] != "go mod tidy" {
		t.Errorf("go.mod is\n%s\nand next %q", mod, p.Next)
	}
}
