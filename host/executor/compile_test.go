//go:build unix

package executor_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// laborious is an executor that takes seconds and some 100 MB to compile.
func laborious(t *testing.T) []byte {
	t.Helper()
	var b strings.Builder
	for i := range 600 {
		fmt.Fprintf(&b, "(func (param i64) (result i64) (local.get 0)")
		for j := range 1000 {
			fmt.Fprintf(&b, " (i64.const %d) (i64.xor) (local.tee 0) (i64.mul (local.get 0))", i*j)
		}
		b.WriteString(")\n")
	}
	return fakeguest.Assemble(t, map[string]string{"exports": b.String()})
}

// folder is a private one, to put into TMPDIR or to use as a cache.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "compiled")
	if err := executor.PrivateDir(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// names are those of what a folder holds, entries as "entry".
func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if len(e.Name()) == 64 {
			names = append(names, "entry")
		} else {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestCompilingIsBound(t *testing.T) {
	t.Parallel()
	wasm := laborious(t)
	for _, tt := range []struct {
		name   string
		limits executor.Limits
		words  string
	}{
		{"fake-late", executor.Limits{CompileTime: 50 * time.Millisecond}, "compiling it took longer than limits.compile_time = 50ms"},
		{"fake-least", executor.Limits{CompileMemory: 1 << 20}, "compiling it takes more memory than limits.compile_memory = 1MiB"},
	} {
		cache := folder(t)
		_, err := executor.Open(t.Context(), executor.Config{Name: tt.name, Wasm: wasm, Limits: tt.limits, CacheDir: cache})
		cause(t, err, fault.Limit, tt.words)
		if err == nil || err.Error() != "executor "+tt.name+": limit: "+tt.words {
			t.Errorf("error %v", err)
		}
		if pids := children(t, tt.name); len(pids) != 0 {
			t.Errorf("%s: children %v are left", tt.name, pids)
		}
		if left := names(t, cache); len(left) != 0 {
			t.Errorf("%s: %v is left", tt.name, left)
		}
	}
}

func init() {
	mains["__chokes"] = func() int {
		fmt.Fprint(os.Stderr, "fatal error: r")
		time.Sleep(300 * time.Millisecond) // the machine is busy
		fmt.Fprintln(os.Stderr, "untime: out of memory")
		return 2
	}
}

// TestLastWordsTakeTheirTime: a runtime that ends for want of memory is heard out.
func TestLastWordsTakeTheirTime(t *testing.T) {
	t.Parallel()
	_, err := executor.OpenWith(t.Context(), "__chokes", executor.Config{
		Name: "fake-chokes", Wasm: fakeguest.Assemble(t, nil), Log: slog.New(slog.DiscardHandler),
	})
	cause(t, err, fault.Limit, "compiling it takes more memory than limits.compile_memory")
}

// TestAKilledNodeLeavesNothing: neither a process that compiles, nor, from the
// next start on, what it was making.
func TestAKilledNodeLeavesNothing(t *testing.T) {
	wasm, small := laborious(t), fakeguest.Assemble(t, nil)
	for _, cached := range []bool{true, false} {
		name := fmt.Sprintf("fake-half-%t", cached)
		dir, s := folder(t), scene{Name: name}
		t.Setenv("TMPDIR", dir)
		if cached {
			s.CacheDir = dir
		}
		n := startNode(t, s, wasm, nil)
		var pids []int
		for range 10_000 {
			if pids = children(t, name); len(pids) > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		n.kill()
		if len(pids) == 0 {
			t.Fatal("nothing compiles")
		}
		gone(t, pids[0], false)
		if pids := children(t, name); len(pids) != 0 {
			t.Errorf("children %v are left", pids)
		}
		left := names(t, dir)
		if len(left) != 1 || !strings.HasPrefix(left[0], "new-") && !strings.HasPrefix(left[0], "coda-compiled-") {
			t.Fatalf("the killed node left %v", left)
		}
		living := startNode(t, s, small, nil)
		living.hears("ready")
		if !strings.Contains(strings.Join(names(t, dir), " "), left[0]) {
			t.Error("what may be about to be held is removed")
		}
		// All is old now, and one is still in use where there is no cache.
		for _, e := range names(t, dir) {
			if e != "entry" {
				old := time.Now().Add(-time.Hour)
				if err := os.Chtimes(filepath.Join(dir, e), old, old); err != nil {
					t.Fatal(err)
				}
			}
		}
		other := fakeguest.Assemble(t, map[string]string{"bad": "unreachable"})
		e := open(t, executor.Config{Wasm: other, CacheDir: s.CacheDir})
		good(t, e)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		want := "[entry entry]"
		if !cached {
			want = "[coda-compiled-"
		}
		if now := fmt.Sprint(names(t, dir)); !strings.HasPrefix(now, want) || strings.Contains(now, left[0]) || strings.Count(now, " ") > 1 {
			t.Errorf("%v became %s", left, now)
		}
		living.ends()
		if !cached {
			if now := names(t, dir); len(now) != 0 {
				t.Errorf("%v is left of temporary folders", now)
			}
		}
	}
}

// TestWhereThereIsNoCache: a temporary folder goes with its executor, and without
// any folder each child compiles for itself.
func TestWhereThereIsNoCache(t *testing.T) {
	dir, cfg := folder(t), executor.Config{Wasm: fakeguest.Assemble(t, map[string]string{"bad": "unreachable"})}
	t.Setenv("TMPDIR", dir)
	e := open(t, cfg)
	good(t, e)
	if now := names(t, dir); len(now) != 1 || !strings.HasPrefix(now[0], "coda-compiled-") {
		t.Errorf("the folder for temporary files holds %v", now)
	}
	native(t, dir)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if now := names(t, dir); len(now) != 0 {
		t.Errorf("%v is left", now)
	}

	t.Setenv("TMPDIR", filepath.Join(dir, "nothing"))
	e = open(t, cfg)
	good(t, e)
	_, err := e.Run(t.Context(), job(13))
	cause(t, err, fault.Trapped, "unreachable")
	good(t, e)

	cfg.Name, cfg.Wasm, cfg.Limits.CompileTime = "fake-apart", laborious(t), 50*time.Millisecond
	_, err = executor.Open(t.Context(), cfg)
	cause(t, err, fault.Limit, "compiling it took longer than limits.compile_time = 50ms")
}

// TestACacheThatIsGone: its loss is told once, and costs compilations.
func TestACacheThatIsGone(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	const name = "fake-gone"
	cache := filepath.Join(folder(t), "nothing")
	e := open(t, executor.Config{
		Name: name, Wasm: fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop}), CacheDir: cache, Concurrency: 2,
		Limits: executor.Limits{JobTime: time.Second}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	for range 3 {
		good(t, e)
		_, err := e.Run(t.Context(), job(13))
		cause(t, err, fault.Limit, "job_time")
	}
	if n := strings.Count(log.String(), "compiled code cannot be kept"); n != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

func TestOldEntriesGoFirst(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		entries, kept int
		bytes         int64 // of each, by its note
		age           time.Duration
	}{
		"by number":          {70, 63, 1, time.Hour},
		"by size":            {10, 4, 1 << 28, time.Hour},
		"none that are used": {70, 70, 1 << 28, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cache := folder(t)
			var entries []string
			for i := range tt.entries {
				dir := filepath.Join(cache, fmt.Sprintf("%064d", i))
				entries = append(entries, dir)
				note, err := json.Marshal(map[string]any{"files": []map[string]any{{"path": "x", "size": tt.bytes}}})
				if err != nil {
					t.Fatal(err)
				}
				at := time.Now().Add(-tt.age + time.Duration(i)*time.Second)
				path := filepath.Join(dir, "note")
				for _, err := range []error{
					os.MkdirAll(filepath.Join(dir, "code"), 0o700), os.WriteFile(path, note, 0o600), os.Chtimes(path, at, at),
				} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			foreign := filepath.Join(cache, "README")
			if err := os.WriteFile(foreign, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			good(t, open(t, executor.Config{Wasm: fakeguest.Assemble(t, nil), CacheDir: cache}))
			for i, dir := range entries {
				_, err := os.Stat(dir)
				if there := err == nil; there != (i >= tt.entries-tt.kept) {
					t.Errorf("entry %d of %d: %v", i, tt.entries, err)
				}
			}
			if now := names(t, cache); len(now) != tt.kept+2 {
				t.Errorf("%d of %d are left", len(now), tt.entries+2)
			}
			if _, err := os.Stat(foreign); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNodesShareACache has processes open the same module at the same time, while
// entries are removed under them.
func TestNodesShareACache(t *testing.T) {
	t.Parallel()
	cache, wasm := folder(t), fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop})
	for round := range 3 {
		var nodes []*node
		for range 3 {
			nodes = append(nodes, startNode(t, scene{
				Name: "fake-share", CacheDir: cache, Concurrency: 2, Jobs: []uint16{5, 13, 5},
				Limits: executor.Limits{JobTime: time.Second},
			}, wasm, nil))
		}
		if round > 0 {
			entries, err := filepath.Glob(filepath.Join(cache, strings.Repeat("?", 64)))
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range entries {
				_ = os.RemoveAll(entry) // a node may do it at the same time
			}
		}
		for _, n := range nodes {
			for _, line := range []string{"ready", "job 5 <nil>", "running", "job 13 executor fake-share: limit", "job 5 <nil>"} {
				n.hears(line)
			}
			if log := n.ends(); strings.Contains(log, "cannot be") {
				t.Error(log)
			}
		}
		if now := names(t, cache); fmt.Sprint(now) != "[entry]" {
			t.Errorf("the cache holds %v", now)
		}
	}
	err := filepath.WalkDir(cache, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s is %s", path, info.Mode())
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
