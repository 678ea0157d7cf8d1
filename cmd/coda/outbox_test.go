//go:build unix

package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/control"
	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/devcloud"
)

// submit queues one job, and returns its id.
func (l *lab) submit(t *testing.T) string {
	t.Helper()
	circuit, err := os.ReadFile(filepath.Join(l.dir, "zeros.json"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := l.cloud.Submit(t.Context(), devcloud.Job{IR: circuit, Shots: 10})
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

// fails has the cloud answer the next n webhooks so.
func (l *lab) fails(t *testing.T, n, status int, retryAfter string) {
	t.Helper()
	if _, err := l.cloud.Fault(devcloud.Fault{Endpoint: "webhook", Times: n, Status: status, RetryAfter: retryAfter}); err != nil {
		t.Fatal(err)
	}
}

// outbox lists what nobody has taken.
func (l *lab) outbox(t *testing.T, args ...string) control.Page {
	t.Helper()
	out, _ := l.run(t, exitOK, append([]string{"outbox", "list", "--json"}, args...)...)
	var page control.Page
	if err := json.Unmarshal([]byte(out), &page); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return page
}

// becomes waits until a job is in the outbox in a state.
func (l *lab) becomes(t *testing.T, job, state string) control.Entry {
	t.Helper()
	for {
		for _, e := range l.outbox(t, "--state", state).Entries {
			if e.JobID == job && (state == control.Parked || e.Tries > 0) {
				return e
			}
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the test ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// delivered waits until the cloud has a job's outcome.
func (l *lab) delivered(t *testing.T, job string) {
	t.Helper()
	if body, err := l.cloud.Wait(t.Context(), job); err != nil || !strings.Contains(string(body), `"counts":{"00":10}`) {
		t.Errorf("job %s gave %s, %v", job, body, err)
	}
}

// The operator sees what waits and what is parked, and has it sent again, at once
// where a node runs.
func TestOutboxOfANodeThatRuns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.env = append(l.env, "CODA_NODE_TOKEN="+l.cloud.Token())
	l.run(t, exitOK, "start", "--daemon")
	if info, err := os.Stat(filepath.Join(l.state, "coda-node.sock")); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	if out, _ := l.run(t, exitOK, "outbox", "list"); out != "Nothing is in the outbox\n" {
		t.Errorf("it lists\n%s", out)
	}

	// One that would wait for an hour is sent now.
	l.fails(t, 1, 503, "3600")
	waiting := l.submit(t)
	e := l.becomes(t, waiting, control.Waiting)
	if e.Kind != "completed" || e.Due == nil || time.Until(*e.Due) < 50*time.Minute || !strings.Contains(e.LastError, "503") || e.Executions != 1 || e.Published == nil || e.ParkedAt != nil {
		t.Errorf("one that waits: %+v", e)
	}
	out, _ := l.run(t, exitOK, "outbox", "list")
	if lines := strings.Split(out, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "JOB ") || !strings.HasPrefix(lines[1], waiting+"  completed  waiting  1      in ") {
		t.Errorf("it lists\n%s", out)
	}
	if out, _ = l.run(t, exitOK, "status"); !strings.Contains(out, "OUTBOX        1 waiting, 0 parked, ") {
		t.Errorf("status says\n%s", out)
	}
	if _, messages := l.run(t, exitFailed, "outbox", "drop", "--yes", waiting); !strings.Contains(messages, "is not parked") {
		t.Errorf("one that waits is dropped: %s", messages)
	}
	if out, _ = l.run(t, exitOK, "outbox", "retry", waiting); out != waiting+" is on its way\n" {
		t.Errorf("it says %s", out)
	}
	l.delivered(t, waiting)

	// So is one that was parked.
	l.fails(t, 2, 410, "")
	first, second := l.submit(t), l.submit(t)
	if e = l.becomes(t, first, control.Parked); e.ParkedAt == nil || e.Due != nil || !strings.Contains(e.LastError, "410") {
		t.Errorf("one that is parked: %+v", e)
	}
	l.becomes(t, second, control.Parked)
	out, _ = l.run(t, exitOK, "outbox", "show", "--body", first)
	var shown shownOutcome
	text, _ := l.run(t, exitOK, "outbox", "show", "--json", first)
	if err := json.Unmarshal([]byte(text), &shown); err != nil || shown.Body == nil || *shown.Body != out || shown.Size != len(out) || !strings.Contains(out, `"counts":{"00":10}`) {
		t.Errorf("as JSON %s, %v; its body alone %s", text, err, out)
	}
	// What the result came from stays here.
	from := shown.Provenance
	began, err := time.Parse(time.RFC3339Nano, from["started_at"])
	ended, errEnded := time.Parse(time.RFC3339Nano, from["ended_at"])
	if len(from) != 5 || from["executor"] != "backend" || !regexp.MustCompile("^[0-9a-f]{64}$").MatchString(from["sha256"]) || from["abi"] != "0.1.0" ||
		err != nil || errEnded != nil || ended.Before(began) || time.Since(ended) > time.Hour {
		t.Errorf("it came from %v", from)
	}
	if strings.Contains(out, from["sha256"]) || strings.Contains(out, "provenance") || strings.Contains(out, "started_at") {
		t.Errorf("it is in the body: %s", out)
	}
	if text, _ = l.run(t, exitOK, "outbox", "show", first); !strings.HasPrefix(text, first+"\n") || !strings.Contains(text, "state       parked since ") || !strings.HasSuffix(text, "\n"+out+"\n") {
		t.Errorf("it shows\n%s", text)
	}
	page := l.outbox(t, "--limit", "1")
	if rest := l.outbox(t, "--limit", "1", "--after", page.Next); len(page.Entries) != 1 || len(rest.Entries) != 1 || rest.Next != "" || rest.Entries[0].JobID == page.Entries[0].JobID {
		t.Errorf("page by page: %+v, %+v", page, rest)
	}
	if _, messages := l.run(t, exitUsage, "outbox", "drop", first); !strings.Contains(messages, "--yes") {
		t.Errorf("it is dropped without a word: %s", messages)
	}
	// What is parked is not forgotten by the way, and the node is not stopped.
	if _, messages := l.run(t, exitFailed, "reset"); !strings.Contains(messages, "outcomes that wait to be delivered: 0, that are parked: 2: results would be lost") || !strings.Contains(messages, "Nothing was removed. ") || l.pid(t) == 0 {
		t.Errorf("reset says: %s", messages)
	}
	if out, _ = l.run(t, exitOK, "outbox", "retry", "--all-parked"); strings.Count(out, " is on its way\n") != 2 {
		t.Errorf("it says %s", out)
	}
	l.delivered(t, first)
	l.delivered(t, second)
	for len(l.outbox(t).Entries) > 0 {
		time.Sleep(20 * time.Millisecond)
	}

	l.fails(t, 1, 410, "")
	third := l.submit(t)
	l.becomes(t, third, control.Parked)
	if out, _ = l.run(t, exitOK, "outbox", "drop", "--yes", third); out != third+" is dropped\n" {
		t.Errorf("it says %s", out)
	}
	for _, args := range [][]string{{"show", third}, {"retry", third}, {"drop", "--yes", third}} {
		if _, messages := l.run(t, exitFailed, append([]string{"outbox"}, args...)...); !strings.Contains(messages, `job "`+third+`": the outbox has no outcome of it`) {
			t.Errorf("%v: %s", args, messages)
		}
	}
	l.run(t, exitOK, "stop")
	if _, err := os.Lstat(filepath.Join(l.state, "coda-node.sock")); err == nil {
		t.Error("the socket outlives its node")
	}
}

// Without a node the file is asked; what is retried there is sent by the next start,
// also after one that was killed, and in a directory that lies deep.
func TestOutboxWithoutANode(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.state = filepath.Join(l.dir, strings.Repeat("deep-down/", 12), "state")
	l.env = append(l.env, "CODA_STATE_DIR="+l.state, "CODA_NODE_TOKEN="+l.cloud.Token())
	l.fails(t, 1, 410, "")
	l.run(t, exitOK, "start", "--daemon")
	parked := l.submit(t)
	l.becomes(t, parked, control.Parked)
	l.fails(t, 1, 503, "3600")
	waiting := l.submit(t)
	l.becomes(t, waiting, control.Waiting)

	if err := syscall.Kill(l.pid(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for node := (daemon.Status{Running: true}); node.Running; time.Sleep(time.Millisecond) {
		var err error
		if node, err = daemon.Look(l.state); err != nil {
			t.Fatal(err)
		}
	}
	if conn, err := net.Dial("unix", filepath.Join(l.state, "coda-node.sock")); err == nil {
		conn.Close()
		t.Error("somebody listens")
	}
	if page := l.outbox(t); len(page.Entries) != 2 || page.Entries[0].JobID != parked || page.Entries[1].JobID != waiting {
		t.Errorf("it lists %+v", page)
	}
	out, _ := l.run(t, exitOK, "doctor")
	if !strings.Contains(out, "warning  outbox      outcomes that are parked, since nobody takes them: 1; outcomes that wait to be delivered: 1, the oldest since 20") {
		t.Errorf("doctor says\n%s", out)
	}
	if _, messages := l.run(t, exitFailed, "reset"); !strings.Contains(messages, "outcomes that wait to be delivered: 1, that are parked: 1: results would be lost") {
		t.Errorf("reset says: %s", messages)
	}
	if _, err := os.Stat(filepath.Join(l.state, "coda.config")); err != nil {
		t.Error(err)
	}
	out, messages := l.run(t, exitFailed, "outbox", "retry", parked, "nobody's", waiting)
	if out != parked+" is sent by the next start\n"+waiting+" is sent by the next start\n" || messages != `coda: outbox: job "nobody's": the outbox has no outcome of it` {
		t.Errorf("it says %s%s", out, messages)
	}
	l.run(t, exitOK, "start", "--daemon")
	l.delivered(t, parked)
	l.delivered(t, waiting)

	l.fails(t, 1, 410, "")
	l.becomes(t, l.submit(t), control.Parked)
	out, _ = l.run(t, exitOK, "reset", "--force")
	if !strings.Contains(out, "  removed    "+filepath.Join(l.state, "outbox.db")+"\n") {
		t.Errorf("reset says\n%s", out)
	}
}
