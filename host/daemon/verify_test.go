//go:build linux

package daemon_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/testkit/require"
)

const nobody = 65534

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can run processes as another user")
	}
}

// bystander is a process that has nothing to do with any node. Any signal ends
// it: its one thread could not answer before it dies.
type bystander struct {
	pid int
	in  io.Writer
	out *bufio.Reader
}

func newBystander(t *testing.T) bystander {
	t.Helper()
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	try(t, err)
	out, err := cmd.StdoutPipe()
	try(t, err)
	try(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	b := bystander{cmd.Process.Pid, in, bufio.NewReader(out)}
	b.lives(t)
	return b
}

func (b bystander) lives(t *testing.T) {
	t.Helper()
	_, _ = io.WriteString(b.in, "there?\n")
	if line, err := b.out.ReadString('\n'); err != nil || line != "there?\n" {
		t.Errorf("the bystander was signalled: %q, %v", line, err)
	}
}

// began is the bystander's start time, by other means than the package's: `ps`
// knows no ticks, but cat's name needs no care in taking the fields apart.
func (b bystander) began(t *testing.T) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.pid))
	try(t, err)
	return strings.Fields(string(stat))[21]
}

// grab holds the lock of a state directory as a node would, and writes text into
// its file.
func grab(t *testing.T, dir, text string) {
	t.Helper()
	f, err := os.OpenFile(lockPath(dir), os.O_CREATE|os.O_RDWR, 0o600)
	try(t, err)
	t.Cleanup(func() { f.Close() })
	try(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	_, err = f.WriteString(text)
	try(t, err)
}

func TestNobodyIsSignalledUnverified(t *testing.T) {
	t.Parallel()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	try(t, err)
	line := func(pid int, start, boot string) string {
		return fmt.Sprintf(`{"pid":%d,"process_start":%q,"boot_id":%q,"address":"192.0.2.1:80"}`+"\n", pid, start, strings.TrimSpace(boot))
	}
	for _, tt := range []struct {
		name string
		text func(pid int, start string) string
		want string // of the doubt; none: it is verified
	}{
		{"control", func(pid int, start string) string { return line(pid, start, string(boot)) }, ""},
		{"control, then what an older one left", func(pid int, start string) string {
			return line(pid, start, string(boot)) + `0000,"stopping":true}`
		}, ""},
		{"reused", func(pid int, start string) string { return line(pid, "1"+start, string(boot)) }, "that is another process"},
		{"no start", func(pid int, _ string) string { return line(pid, "", string(boot)) }, "cannot confirm"},
		{"other boot", func(pid int, start string) string { return line(pid, start, "another") }, "another machine"},
		{"zero", func(_ int, start string) string { return line(0, start, string(boot)) }, "does not say which process"},
		{"own group", func(pid int, start string) string { return line(-pid, start, string(boot)) }, "does not say which process"},
		{"everybody", func(_ int, start string) string { return line(-1, start, string(boot)) }, "does not say which process"},
		{"nobody", func(_ int, start string) string { return line(1<<30, start, string(boot)) }, "cannot be seen from here"},
		{"empty", func(int, string) string { return "" }, "does not say which process"},
		{"a PID alone", func(pid int, _ string) string { return strconv.Itoa(pid) + "\n" }, "does not say which process"},
		{"not JSON", func(pid int, _ string) string { return fmt.Sprintf(`{"pid":%d`, pid) }, "does not say which process"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, b := stateDir(t), newBystander(t)
			grab(t, dir, tt.text(b.pid, b.began(t)))
			s, err := daemon.Look(dir)
			try(t, err)
			if tt.want == "" {
				if !s.Running || s.PID != b.pid || s.Doubt != "" || s.Address != "192.0.2.1:80" {
					t.Errorf("%+v", s)
				}
				return
			}
			if !s.Running || s.PID != 0 || !strings.Contains(s.Doubt, tt.want) {
				t.Errorf("%+v; want doubt %q", s, tt.want)
			}
			before, _ := os.ReadFile(lockPath(dir))
			err = daemon.Stop(t.Context(), daemon.StopConfig{StateDir: dir})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "no signal") {
				t.Errorf("Stop: %v", err)
			}
			if after, _ := os.ReadFile(lockPath(dir)); string(after) != string(before) {
				t.Errorf("the file changed from %q to %q", before, after)
			}
			if _, err := daemon.Lock(dir, daemon.About{}); !errors.Is(err, daemon.ErrRunning) {
				t.Errorf("Lock: %v", err)
			}
			b.lives(t)
		})
	}
}

// Otherwise a user could have root, who stops a user's node, end any process.
func TestTheFilesOwnerMustRunTheProcess(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir, b := stateDir(t), newBystander(t)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	try(t, err)
	grab(t, dir, fmt.Sprintf(`{"pid":%d,"process_start":%q,"boot_id":%q}`, b.pid, b.began(t), strings.TrimSpace(string(boot))))
	if s, err := daemon.Look(dir); err != nil || s.PID != b.pid {
		t.Fatalf("as root's own: %+v, %v", s, err)
	}
	try(t, os.Chown(lockPath(dir), nobody, nobody))
	if s, err := daemon.Look(dir); err != nil || s.PID != 0 || !strings.Contains(s.Doubt, "runs as user 0") {
		t.Errorf("as nobody's: %+v, %v", s, err)
	}
	try(t, os.Chown(lockPath(dir), 0, 0))
	try(t, os.Chmod(lockPath(dir), 0o622))
	if s, err := daemon.Look(dir); err != nil || !s.Running || s.PID != 0 || !strings.Contains(s.Doubt, "mode 0622") {
		t.Errorf("open to all: %+v, %v", s, err)
	}
	b.lives(t)
}

// The old program kept PID files in the temporary directory and trusted them.
func TestOldPIDFilesCountForNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	b := newBystander(t)
	for _, dir := range []string{tmp, stateDir(t)} {
		pidFile := filepath.Join(dir, "coda-node.pid")
		try(t, os.WriteFile(pidFile, []byte(strconv.Itoa(b.pid)+"\n"), 0o600))
		if s, err := daemon.Look(dir); err != nil || s != (daemon.Status{}) {
			t.Errorf("%+v, %v", s, err)
		}
		if err := daemon.Stop(t.Context(), daemon.StopConfig{StateDir: dir}); !errors.Is(err, daemon.ErrNotRunning) {
			t.Errorf("Stop: %v", err)
		}
		if _, err := os.Stat(pidFile); err != nil {
			t.Error(err)
		}
	}
	b.lives(t)
}

func TestPermissionDeniedIsNoAnswer(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := stateDir(t)
	foreground(t, "serves", dir)
	try(t, os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755))
	try(t, os.Chmod(filepath.Dir(dir), 0o755))
	for _, mode := range []os.FileMode{0o700, 0o755} { // the directory is closed; the file is
		try(t, os.Chmod(dir, mode))
		cmd := exec.Command("/proc/self/exe", nodeMode, "looks", dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "false ") ||
			!strings.Contains(string(out), "permission denied") || !strings.Contains(string(out), "as root") {
			t.Errorf("mode %04o: %q, %v", mode, out, err)
		}
	}
}

// execWithoutKill becomes another kind of test process, which may signal its own
// user's processes only.
func execWithoutKill(kind, dir string) error {
	runtime.LockOSThread() // both calls are of one thread
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_KILL, 0, 0, 0); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", []string{os.Args[0], nodeMode, kind, dir}, os.Environ())
}

func TestStopThatMayNotSignal(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := stateDir(t)
	for _, path := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(dir)} {
		try(t, os.Chmod(path, 0o755))
	}
	try(t, os.Chown(dir, nobody, nobody))
	node := exec.Command("/proc/self/exe", nodeMode, "serves", dir)
	node.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	try(t, node.Start())
	t.Cleanup(func() {
		_ = node.Process.Kill()
		_ = node.Wait()
	})
	eventually(t, "the node serves", func() bool {
		s, err := daemon.Look(dir)
		return err == nil && s.PID == node.Process.Pid && s.Address != ""
	})
	before, err := os.ReadFile(lockPath(dir))
	try(t, err)
	out, err := exec.Command(self(t), nodeMode, "stops-powerless", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "may not be signalled") || !strings.Contains(string(out), strconv.Itoa(node.Process.Pid)) {
		t.Errorf("%q, %v", out, err)
	}
	if after, err := os.ReadFile(lockPath(dir)); err != nil || string(after) != string(before) {
		t.Errorf("the file changed from %q to %q, %v", before, after, err)
	}
	if s, err := daemon.Look(dir); err != nil || s.PID != node.Process.Pid {
		t.Errorf("%+v, %v", s, err)
	}
	// Who may, stops another user's node.
	try(t, daemon.Stop(t.Context(), daemon.StopConfig{StateDir: dir}))
	if notes := notes(dir); notes[len(notes)-1] != "signal 1" {
		t.Errorf("notes %q", notes)
	}
}
