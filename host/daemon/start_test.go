//go:build unix

package daemon_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
)

// start starts a node that comes up, and stops it when the test ends.
func start(t *testing.T, kind, dir string) daemon.Status {
	t.Helper()
	s, err := daemon.Start(t.Context(), daemon.StartConfig{StateDir: dir, Argv: argv(kind, dir), Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(s.PID, syscall.SIGKILL)
		deserted(t, dir)
	})
	return s
}

// Not in parallel: children of other tests would get the open pipe too.
func TestStartReturnsWhenTheNodeServes(t *testing.T) {
	dir := stateDir(t)
	// What a shell left open must not be kept open by the node.
	var fds [2]int
	try(t, syscall.Pipe(fds[:])) // unlike os.Pipe, not closed on exec
	defer syscall.Close(fds[0])

	s := start(t, "serves", dir)
	try(t, syscall.Close(fds[1]))
	if !s.Running || s.PID <= 1 || s.PID == os.Getpid() || s.Address != "127.0.0.1:1" ||
		s.Version != "v1" || s.LogPath != daemon.DefaultLog(dir) {
		t.Errorf("%+v", s)
	}
	if seen, err := daemon.Look(dir); err != nil || seen != s {
		t.Errorf("Look: %+v, %v; Start said %+v", seen, err, s)
	}
	if sid, err := unix.Getsid(s.PID); err != nil || sid != s.PID {
		t.Errorf("session %d of %d, %v", sid, s.PID, err)
	}
	if n, err := syscall.Read(fds[0], make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the pipe gave %d, %v", n, err)
	}
	if notes := notes(dir); len(notes) != 1 || notes[0] != `environment ""` {
		t.Errorf("notes %q", notes)
	}
	if info, err := os.Stat(s.LogPath); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log: %v, %v", info, err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	proc := "/proc/" + strconv.Itoa(s.PID) + "/fd/"
	for fd, want := range []string{"/dev/null", s.LogPath, s.LogPath} {
		if got, err := os.Readlink(proc + strconv.Itoa(fd)); err != nil || got != want {
			t.Errorf("descriptor %d is %s, %v; want %s", fd, got, err, want)
		}
	}
	eventually(t, "no pipe is open", func() bool { // not even ours: there is nothing more to say
		open, err := os.ReadDir(proc)
		try(t, err)
		return !slices.ContainsFunc(open, func(fd os.DirEntry) bool {
			to, _ := os.Readlink(proc + fd.Name())
			return strings.HasPrefix(to, "pipe:")
		})
	})
}

// A secret reaches the node whole, however long it is, and stands nowhere that
// others look at.
func TestStartHandsOverASecret(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	secret := strings.Repeat("secret", 1<<15) // more than a pipe holds
	s, err := daemon.Start(t.Context(), daemon.StartConfig{StateDir: dir, Argv: argv("serves", dir), Timeout: time.Hour, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(s.PID, syscall.SIGKILL)
		deserted(t, dir)
	})
	if notes := notes(dir); len(notes) != 2 || notes[0] != `environment ""` || notes[1] != "secret "+secret {
		t.Errorf("%d notes of %d bytes", len(notes), len(strings.Join(notes, "")))
	}
	if runtime.GOOS != "linux" {
		return
	}
	for _, name := range []string{"environ", "cmdline"} {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(s.PID) + "/" + name)
		if err != nil || strings.Contains(string(text), "secret") {
			t.Errorf("%s: %v, %.100q", name, err, text)
		}
	}
	open, err := os.ReadDir("/proc/" + strconv.Itoa(s.PID) + "/fd")
	try(t, err)
	for _, fd := range open {
		if to, _ := os.Readlink("/proc/" + strconv.Itoa(s.PID) + "/fd/" + fd.Name()); fd.Name() == "4" && strings.HasPrefix(to, "pipe:") {
			t.Error("the pipe of the secret is still open")
		}
	}
}

func TestStartBesideANode(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"foreground", "background"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			dir := stateDir(t)
			var pid int
			if place == "foreground" {
				pid = foreground(t, "serves", dir).Process.Pid
			} else {
				pid = start(t, "serves", dir).PID
			}
			_, err := daemon.Start(t.Context(), daemon.StartConfig{StateDir: dir, Argv: argv("serves", dir)})
			if !errors.Is(err, daemon.ErrRunning) || !strings.Contains(err.Error(), "PID "+strconv.Itoa(pid)) {
				t.Errorf("error %v", err)
			}
			if s, err := daemon.Look(dir); err != nil || s.PID != pid {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func TestOfRacingStartersOneWins(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	var race sync.WaitGroup
	results := make(chan error, 4)
	for range cap(results) {
		race.Go(func() {
			_, err := daemon.Start(t.Context(), daemon.StartConfig{StateDir: dir, Argv: argv("serves", dir), Timeout: time.Hour})
			results <- err
		})
	}
	race.Wait()
	close(results)
	won := 0
	for err := range results {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, daemon.ErrRunning):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d starters won", won)
	}
	s, err := daemon.Look(dir)
	if err != nil || s.Address == "" {
		t.Errorf("%+v, %v", s, err)
	}
	if notes := notes(dir); len(notes) != 1 {
		t.Errorf("%d nodes served: %q", len(notes), notes)
	}
	try(t, daemon.Stop(t.Context(), daemon.StopConfig{StateDir: dir}))
	deserted(t, dir)
}

func TestStartOfANodeThatDoesNotComeUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind    string
		timeout time.Duration // an hour where it must not matter
		want    []string
		not     string
	}{
		{"dies", time.Hour, []string{"exit status 7", "last lines of ", "\n  boom: no disk"}, "an earlier start"},
		{"fails", time.Hour, []string{"did not come up: CODA_PORT: no port\nsecond \x1b line; ", "last lines of ", "\n  and undid it"}, "an earlier start"},
		{"lies", time.Hour, []string{"ended as soon as it was ready"}, ""},
		{"mute", 50 * time.Millisecond, []string{"not ready after 50ms", "coda-node.log"}, "an earlier start"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			dir := stateDir(t)
			try(t, os.WriteFile(daemon.DefaultLog(dir), []byte("an earlier start\n"), 0o600))
			s, err := daemon.Start(t.Context(), daemon.StartConfig{StateDir: dir, Argv: argv(tt.kind, dir), Timeout: tt.timeout})
			if _, ok := errors.AsType[*fault.NodeError](err); !ok || s != (daemon.Status{}) {
				t.Fatalf("%+v, error %T: %v", s, err, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if tt.not != "" && strings.Contains(err.Error(), tt.not) {
				t.Errorf("%q says %q", err, tt.not)
			}
			if s, err := daemon.Look(dir); err != nil || s.Running {
				t.Errorf("%+v, %v", s, err)
			}
			deserted(t, dir)
		})
	}
}

func TestStartThatIsGivenUp(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := daemon.Start(ctx, daemon.StartConfig{StateDir: dir, Argv: argv("mute", dir), Timeout: time.Hour})
		ended <- err
	}()
	eventually(t, "the node is at work", func() bool {
		text, _ := os.ReadFile(daemon.DefaultLog(dir))
		return string(text) == "still thinking\n"
	})
	cancel()
	err := <-ended
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	deserted(t, dir)
}

func TestStartFollowsNoLinks(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	victim := filepath.Join(dir, "victim")
	try(t, os.WriteFile(victim, []byte("precious"), 0o600))
	try(t, os.Symlink(victim, daemon.DefaultLog(dir)))
	_, err := daemon.Start(t.Context(), daemon.StartConfig{StateDir: dir, Argv: argv("dies", dir)})
	if err == nil || !strings.Contains(err.Error(), "is a symbolic link") {
		t.Errorf("error %v", err)
	}
	if text, _ := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the link was followed: %q", text)
	}
	deserted(t, dir)
}

// Who sets the variables by hand gets a node in the foreground.
func TestInBackgroundNeedsAPipe(t *testing.T) {
	file, err := os.Open(os.DevNull)
	try(t, err)
	defer file.Close()
	for _, fd := range []string{"", "0", "-1", "x", "1000000", strconv.Itoa(int(file.Fd()))} {
		t.Setenv("CODA_DAEMON_FD", fd)
		t.Setenv("CODA_DAEMON_LOG", "somewhere")
		b := daemon.InBackground()
		if b != nil {
			t.Errorf("%q is taken for a pipe", fd)
		}
		b.Ready("nobody")
		b.Failed(errors.New("nobody"))
		if os.Getenv("CODA_DAEMON_FD")+os.Getenv("CODA_DAEMON_LOG") != "" {
			t.Errorf("%q stays in the environment", fd)
		}
	}
}
