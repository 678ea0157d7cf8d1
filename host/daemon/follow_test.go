//go:build unix

package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/conductorquantum/coda/host/daemon"
)

// reader is somebody who follows a log.
type reader struct {
	mu    sync.Mutex
	b     bytes.Buffer
	fails error
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails != nil {
		return 0, r.fails
	}
	return r.b.Write(p)
}

func (r *reader) read() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// follow follows a log until the test ends.
func follow(t *testing.T, path string, lines int) *reader {
	t.Helper()
	r := new(reader)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Follow(ctx, r, path, lines) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Follow: %v", err)
		}
	})
	return r
}

func (r *reader) waitFor(t *testing.T, want string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d bytes are read", len(want)), func() bool { return len(r.read()) >= len(want) })
	if got := r.read(); got != want {
		t.Fatalf("read %q, want %q", got, want)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	try(t, err)
	defer f.Close()
	_, err = f.WriteString(text)
	try(t, err)
}

func TestFollow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	appendTo(t, path, "a\nb\nc\n")
	r := follow(t, path, 2)
	want := "b\nc\n"
	r.waitFor(t, want)
	for _, text := range []string{"d\n", "half a ", "line\n"} {
		appendTo(t, path, text)
		want += text
		r.waitFor(t, want)
	}
	// Emptied, as by `: > log`, and shorter than before when it is seen again.
	try(t, os.Truncate(path, 0))
	appendTo(t, path, "e\n")
	want += "e\n"
	r.waitFor(t, want)
	// Renamed, written to once more, and a new one begun.
	try(t, os.Rename(path, path+".1"))
	appendTo(t, path+".1", "late\n")
	appendTo(t, path, "f\n")
	want += "late\nf\n"
	r.waitFor(t, want)
	// Removed, and after a while there again.
	try(t, os.Remove(path))
	appendTo(t, path, "g\n")
	want += "g\n"
	r.waitFor(t, want)
}

// The follower is slower than the writer, which rotates several times before it
// looks again.
func TestFollowAcrossRotationsUnderLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l := openLog(t, daemon.LogConfig{Path: path, MaxBytes: 4096, Keep: 99})
	write(t, l, "before\n")
	readers := []*reader{follow(t, path, 1), follow(t, path, 10)}
	var want strings.Builder
	want.WriteString("before\n")
	for _, r := range readers {
		r.waitFor(t, want.String())
	}
	for i := range 6000 { // some 40 files
		line := fmt.Sprintf("line %d of many, and some more\n", i)
		write(t, l, line)
		want.WriteString(line)
	}
	if _, err := os.Stat(path + ".30"); err != nil {
		t.Fatal(err)
	}
	for _, r := range readers {
		r.waitFor(t, want.String())
	}
}

func TestFollowErrors(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := daemon.Follow(t.Context(), new(reader), path, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no log: %v", err)
	}
	appendTo(t, path, "a\n")
	gone := errors.New("nobody reads this")
	if err := daemon.Follow(t.Context(), &reader{fails: gone}, path, 1); !errors.Is(err, gone) {
		t.Errorf("no reader: %v", err)
	}
	appendTo(t, path+".real", "a\n")
	try(t, os.Symlink(path+".real", path+".link"))
	if err := daemon.Follow(t.Context(), new(reader), path+".link", 1); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a link: %v", err)
	}
}
