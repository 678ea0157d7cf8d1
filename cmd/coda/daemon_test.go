//go:build unix

package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
)

// lab is a place where nodes can run: a folder, a cloud, and an environment.
type lab struct {
	dir   string
	state string
	cloud *devcloud.Cloud
	env   []string
}

// newLab makes a lab. What runs in its background is stopped with the test.
func newLab(t *testing.T) *lab {
	t.Helper()
	cloud, err := devcloud.New(devcloud.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	url, err := cloud.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{dir: workshop(t), cloud: cloud}
	l.state = filepath.Join(l.dir, "state")
	l.env = []string{
		"CODA_WEBAPP_URL=" + url, "CODA_VPN_REQUIRED=false", "CODA_EXECUTOR=backend.wasm",
		"CODA_HOST=127.0.0.1", "CODA_PORT=" + freePort(t), "CODA_STATE_DIR=" + l.state,
	}
	t.Cleanup(func() { l.end(t) })
	return l
}

// run runs one command to its end.
func (l *lab) run(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	p := launch(t, l.dir, l.env, args...)
	p.exits(t, code)
	return p.stdout.String(), strings.Join(p.stderr, "\n")
}

// launch starts one command.
func (l *lab) launch(t *testing.T, args ...string) *process {
	t.Helper()
	return launch(t, l.dir, l.env, args...)
}

// pid is the node's process, 0 if none runs.
func (l *lab) pid(t *testing.T) int {
	t.Helper()
	p := launch(t, l.dir, l.env, "status", "--json")
	<-p.ended
	var said struct{ PID int }
	if err := json.Unmarshal([]byte(p.stdout.String()), &said); err != nil {
		t.Fatalf("%s: %v", p.stdout.String(), err)
	}
	return said.PID
}

// end makes sure that no node is left, whatever went wrong.
func (l *lab) end(t *testing.T) {
	pid := l.pid(t)
	if pid == 0 {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	if !t.Failed() {
		t.Errorf("the test left the node %d", pid)
	}
}

// alive reports whether a process runs. One that ended and that nobody asked how,
// as where nothing does what init is for, does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err == nil {
		return !strings.Contains(string(stat), ") Z ")
	}
	return syscall.Kill(pid, 0) == nil
}

// A daemon is started when it takes jobs, says how it is, logs into a file, lets
// no second node in, and is stopped with time for its job.
func TestDaemon(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	token := l.cloud.Token()
	l.env = append(l.env, "CODA_NODE_TOKEN="+token)
	out, messages := l.run(t, exitOK, "start", "--daemon")
	pid := l.pid(t)
	log := filepath.Join(l.state, "coda-node.log")
	if !strings.Contains(messages, "D A E M O N") || !strings.HasPrefix(out, "Started daemon (PID "+strconv.Itoa(pid)+")\n") ||
		!strings.Contains(out, log) || !strings.Contains(out, "coda stop") || !strings.Contains(out, "coda logs") {
		t.Errorf("it was started with\n%s\n%s", out, messages)
	}
	if !alive(pid) {
		t.Fatalf("process %d is not there", pid)
	}
	if line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline"); err == nil && string(line) != "coda\x00start\x00" {
		t.Errorf("its command line is %q", line)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log: %v, %v", info, err)
	}

	out, _ = l.run(t, exitOK, "status")
	for _, want := range []string{
		"S T A T U S", "DAEMON        running\n", "PID           " + strconv.Itoa(pid), "SINCE         20", "READY         yes\n", "REDIS         healthy",
		"LOG FILE      " + log, "LOG EXISTS    yes", "EXECUTOR      backend", "VPN IFACE     not detected",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("status lacks %q:\n%s", want, out)
		}
	}
	for _, second := range []struct {
		code int
		args []string
		want string
	}{
		{exitFailed, []string{"start", "-d"}, "coda: already running (PID " + strconv.Itoa(pid) + ")"},
		{exitStart, []string{"start"}, "a node is already running (PID " + strconv.Itoa(pid) + ")"},
	} {
		if _, messages := l.run(t, second.code, second.args...); !strings.Contains(messages, second.want) {
			t.Errorf("a second node: %s", messages)
		}
	}
	if out, _ := l.run(t, exitOK, "doctor"); !strings.Contains(out, "ok       node        a node runs (PID ") || !strings.Contains(out, "not opened, because the node") {
		t.Errorf("the doctor says\n%s", out)
	}

	follower := l.launch(t, "logs", "--follow", "-n", "1000")
	circuit, err := os.ReadFile(filepath.Join(l.dir, "wait.json"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := l.cloud.Submit(t.Context(), devcloud.Job{IR: circuit, Shots: 10})
	if err != nil {
		t.Fatal(err)
	}
	follower.waitForOutput(t, "the backend waits")
	stopping := l.launch(t, "stop")
	follower.waitForOutput(t, "waiting for the jobs in hand")
	for { // it says so beside the drain
		if out, _ := l.run(t, exitOK, "status"); strings.Contains(out, "DAEMON        stopping") {
			break
		}
	}
	if ok, err := l.cloud.Cancel(t.Context(), ids[0]); !ok || err != nil {
		t.Fatal(ok, err)
	}
	stopping.exits(t, exitOK)
	if out := stopping.stdout.String(); out != "Stopping daemon (PID "+strconv.Itoa(pid)+")...\nDaemon stopped\n" {
		t.Errorf("stop says\n%s", out)
	}
	for alive(pid) { // the lock is free a moment before
		time.Sleep(time.Millisecond)
	}
	follower.signal(t, os.Interrupt)
	follower.exits(t, exitOK)
	if out := follower.stdout.String(); !strings.Contains(out, "job="+ids[0]) || strings.Contains(out, token) {
		t.Errorf("the log:\n%s", out)
	}
	if out, _ := l.run(t, exitOK, "logs", "-n", "1"); !strings.HasSuffix(out, "level=INFO msg=\"the node stopped\"\n") {
		t.Errorf("the log ends with %s", out)
	}
	if out, _ := l.run(t, exitFailed, "stop"); out != "No daemon is running on "+l.state+"\n" {
		t.Errorf("stop says\n%s", out)
	}
	if out, _ := l.run(t, exitFailed, "status"); !strings.Contains(out, "DAEMON        stopped") || !strings.Contains(out, "PID           -") {
		t.Errorf("status says\n%s", out)
	}
}

// A start that fails says why, leaves no process, and ends with 1.
func TestDaemonDoesNotComeUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env  []string
		want []string // on standard error
	}{
		"the cloud refuses": {[]string{"CODA_NODE_TOKEN=spent"}, []string{
			"D A E M O N", "coda: start: the node did not come up: ", "HTTP 401", "; the last lines of ", "coda-node.log:", `level=ERROR msg="the node ended"`}},
		"no executor": {[]string{"CODA_NODE_TOKEN=any", "CODA_EXECUTOR=nope.wasm"}, []string{
			"did not come up: executor nope.wasm: refused: there is no such file"}},
		"settings":    {[]string{"CODA_PORT=http"}, []string{`coda: CODA_PORT: "http" is not a whole number`}},
		"device file": {[]string{"CODA_NODE_TOKEN=any", "CODA_DEVICE_CONFIG=none.toml"}, []string{"coda: none.toml: "}},
		"log as json": {[]string{"CODA_NODE_TOKEN=spent", "CODA_LOG_FORMAT=json"}, []string{`"level":"ERROR","msg":"the node ended"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.env = append(l.env, tt.env...)
			out, messages := l.run(t, exitFailed, "start", "--daemon")
			for _, want := range tt.want {
				if !strings.Contains(messages, want) {
					t.Errorf("standard error lacks %q:\n%s", want, messages)
				}
			}
			if out != "" || l.pid(t) != 0 {
				t.Errorf("it says %q, and process %d runs", out, l.pid(t))
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		l := newLab(t)
		if _, err := l.cloud.Fault(devcloud.Fault{Endpoint: "connect", Status: 503}); err != nil {
			t.Fatal(err)
		}
		l.env = append(l.env, "CODA_NODE_TOKEN="+l.cloud.Token(), "CODA_NODE_CONNECT_RETRIES=1000")
		p := l.launch(t, "start", "--daemon")
		for l.pid(t) == 0 { // it holds the lock before it connects
			select {
			case <-p.ended:
				t.Fatal("it ended")
			default:
			}
		}
		p.signal(t, os.Interrupt)
		p.exits(t, exitFailed)
		p.waitFor(t, "^coda: interrupted; no node was started$")
		if pid := l.pid(t); pid != 0 {
			t.Errorf("process %d runs", pid)
		}
	})
}

// Every line of a log for machines is JSON, the daemon's beginning and end too.
func TestDaemonLogsJSON(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	token := filepath.Join(l.dir, "token")
	if err := os.WriteFile(token, []byte(l.cloud.Token()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.env = append(l.env, "CODA_NODE_TOKEN_FILE="+token)
	l.run(t, exitOK, "start", "-d", "--log-format", "json", "--log-level", "debug")
	var status struct {
		Daemon   string
		PID      int
		Since    string
		LogFile  string `json:"log_file"`
		Executor string
		Ready    struct {
			Ready bool
		}
	}
	out, _ := l.run(t, exitOK, "status", "--json")
	if err := json.Unmarshal([]byte(out), &status); err != nil || status.Daemon != "running" || status.PID == 0 || status.Since == "" ||
		status.Executor != "backend" || !status.Ready.Ready {
		t.Errorf("status: %s, %v", out, err)
	}
	circuit, err := os.ReadFile(filepath.Join(l.dir, "zeros.json"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := l.cloud.Submit(t.Context(), devcloud.Job{IR: circuit, Shots: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.cloud.Wait(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	l.run(t, exitOK, "stop")
	out, _ = l.run(t, exitOK, "logs")
	jobs, first := 0, ""
	for line := range strings.Lines(out) {
		var record struct{ Level, Msg, Job, Message string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Level == "" {
			t.Errorf("%s: %v", line, err)
		}
		if first == "" {
			first = record.Msg
		}
		if record.Job == ids[0] && record.Message != "" {
			jobs++
		}
	}
	if first != "the node starts" || jobs == 0 {
		t.Errorf("it begins with %q, and %d lines name the job:\n%s", first, jobs, out)
	}
	if one, _ := l.run(t, exitOK, "logs", "--lines", "1"); strings.Count(one, "\n") != 1 || !strings.HasSuffix(out, one) {
		t.Errorf("the last line: %s", one)
	}
}

// A node in the foreground holds the same lock. It can be seen and stopped, and
// nothing is reset beneath it.
func TestForegroundNode(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	node := l.launch(t, "start", "--token", l.cloud.Token())
	node.waitFor(t, "the node takes jobs")
	if out, _ := l.run(t, exitOK, "status"); !strings.Contains(out, "DAEMON        running, in the foreground\n") || !strings.Contains(out, "LOG EXISTS    no") {
		t.Errorf("status:\n%s", out)
	}
	if _, messages := l.run(t, exitFailed, "logs"); !strings.HasPrefix(messages, "coda: No log file found at "+l.state) || !strings.Contains(messages, "runs in the foreground and logs to its own") {
		t.Errorf("logs: %s", messages)
	}
	if _, messages := l.run(t, exitFailed, "start", "--daemon"); !strings.Contains(messages, "already running (PID ") {
		t.Errorf("a daemon beside it: %s", messages)
	}
	if out, messages := l.run(t, exitFailed, "reset"); out != "" || !strings.Contains(messages, "in the foreground (PID ") {
		t.Errorf("reset: %s%s", out, messages)
	}
	if _, err := os.Stat(filepath.Join(l.state, "coda.config")); err != nil {
		t.Error(err)
	}
	l.run(t, exitOK, "stop")
	node.exits(t, exitOK)
}

// Reset stops a daemon and forgets what it kept; what is not a node's stays.
func TestResetWithDaemon(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.env = append(l.env, "CODA_NODE_TOKEN="+l.cloud.Token())
	l.run(t, exitOK, "start", "--daemon")
	mine := filepath.Join(l.state, "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := l.run(t, exitOK, "--reset", "start")
	for _, want := range []string{
		"Stopping daemon (PID ", "Daemon stopped\n", "  removed    " + l.state + "/coda.config\n", "  removed    " + l.state + "/coda-private-key\n",
		"  removed    " + l.state + "/coda-fingerprint\n", "  removed    " + l.state + "/coda-node.log\n", "  not found  " + l.state + "/coda-node.ovpn\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("reset lacks %q:\n%s", want, out)
		}
	}
	left, err := os.ReadDir(l.state)
	if err != nil || len(left) != 2 || left[0].Name() != "coda-node.lock" || left[1].Name() != "notes.txt" {
		t.Errorf("left are %v, %v", left, err)
	}
}
