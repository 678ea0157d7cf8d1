//go:build unix

package executor_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/guest"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// children lists the processes that run the executor of that name.
func children(t *testing.T, name string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		require.Missing(t, "proc", "this system has no /proc to find processes in")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err == nil && string(b) == "coda\x00"+guest.Subcommand+"\x00"+name+"\x00" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// child is the one process that runs the executor of that name.
func child(t *testing.T, name string) int {
	t.Helper()
	pids := children(t, name)
	if len(pids) != 1 {
		t.Fatalf("%d processes run %s", len(pids), name)
	}
	return pids[0]
}

// gone waits until a process has ended and was reaped; or until it has ended,
// where whoever should reap it may not.
func gone(t *testing.T, pid int, reaped bool) {
	t.Helper()
	for range 1000 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || !reaped && bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("process %d does not end", pid)
}

func TestChildInheritsNothing(t *testing.T) {
	t.Parallel()
	const name = "fake-bare"
	e := open(t, executor.Config{Name: name, Wasm: fakeguest.Assemble(t, nil)})
	good(t, e)
	proc := "/proc/" + strconv.Itoa(child(t, name))
	environ, err := os.ReadFile(proc + "/environ")
	if err != nil || string(environ) != "GOGC=off\x00GOMAXPROCS=2\x00GOTRACEBACK=single\x00" {
		t.Errorf("environment %q, %v", environ, err)
	}
	fds, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	sockets := 0
	for _, fd := range fds {
		switch to, _ := os.Readlink(proc + "/fd/" + fd.Name()); {
		case strings.HasPrefix(to, "socket:"):
			sockets++
		case to == "/dev/null", strings.HasPrefix(to, "/sys/fs/cgroup/"), strings.HasPrefix(to, "anon_inode:"):
			// Standard streams, and what Go's runtime opens for itself.
		default:
			t.Errorf("descriptor %s is %s", fd.Name(), to)
		}
	}
	// Our end's copy of the pair is not among them; the crash output's is.
	if sockets > 2 {
		t.Errorf("%d sockets", sockets)
	}
}

// parentMode is the mode in which the test binary is a node: it runs a guest that
// loops for ever, and says so.
const parentMode = "__parent"

func parent(wasm string) int {
	b, err := os.ReadFile(wasm)
	if err != nil {
		return 1
	}
	cfg := executor.Config{Name: "fake-orphan", Wasm: b, Limits: executor.Limits{JobTime: time.Hour}}
	e, err := executor.Open(context.Background(), cfg)
	if err != nil {
		return 1
	}
	time.AfterFunc(100*time.Millisecond, func() { fmt.Fprintln(os.Stderr, "running") })
	_, _ = e.Run(context.Background(), job(13))
	return 1
}

func TestNoChildOutlivesItsNode(t *testing.T) {
	t.Parallel()
	wasm := filepath.Join(t.TempDir(), "guest.wasm")
	if err := os.WriteFile(wasm, fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", parentMode, wasm)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil || !strings.Contains(line, "running") {
		t.Fatalf("the node says %q, %v", line, err)
	}
	pid := child(t, "fake-orphan")
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	gone(t, pid, false)
}
