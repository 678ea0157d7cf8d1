//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/conductorquantum/coda/host"
)

// endless is a reader that never ends, and counts what was taken of it.
type endless struct{ taken int }

func (e *endless) Read(p []byte) (int, error) {
	e.taken += len(p)
	clear(p)
	return len(p), nil
}

// What has no end is not read to it.
func TestCircuitWithoutEnd(t *testing.T) {
	t.Parallel()
	var r endless
	text, err := newSource(stdinPath).read(&r)
	if err == nil || !strings.HasPrefix(err.Error(), "it has more than 64 MiB") || text != "" {
		t.Errorf("read %d bytes, %v", len(text), err)
	}
	if r.taken > maxCircuit+1 {
		t.Errorf("%d bytes were taken", r.taken)
	}
}

// The longest text that is read, from a file and from standard input.
func TestLongestCircuit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "long.json")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		size int64
		ok   bool
	}{{maxCircuit, true}, {maxCircuit + 1, false}} {
		if err := os.Truncate(path, tt.size); err != nil { // a hole takes no room
			t.Fatal(err)
		}
		text, err := newSource(path).read(nil)
		if (err == nil) != tt.ok || tt.ok && len(text) != maxCircuit {
			t.Errorf("of %d bytes %d were read, %v", tt.size, len(text), err)
		}
		text, err = newSource(stdinPath).read(io.LimitReader(&endless{}, tt.size))
		if (err == nil) != tt.ok || tt.ok && len(text) != maxCircuit {
			t.Errorf("of %d bytes on standard input %d were read, %v", tt.size, len(text), err)
		}
	}
}

// Pipes, which nobody may ever write to, and devices, which may have no end, are
// refused before they are opened.
func TestNoRegularFile(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe.wasm")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		if _, err := newSource(path).read(bytes.NewReader(nil)); err == nil || !strings.Contains(err.Error(), "device or a pipe") {
			t.Errorf("a circuit in %s: %v", path, err)
		}
		if _, err := host.Find(path); err == nil || !strings.Contains(err.Error(), "device or a pipe") {
			t.Errorf("an executor in %s: %v", path, err)
		}
	}
}
