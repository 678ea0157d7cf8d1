//go:build unix

package executor_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// native is the one file of machine code in a cache.
func native(t *testing.T, cache string) string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(cache, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type()&fs.ModeDir == 0 && strings.Contains(path, "/code/") {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) != 1 {
		t.Fatalf("code %v, %v", found, err)
	}
	return found[0]
}

// TestAlteredCodeNeverRuns: whatever became of an entry, it costs a compilation.
func TestAlteredCodeNeverRuns(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(t *testing.T, path string, code []byte) error{
		"truncated": func(_ *testing.T, path string, code []byte) error { return os.Truncate(path, int64(len(code)/2)) },
		"empty":     func(_ *testing.T, path string, _ []byte) error { return os.Truncate(path, 0) },
		"bit": func(_ *testing.T, path string, code []byte) error {
			code[len(code)/2] ^= 1
			return os.WriteFile(path, code, 0o600)
		},
		"offset": func(_ *testing.T, path string, code []byte) error {
			code[24] ^= 1 // of a function, which the engine's own checksum leaves out
			return os.WriteFile(path, code, 0o600)
		},
		"longer": func(_ *testing.T, path string, code []byte) error {
			return os.WriteFile(path, append(code, 0), 0o600)
		},
		"link": func(t *testing.T, path string, _ []byte) error {
			to := filepath.Join(t.TempDir(), "code")
			if err := os.Rename(path, to); err != nil {
				return err
			}
			return os.Symlink(to, path)
		},
		"second name": func(t *testing.T, path string, _ []byte) error {
			return os.Link(path, filepath.Join(t.TempDir(), "code"))
		},
		"readable": func(_ *testing.T, path string, _ []byte) error { return os.Chmod(path, 0o644) },
		"removed":  func(_ *testing.T, path string, _ []byte) error { return os.Remove(path) },
		"more": func(_ *testing.T, path string, _ []byte) error {
			return os.WriteFile(path+"2", nil, 0o600)
		},
		"note": func(_ *testing.T, path string, _ []byte) error {
			return os.WriteFile(filepath.Join(path, "../../../note"), []byte("{}"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cache := t.TempDir()
			if err := os.Chmod(cache, 0o700); err != nil {
				t.Fatal(err)
			}
			cfg := executor.Config{Wasm: fakeguest.Assemble(t, nil), CacheDir: cache}
			good(t, open(t, cfg))
			path := native(t, cache)
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			good(t, open(t, cfg))
			if again, err := os.Stat(path); err != nil || !os.SameFile(before, again) {
				t.Errorf("good code is compiled again: %v", err)
			}
			code, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := string(code)
			if err := alter(t, path, code); err != nil {
				t.Fatal(err)
			}
			good(t, open(t, cfg))
			again, err := os.Lstat(native(t, cache))
			if err != nil || again.ModTime().Equal(before.ModTime()) {
				t.Errorf("the altered entry stands: %v", err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("the new code is another: %v", err)
			}
		})
	}
}
