//go:build unix

package executor_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/executor"
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
		if err == nil && bytes.HasPrefix(b, []byte("coda\x00__")) && bytes.HasSuffix(b, []byte("\x00"+name+"\x00")) {
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
	// A descriptor that somebody forgot to mark.
	file, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	leaked, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leaked)
	e := open(t, executor.Config{Name: name, Wasm: fakeguest.Assemble(t, nil)})
	good(t, e)
	proc := "/proc/" + strconv.Itoa(child(t, name))
	environ, err := os.ReadFile(proc + "/environ")
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return // the child is closed to whoever has no capability: to all like itself
	}
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

func TestNoChildOutlivesItsNode(t *testing.T) {
	t.Parallel()
	const name = "fake-orphan"
	n := startNode(t, scene{
		Name: name, Limits: executor.Limits{JobTime: time.Hour}, Jobs: []uint16{5, 13},
	}, fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop}), nil)
	n.hears("ready")
	n.hears("job 5 <nil>")
	n.hears("running")
	pid := child(t, name)
	n.kill()
	gone(t, pid, false)
}
