//go:build unix

package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/conductorquantum/coda/host/daemon"
)

func openLog(t *testing.T, cfg daemon.LogConfig) *daemon.Log {
	t.Helper()
	l, err := daemon.OpenLog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func write(t *testing.T, l *daemon.Log, text string) {
	t.Helper()
	if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %d bytes, %v", n, len(text), err)
	}
}

// content is what the files of a log hold, the oldest first.
func content(t *testing.T, path string) (files []string) {
	t.Helper()
	for i := 0; ; i++ {
		name := path
		if i > 0 {
			name = fmt.Sprintf("%s.%d", path, i)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			slices.Reverse(files)
			return files
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		files = append(files, string(text))
	}
}

func TestLogRotates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	cfg := daemon.LogConfig{Path: path, MaxBytes: 12, Keep: 3}
	l := openLog(t, cfg)
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"one\n", []string{"one\n"}},
		{"two\n", []string{"one\ntwo\n"}},
		{"six\n", []string{"one\ntwo\nsix\n"}}, // just fits
		{"x\n", []string{"one\ntwo\nsix\n", "x\n"}},
		{"far too long for one\n", []string{"one\ntwo\nsix\n", "x\n", "far too long for one\n"}},
		{"y\n", []string{"one\ntwo\nsix\n", "x\n", "far too long for one\n", "y\n"}},
		{"0123456789\n", []string{"x\n", "far too long for one\n", "y\n", "0123456789\n"}},
	} {
		write(t, l, tt.text)
		if got := content(t, path); !slices.Equal(got, tt.want) {
			t.Fatalf("after %q: %q, want %q", tt.text, got, tt.want)
		}
	}
	try(t, l.Close())
	if _, err := l.Write([]byte("late")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	// The next start goes on where this one ended, and knows how full it is.
	l = openLog(t, cfg)
	write(t, l, "z\n")
	if got, want := content(t, path), []string{"far too long for one\n", "y\n", "0123456789\n", "z\n"}; !slices.Equal(got, want) {
		t.Errorf("after a restart: %q, want %q", got, want)
	}
}

// A node that died between two renames leaves a number free. Filling it costs no
// older file.
func TestLogFillsTheGapOfAnInterruptedRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	for name, text := range map[string]string{"": "c\n", ".1": "b\n", ".3": "a\n"} {
		try(t, os.WriteFile(path+name, []byte(text), 0o600))
	}
	l := openLog(t, daemon.LogConfig{Path: path, MaxBytes: 2, Keep: 3})
	write(t, l, "d\n")
	if got, want := content(t, path), []string{"a\n", "b\n", "c\n", "d\n"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLogUnderLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	const writers, lines, limit = 8, 300, 2048
	l := openLog(t, daemon.LogConfig{Path: path, MaxBytes: limit, Keep: 99})
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range lines {
				if _, err := fmt.Fprintf(l, "writer %d line %d %s\n", w, i, strings.Repeat("x", i%40)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	files := content(t, path)
	if len(files) < 20 {
		t.Errorf("only %d files", len(files))
	}
	next := make([]int, writers)
	for _, text := range files {
		if len(text) > limit || !strings.HasSuffix(text, "\n") {
			t.Errorf("a file of %d bytes ends with %q", len(text), text[len(text)-1:])
		}
		for line := range strings.Lines(text) {
			var w, i int
			if _, err := fmt.Sscanf(line, "writer %d line %d", &w, &i); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if want := fmt.Sprintf("writer %d line %d %s\n", w, next[w], strings.Repeat("x", next[w]%40)); line != want {
				t.Fatalf("%q, want %q", line, want)
			}
			next[w]++
		}
	}
	for w, n := range next {
		if n != lines {
			t.Errorf("writer %d has %d lines", w, n)
		}
	}
}

func TestLogSurvivesItsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l := openLog(t, daemon.LogConfig{Path: path, MaxBytes: 1000})
	write(t, l, "one\n")
	try(t, os.Remove(path))
	write(t, l, "two\n")
	if got := content(t, path); !slices.Equal(got, []string{"two\n"}) {
		t.Errorf("after it was removed: %q", got)
	}
	try(t, os.Rename(path, path+".old"))
	write(t, l, "three\n")
	if got := content(t, path); !slices.Equal(got, []string{"three\n"}) {
		t.Errorf("after it was renamed: %q", got)
	}
	try(t, os.Truncate(path, 0))
	write(t, l, "four\n")
	if got := content(t, path); !slices.Equal(got, []string{"four\n"}) {
		t.Errorf("after it was emptied: %q", got)
	}
}

// Whatever stands in the way of a rotation, no line is lost, and the log says once
// why it grows.
func TestLogThatCannotBeRenewed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		obstruct func(t *testing.T, path string)
		grows    func(path string) string // where the lines are
	}{
		{"a directory in the way", func(t *testing.T, path string) {
			try(t, os.MkdirAll(path+".1/full", 0o700))
		}, func(path string) string { return path }},
		{"a link in its place", func(t *testing.T, path string) {
			try(t, os.Rename(path, path+".was"))
			try(t, os.Symlink(path+".victim", path))
		}, func(path string) string { return path + ".was" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "log")
			l := openLog(t, daemon.LogConfig{Path: path, MaxBytes: 4, Keep: 1})
			write(t, l, "one\n")
			tt.obstruct(t, path)
			write(t, l, "two\n")
			write(t, l, "six\n")
			text, err := os.ReadFile(tt.grows(path))
			try(t, err)
			if got := string(text); !strings.HasPrefix(got, "one\nthe log cannot be renewed") || !strings.HasSuffix(got, "\ntwo\nsix\n") ||
				strings.Count(got, "cannot be renewed") != 1 {
				t.Errorf("%q", got)
			}
			if _, err := os.Stat(path + ".victim"); err == nil {
				t.Error("the link was followed")
			}
			// Once it can be renewed, it is.
			try(t, os.RemoveAll(path+".1"))
			if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
				try(t, os.Remove(path))
			}
			write(t, l, "new\n")
			if text, err := os.ReadFile(path); err != nil || string(text) != "new\n" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

func TestOpenLogRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"symlink", func(t *testing.T, path string) {
			try(t, os.WriteFile(path+".victim", nil, 0o600))
			try(t, os.Symlink(path+".victim", path))
		}, "is a symbolic link"},
		{"no directory", func(t *testing.T, path string) { try(t, os.Remove(filepath.Dir(path))) }, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "log")
			tt.make(t, path)
			if _, err := daemon.OpenLog(daemon.LogConfig{Path: path}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLogBecomesPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	try(t, os.WriteFile(path, []byte("old\n"), 0o600))
	try(t, os.Chmod(path, 0o644))
	write(t, openLog(t, daemon.LogConfig{Path: path}), "new\n")
	if got := content(t, path); !slices.Equal(got, []string{"old\nnew\n"}) { // which looks at the mode
		t.Errorf("%q", got)
	}
}

// crash is a node whose log was rotated before the Go runtime ends it.
func crash(dir string) int {
	l, err := daemon.OpenLog(daemon.LogConfig{Path: filepath.Join(dir, "log"), MaxBytes: 200, Stdio: true})
	if err != nil {
		return 1
	}
	fmt.Println("to standard output, which counts:", strings.Repeat("x", 100))
	for range 2 {
		if _, err := fmt.Fprintln(l, "through the log:", strings.Repeat("y", 100)); err != nil {
			return 1
		}
	}
	panic("what nobody expected")
}

func TestLastWordsOfACrashAreInTheLog(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	cmd := exec.Command(self(t), nodeMode, "crashes", dir)
	if out, err := cmd.CombinedOutput(); len(out) > 0 || cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("%v; output %q", err, out)
	}
	files := content(t, filepath.Join(dir, "log"))
	if len(files) != 3 || !strings.HasPrefix(files[0], "to standard output") || !strings.HasPrefix(files[1], "through the log") ||
		!strings.HasPrefix(files[2], "through the log") || !strings.Contains(files[2], "\npanic: what nobody expected") {
		t.Errorf("%q", files)
	}
}
