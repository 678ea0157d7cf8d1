//go:build unix

package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// nodeMode is the mode in which the test binary is a node, of the kind that the
// next argument names, on the state directory after it.
const nodeMode = "__node"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == nodeMode {
		os.Exit(node(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

// node is a process of a kind that the tests want.
func node(kind, dir string) int {
	background := daemon.InBackground()
	stop := make(chan os.Signal, 8)
	signal.Notify(stop, syscall.SIGTERM)
	switch kind {
	case "dies":
		fmt.Fprintln(os.Stderr, "boom: no disk")
		return 7
	case "fails":
		background.Failed(errors.New("CODA_PORT: no port\nsecond \x1b line"))
		fmt.Fprintln(os.Stderr, "and undid it")
		return 1
	case "lies":
		background.Ready("127.0.0.1:1")
		<-stop
		return 0
	case "looks":
		status, err := daemon.Look(dir)
		fmt.Println(status.Running, err)
		return 0
	case "stops":
		fmt.Println(daemon.Stop(context.Background(), daemon.StopConfig{StateDir: dir}))
		return 0
	case "stops-powerless":
		fmt.Println(execWithoutKill("stops", dir))
		return 1
	case "crashes":
		return crash(dir)
	}
	about := daemon.About{Version: "v1", Drain: time.Hour}
	if background != nil {
		about.LogPath = background.LogPath
	}
	held, err := daemon.Lock(dir, about)
	if err != nil {
		background.Failed(err)
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	defer held.Close()
	if kind == "mute" {
		fmt.Fprintln(os.Stderr, "still thinking")
		<-stop
		return 0
	}
	if kind == "bears" { // a child that outlives it
		child := exec.Command("sleep", "1000")
		if err := child.Start(); err != nil {
			return 1
		}
		note(dir, fmt.Sprintf("child %d", child.Process.Pid))
	}
	note(dir, fmt.Sprintf("environment %q", os.Getenv("CODA_DAEMON_FD")+os.Getenv("CODA_DAEMON_SECRET_FD")+os.Getenv("CODA_DAEMON_LOG")))
	if secret := background.Secret(); secret != "" {
		note(dir, "secret "+secret)
	}
	if err := held.Serving("127.0.0.1:1"); err != nil {
		return 1
	}
	background.Ready("127.0.0.1:1")
	background.Failed(errors.New("nobody hears this"))
	<-stop
	note(dir, "signal 1")
	if kind != "busy" {
		return 0
	}
	if err := held.Stopping(); err != nil {
		return 1
	}
	note(dir, "draining")
	for { // until the jobs in hand are done
		select {
		case <-stop:
			note(dir, "signal 2")
			return 0
		case <-time.After(5 * time.Millisecond):
			if _, err := os.Stat(filepath.Join(dir, "done")); err == nil {
				note(dir, "drained")
				return 0
			}
		}
	}
}

// note writes down what happened, for notes.
func note(dir, text string) {
	f, err := os.OpenFile(filepath.Join(dir, "notes"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, text); err != nil {
		panic(err)
	}
}

func notes(dir string) []string {
	text, _ := os.ReadFile(filepath.Join(dir, "notes"))
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func argv(kind, dir string) []string { return []string{"coda", nodeMode, kind, dir} }

// foreground starts a node as an operator at a terminal would.
func foreground(t *testing.T, kind, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(self(t), nodeMode, kind, dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, kind+" serves", func() bool {
		status, err := daemon.Look(dir)
		return err == nil && status.PID == cmd.Process.Pid && status.Address != ""
	})
	return cmd
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// stateDir is a state directory whose processes are gone when the test ends.
func stateDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// deserted fails where a process of the state directory is left.
func deserted(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		require.Missing(t, "proc", "this system has no /proc to find processes in")
	}
	eventually(t, "no process is left", func() bool {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			line, _ := os.ReadFile(file)
			if strings.Contains(string(line), "\x00"+dir+"\x00") {
				return false
			}
		}
		return true
	})
}

// eventually waits for what will be the case on any machine, however slow.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
