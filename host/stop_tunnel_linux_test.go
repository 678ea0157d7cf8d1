package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/process"
	"github.com/conductorquantum/coda/host/testkit/require"
)

const recordName = "coda-node-openvpn.pid"

// stateWith makes a state directory with a record of which process OpenVPN is.
func stateWith(t *testing.T, record string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, recordName), record, 0o600)
	return dir
}

func record(id process.ID) string {
	text, _ := json.Marshal(id) // of two texts and a number
	return string(text) + "\n"
}

// child is a process that a test started; the test's end kills it.
type child struct {
	*exec.Cmd
	id    process.ID
	ended chan struct{} // closed once somebody asked how it ended
}

// spawn starts a script of sh, and returns once it has said that it runs.
func spawn(t *testing.T, script string) *child {
	t.Helper()
	return spawnWith(t, exec.Command("sh", "-c", script))
}

func spawnWith(t *testing.T, cmd *exec.Cmd, env ...string) *child {
	t.Helper()
	c := &child{Cmd: cmd, ended: make(chan struct{})}
	c.Env = append(os.Environ(), env...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, len("runs\n"))); err != nil {
		t.Fatal(err)
	}
	c.id = process.Of(c.Process.Pid)
	t.Cleanup(func() {
		_ = c.Process.Kill()
		c.reap()
	})
	return c
}

func (c *child) reap() {
	select {
	case <-c.ended:
	default:
		_ = c.Wait() // it was killed
		close(c.ended)
	}
}

// told is what the kernel tells of it.
func (c *child) told(what string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.Process.Pid, what)) // of a process that was not waited for
	return string(text)
}

// lives reports whether it goes on: it is not dead, and no signal is on its way.
func (c *child) lives() bool {
	status := c.told("status")
	return status != "" && !strings.Contains(status, "State:\tZ") &&
		strings.Contains(status, "SigPnd:\t0000000000000000\n") && strings.Contains(status, "ShdPnd:\t0000000000000000\n")
}

func (c *child) signal() syscall.Signal {
	return c.ProcessState.Sys().(syscall.WaitStatus).Signal()
}

// What a child does: it ends at any signal, or at one that nobody can ignore.
const (
	waits = "echo runs; exec sleep 1000"
	deaf  = "trap '' TERM; echo runs; while :; do sleep 1; done"
)

func TestStopTunnelEndsTheProcessThatWasNoted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script string
		first  os.Signal // that it gets before
		want   syscall.Signal
		least  time.Duration
	}{
		"at once":                        {waits, nil, syscall.SIGTERM, 0},
		"one that does not listen":       {deaf, nil, syscall.SIGKILL, 4 * time.Second},
		"one that was stopped":           {waits, syscall.SIGSTOP, syscall.SIGKILL, 4 * time.Second},
		"it was dead before, and unread": {waits, syscall.SIGKILL, syscall.SIGKILL, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := spawn(t, tt.script)
			if tt.first != nil {
				if err := c.Process.Signal(tt.first); err != nil {
					t.Fatal(err)
				}
			}
			want := c.Process.Pid
			switch tt.first {
			case syscall.SIGKILL:
				want = 0
				eventually(t, "it is dead", c.id.Ended)
			case syscall.SIGSTOP:
				eventually(t, "it is stopped", func() bool { return strings.Contains(c.told("stat"), ") T ") })
			}
			dir := stateWith(t, record(c.id))
			began := time.Now()
			pid, err := host.StopTunnel(t.Context(), dir)
			took := time.Since(began)
			if err != nil || pid != want {
				t.Fatalf("%d, %v", pid, err)
			}
			if took < tt.least {
				t.Errorf("it took %s", took)
			}
			if c.lives() {
				t.Error("it returned before the process was gone")
			}
			c.reap()
			if got := c.signal(); got != tt.want {
				t.Errorf("it ended by %v", got)
			}
			if pid, err := host.StopTunnel(t.Context(), dir); pid != 0 || err != nil {
				t.Errorf("once more: %d, %v", pid, err)
			}
		})
	}
}

// A record is a hint, and never an order: whoever is not verified to be the noted
// process gets no signal.
func TestStopTunnelLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		forge func(id process.ID) string
		error string // "": there is none, and nothing was found
	}{
		"the PID of another process": {func(id process.ID) string { id.Start = "1" + id.Start; return record(id) }, ""},
		"of before the last boot":    {func(id process.ID) string { id.Boot = "another"; return record(id) }, ""},
		"a PID that nobody has":      {func(id process.ID) string { id.PID = 1 << 30; return record(id) }, ""},
		"a PID beyond all":           {func(id process.ID) string { id.PID += 1 << 32; return record(id) }, ""},
		"no start":                   {func(id process.ID) string { id.Start = ""; return record(id) }, "cannot be verified, so none gets a signal"},
		"the group of this process":  {func(id process.ID) string { id.PID = 0; return record(id) }, "names no process; remove it"},
		"everybody":                  {func(id process.ID) string { id.PID = -1; return record(id) }, "names no process; remove it"},
		"its group":                  {func(id process.ID) string { id.PID = -id.PID; return record(id) }, "names no process; remove it"},
		"of an older node":           {func(id process.ID) string { return fmt.Sprintln(id.PID) }, "names no process; remove it"},
		"cut short":                  {func(id process.ID) string { return record(id)[:20] }, "names no process; remove it"},
		"empty":                      {func(process.ID) string { return "" }, "names no process; remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := spawn(t, waits)
			dir := stateWith(t, tt.forge(c.id))
			refuses(t, dir, tt.error)
			if !c.lives() {
				t.Error("the bystander was signalled")
			}
		})
	}
	t.Run("nothing was noted", func(t *testing.T) {
		t.Parallel()
		refuses(t, filepath.Join(t.TempDir(), "state"), "")
	})
	t.Run("others may have written it", func(t *testing.T) {
		t.Parallel()
		c := spawn(t, waits)
		dir := stateWith(t, record(c.id))
		chmod(t, filepath.Join(dir, recordName), 0o620)
		refuses(t, dir, "has mode 0620")
		if !c.lives() {
			t.Error("it was signalled")
		}
	})
	t.Run("a link", func(t *testing.T) {
		t.Parallel()
		c := spawn(t, waits)
		dir := stateWith(t, record(c.id))
		path := filepath.Join(dir, recordName)
		if err := os.Rename(path, path+"s"); err != nil {
			t.Fatal(err)
		}
		symlink(t, path+"s", path)
		refuses(t, dir, "is a symbolic link")
		if !c.lives() {
			t.Error("it was signalled")
		}
	})
}

// refuses checks that nothing is stopped, and that the record is as it was.
func refuses(t *testing.T, dir, reason string) {
	t.Helper()
	path := filepath.Join(dir, recordName)
	before, _ := os.ReadFile(path)
	pid, err := host.StopTunnel(t.Context(), dir)
	if pid != 0 || (err == nil) != (reason == "") {
		t.Fatalf("%d, %v", pid, err)
	}
	if err != nil {
		if _, ok := errors.AsType[*fault.VPNError](err); !ok || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, not %q", err, reason)
		}
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Errorf("the record was %q and is %q", before, after)
	}
}

// asNobody runs a program as another user.
var asNobody = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}

// Otherwise whoever may write the record could have root end any process.
func TestStopTunnelWantsOneOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can run processes as another user")
	}
	theirs := exec.Command("sleep", "1000")
	theirs.SysProcAttr = asNobody
	if err := theirs.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = theirs.Process.Kill()
		_ = theirs.Wait() // it was killed
	})
	refuses(t, stateWith(t, record(process.Of(theirs.Process.Pid))), "runs as user 65534")

	ours := spawn(t, waits)
	dir := stateWith(t, record(ours.id))
	if err := os.Chown(filepath.Join(dir, recordName), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, "belongs to user 65534")
	if !ours.lives() {
		t.Error("it was signalled")
	}
}

func TestStopTunnelEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := spawn(t, deaf)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	pid, err := host.StopTunnel(ctx, stateWith(t, record(c.id)))
	if pid != c.Process.Pid || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "may still be ending") {
		t.Errorf("%d, %v", pid, err)
	}
}

// asPart names what the test binary is in TestStopTunnelThatMayNotSignal.
const asPart = "CODA_TEST_STOP_TUNNEL"

// Who may not end it says so, and the record stays.
func TestStopTunnelThatMayNotSignal(t *testing.T) {
	switch part := os.Getenv(asPart); part {
	case "":
	case "process": // it runs as root, and is not root's to signal without the right to
		if err := syscall.Setresuid(65534, 0, 65534); err != nil {
			t.Fatal(err)
		}
		fmt.Println("runs")
		time.Sleep(time.Hour) // it is killed
	default:
		pid, err := host.StopTunnel(t.Context(), part)
		fmt.Println(pid, err)
		return
	}
	t.Parallel()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can run processes as another user")
	}
	require.Program(t, "root", "setpriv", "util-linux")
	const itself = `exec "$0" -test.run='^TestStopTunnelThatMayNotSignal$'`
	target := spawnWith(t, exec.Command("sh", "-c", itself, os.Args[0]), asPart+"=process")
	dir := stateWith(t, record(target.id))
	stop := exec.Command("setpriv", "--bounding-set", "-kill", "--inh-caps", "-all", "sh", "-c", itself, os.Args[0])
	stop.Env = append(os.Environ(), asPart+"="+dir)
	out, err := stop.CombinedOutput()
	want := fmt.Sprintf("%d vpn: OpenVPN (PID %[1]d) may not be signalled; run this as root", target.Process.Pid)
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: %s, not %s", err, out, want)
	}
	if got, err := os.ReadFile(filepath.Join(dir, recordName)); err != nil || string(got) != record(target.id) {
		t.Errorf("the record: %s, %v", got, err)
	}
	if !target.lives() {
		t.Error("it was signalled")
	}
}

// Reset ends what a node that was killed left running, and keeps the record of what
// it could not end.
func TestResetEndsTheTunnel(t *testing.T) {
	t.Parallel()
	c := spawn(t, waits)
	dir, temp := stateWith(t, record(c.id)), t.TempDir()
	chmod(t, dir, 0o700)
	done, err := host.Reset(t.Context(), host.ResetConfig{StateDir: dir, Temp: temp})
	if err != nil || done.OpenVPN != c.Process.Pid || done.TunnelErr != nil || c.lives() {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := os.Stat(filepath.Join(dir, recordName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the record: %v", err)
	}

	c = spawn(t, deaf)
	dir = stateWith(t, record(c.id))
	chmod(t, dir, 0o700)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	done, err = host.Reset(ctx, host.ResetConfig{StateDir: dir, Temp: temp})
	if err != nil || done.OpenVPN != c.Process.Pid || !errors.Is(done.TunnelErr, context.DeadlineExceeded) {
		t.Errorf("%+v, %v", done, err)
	}
	kept := slices.ContainsFunc(done.Removals, func(r host.Removal) bool {
		return r.Path == filepath.Join(dir, recordName) && r.Failed && r.Kept != ""
	})
	if _, err := os.Stat(filepath.Join(dir, recordName)); err != nil || !kept {
		t.Errorf("the record: %v, %+v", err, done.Removals)
	}

	// One that names nobody is worth nothing.
	dir = stateWith(t, "nonsense")
	chmod(t, dir, 0o700)
	done, err = host.Reset(t.Context(), host.ResetConfig{StateDir: dir, Temp: temp})
	if err != nil || done.OpenVPN != 0 || done.TunnelErr == nil {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := os.Stat(filepath.Join(dir, recordName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the record: %v", err)
	}
}
