package executor_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

func init() {
	without := func(calls ...string) func(scene) error {
		return func(scene) error {
			return seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
				DefaultAction: seccomp.ActionAllow,
				Syscalls:      []seccomp.SyscallGroup{{Names: calls, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)}},
			}})
		}
	}
	preparations["no Landlock"] = without("landlock_create_ruleset")
	preparations["no seccomp"] = without("seccomp")
	preparations["neither"] = without("landlock_create_ruleset", "seccomp")
	preparations["small cache"] = func(s scene) error {
		return unix.Mount("none", s.CacheDir, "tmpfs", 0, "size=4k,mode=0700")
	}
}

// TestAKernelWithLess: what it has is used, and what it lacks is told once, however
// many children are started.
func TestAKernelWithLess(t *testing.T) {
	t.Parallel()
	wasm := fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop})
	for prepare, lacking := range map[string][]string{
		"no Landlock": {"Landlock"}, "no seccomp": {"seccomp"}, "neither": {"Landlock", "seccomp"},
	} {
		t.Run(prepare, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, scene{
				Name: "fake-less", Prepare: prepare, Concurrency: 2,
				Jobs: []uint16{5, 13, 13, 13, 5}, Limits: executor.Limits{CPUTime: 300 * time.Millisecond}, // which no good job takes, however slow the machine
			}, wasm, nil)
			n.hears("ready")
			n.hears("job 5 <nil>")
			for range 3 {
				n.hears("running")
				n.hears("limits.cpu_time")
			}
			n.hears("job 5 <nil>")
			log := n.ends()
			if strings.Count(log, "\n") != 1 || !strings.Contains(log, "does not have all that confines executors") {
				t.Errorf("the log is\n%s", log)
			}
			for _, part := range []string{"Landlock", "seccomp"} {
				want := strings.Contains(strings.Join(lacking, " "), part)
				if strings.Contains(log, part+": function not implemented") != want {
					t.Errorf("%s is missing: want %t in\n%s", part, want, log)
				}
			}
		})
	}
}

// TestAFullDisk: that code cannot be kept is not the module's fault.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can mount a small file system")
	}
	n := startNode(t, scene{Name: "fake-full", CacheDir: folder(t), Prepare: "small cache", Concurrency: 2, Jobs: []uint16{5}},
		fakeguest.Assemble(t, nil), func(cmd *exec.Cmd) {
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		})
	n.hears("ready")
	n.hears("job 5 <nil>")
	log := n.ends()
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, "compiled code cannot be kept") || !strings.Contains(log, "no space left on device") {
		t.Errorf("the log is\n%s", log)
	}
}

// TestANodeWithACapability, which it has for its tunnel, gives it to no child.
func TestANodeWithACapability(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can run processes as another user")
	}
	const name = "fake-ambient"
	n := startNode(t, scene{Name: name, Jobs: []uint16{5}}, fakeguest.Assemble(t, nil), func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: []uintptr{unix.CAP_NET_ADMIN},
		}
	})
	n.hears("ready")
	n.hears("job 5 <nil>")
	// The node has it still, but for the thread that started the child.
	kept := 0
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if strings.Trim(status(t, task)["CapAmb"], "0") == "1" {
			kept++
		}
	}
	if kept < len(tasks)-2 || kept == 0 {
		t.Errorf("%d of the node's %d threads have the capability", kept, len(tasks))
	}
	pid := child(t, name)
	has := status(t, fmt.Sprintf("/proc/%d/status", pid))
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
		if strings.Trim(has[set], "0") != "" {
			t.Errorf("%s is %s", set, has[set])
		}
	}
	if has["NoNewPrivs"] != "1" || has["Seccomp"] != "2" || !strings.HasPrefix(has["Uid"], "65534") {
		t.Errorf("status %v", has)
	}
	// The kernel lets nobody without capabilities look at it, its own user too.
	for _, file := range []string{"environ", "mem", "maps"} {
		cmd := exec.Command("/bin/cat", fmt.Sprintf("/proc/%d/%s", pid, file))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if b, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(b, []byte("Permission denied")) {
			t.Errorf("%s: %v, %.100q", file, err, b)
		}
	}
	n.ends()
}

// status is a process's or a thread's, by its keys.
func status(t *testing.T, path string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		fields[key] = strings.TrimSpace(value)
	}
	return fields
}

// TestASingleProcessor is a machine with one: node and children have the same.
func TestASingleProcessor(t *testing.T) {
	t.Parallel()
	var n *node
	started := make(chan struct{})
	wasm := fakeguest.Assemble(t, map[string]string{"bad": fakeguest.Loop})
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	go func() {
		defer close(started)
		runtime.LockOSThread() // never unlocked: the thread keeps its processor
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			t.Error(err)
		}
		n = startNode(t, scene{
			Name: "fake-single", Concurrency: 2, Jobs: []uint16{5, 13, 5, 5}, Limits: executor.Limits{CPUTime: 300 * time.Millisecond},
		}, wasm, func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "GOMAXPROCS=1") })
	}()
	<-started
	if t.Failed() || n == nil {
		t.FailNow()
	}
	for _, line := range []string{"ready", "job 5 <nil>", "running", "limits.cpu_time", "job 5 <nil>", "job 5 <nil>"} {
		n.hears(line)
	}
	for _, pid := range children(t, "fake-single") {
		if has := status(t, fmt.Sprintf("/proc/%d/status", pid))["Cpus_allowed_list"]; strings.ContainsAny(has, ",-") {
			t.Errorf("a child has processors %s", has)
		}
	}
	n.ends()
}
