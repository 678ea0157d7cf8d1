//go:build unix

package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
)

func lockPath(dir string) string { return filepath.Join(dir, "coda-node.lock") }

func TestLockSaysWhoHoldsIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "yet")
	before := time.Now().Add(-time.Second)
	held, err := daemon.Lock(dir, daemon.About{Version: "v7", LogPath: "/var/log/coda", Drain: 90 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for _, path := range []string{dir, lockPath(dir)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	look := func() daemon.Status {
		t.Helper()
		status, err := daemon.Look(dir)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	s := look()
	if !s.Running || s.PID != os.Getpid() || s.Doubt != "" || s.Address != "" || s.Stopping ||
		s.Version != "v7" || s.LogPath != "/var/log/coda" || s.Drain != 90*time.Second ||
		s.Since.Before(before) || s.Since.After(time.Now().Add(time.Second)) {
		t.Errorf("after Lock: %+v", s)
	}
	if err := held.Serving("192.0.2.1:8080"); err != nil {
		t.Fatal(err)
	}
	if s := look(); s.Address != "192.0.2.1:8080" || s.PID != os.Getpid() {
		t.Errorf("after Serving: %+v", s)
	}
	if err := held.Stopping(); err != nil {
		t.Fatal(err)
	}
	if s := look(); !s.Stopping || s.Address != "192.0.2.1:8080" {
		t.Errorf("after Stopping: %+v", s)
	}
	for range 2 {
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if s := look(); s != (daemon.Status{}) {
		t.Errorf("after Close: %+v", s)
	}
	if err := held.Serving("192.0.2.1:8080"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Serving after Close: %v", err)
	}
}

func TestSecondNodeIsRefused(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	first := foreground(t, "serves", dir)
	_, err := daemon.Lock(dir, daemon.About{})
	var node *fault.NodeError
	if !errors.As(err, &node) || !errors.Is(err, daemon.ErrRunning) {
		t.Fatalf("error %T: %v", err, err)
	}
	for _, part := range []string{"PID " + strconv.Itoa(first.Process.Pid), dir, "stop it first", "CODA_STATE_DIR"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// A node that is killed leaves its file behind, which says that it runs.
func TestKernelDropsTheLockOfTheDead(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"serves", "bears"} {
		dir := stateDir(t)
		node := foreground(t, kind, dir)
		if kind == "bears" { // its child lives on, without the lock
			var child int
			for _, line := range notes(dir) {
				_, _ = fmt.Sscanf(line, "child %d", &child)
			}
			if child == 0 {
				t.Fatal("no child")
			}
			defer func() { _ = syscall.Kill(child, syscall.SIGKILL) }()
		}
		if err := node.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = node.Wait()
		if text, err := os.ReadFile(lockPath(dir)); err != nil || !strings.Contains(string(text), strconv.Itoa(node.Process.Pid)) {
			t.Fatalf("%s: the file holds %q, %v", kind, text, err)
		}
		if s, err := daemon.Look(dir); err != nil || s != (daemon.Status{}) {
			t.Errorf("%s: %+v, %v", kind, s, err)
		}
		held, err := daemon.Lock(dir, daemon.About{})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		held.Close()
	}
}

func TestOnlyOneOfManyGetsTheLock(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	var holders, total atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				held, err := daemon.Lock(dir, daemon.About{})
				if err != nil {
					if !errors.Is(err, daemon.ErrRunning) {
						t.Error(err)
					}
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				total.Add(1)
				holders.Add(-1)
				held.Close()
			}
		})
	}
	all.Wait()
	if total.Load() == 0 {
		t.Error("nobody ever got it")
	}
}

func TestLookingDisturbsNobody(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	done := make(chan struct{})
	var lookers sync.WaitGroup
	for range 3 {
		lookers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if s, err := daemon.Look(dir); err != nil || s.PID != 0 && s.PID != os.Getpid() {
					t.Errorf("%+v, %v", s, err)
				}
			}
		})
	}
	for range 200 {
		held, err := daemon.Lock(dir, daemon.About{})
		if err != nil {
			t.Error(err)
			break
		}
		held.Close()
	}
	close(done)
	lookers.Wait()
}

func TestLockRefusesWhatOthersCouldHavePutThere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string
	}{
		{"symlink", func(t *testing.T, dir string) {
			victim := filepath.Join(dir, "victim")
			try(t, os.WriteFile(victim, []byte("precious"), 0o600))
			try(t, os.Symlink(victim, lockPath(dir)))
			t.Cleanup(func() {
				if text, _ := os.ReadFile(victim); string(text) != "precious" {
					t.Errorf("the link was followed: %q", text)
				}
			})
		}, "is a symbolic link"},
		{"fifo", func(t *testing.T, dir string) {
			try(t, syscall.Mkfifo(lockPath(dir), 0o600))
		}, "is no regular file"},
		{"directory", func(t *testing.T, dir string) {
			try(t, os.Mkdir(lockPath(dir), 0o700))
		}, "is a directory"},
		{"open directory", func(t *testing.T, dir string) {
			try(t, os.Chmod(dir, 0o777))
		}, "chmod 700 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := stateDir(t)
			tt.make(t, dir)
			held, err := daemon.Lock(dir, daemon.About{})
			if err == nil {
				held.Close()
				t.Fatal("the lock was taken")
			}
			if _, ok := errors.AsType[*fault.NodeError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %T: %v; want %q", err, err, tt.want)
			}
		})
	}
}

// A restored backup may have any mode.
func TestLockFileBecomesPrivate(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	try(t, os.WriteFile(lockPath(dir), []byte("{}\n"), 0o600))
	try(t, os.Chmod(lockPath(dir), 0o666))
	held, err := daemon.Lock(dir, daemon.About{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if info, err := os.Stat(lockPath(dir)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if s, err := daemon.Look(dir); err != nil || s.PID != os.Getpid() {
		t.Errorf("%+v, %v", s, err)
	}
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
