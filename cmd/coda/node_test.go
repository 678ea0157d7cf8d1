//go:build unix

package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/testkit/redistest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// Ctrl-C ends the circuit that runs; what was measured before it stands.
func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	p := launch(t, workshop(t), nil, "run", "--executor", "backend.wasm", "--json", "zeros.json", "wait.json", "half.json")
	p.waitFor(t, "the backend waits")
	p.signal(t, os.Interrupt)
	p.waitFor(t, "^coda: interrupted; 1 of 3 circuits were run$")
	p.exits(t, exitFailed)
	if out := p.stdout.String(); !strings.HasPrefix(out, `{"job_id":"zeros","status":"completed"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("standard output has\n%s", out)
	}
}

// The first Ctrl-C says that there is a second one, which ends even a run that
// waits for somebody to write.
func TestRunKilled(t *testing.T) {
	t.Parallel()
	stdin, typing, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	defer typing.Close()
	p := launchWith(t, stdin, nil, workshop(t), nil, "run", "--json", "zeros.json", "-")
	p.waitForOutput(t, `"job_id":"zeros","status":"completed"`)
	p.signal(t, os.Interrupt)
	p.waitFor(t, "^coda: stopping; Ctrl-C again to kill$")
	p.signal(t, os.Interrupt)
	<-p.ended
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, not by the second signal", p.cmd.ProcessState)
	}
}

// What cannot be written is a failure, and it is said once.
func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := workshop(t)
	for _, args := range [][]string{
		{"run", "--json", "zeros.json", "zeros.json"},
		{"run", "zeros.json"},
		{"inspect", "noop"},
		{"inspect", "--json", "noop"},
		{"status"},
		{"version"},
		{"version", "--json"},
		{"completion", "fish"},
		{"help"},
		{"run", "--help"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				require.Missing(t, "proc", "this system has no device that is always full")
			}
			defer full.Close()
			p := launchWith(t, nil, full, dir, nil, args...)
			p.exits(t, exitFailed)
			const want = "coda: standard output cannot be written, so what it got is not complete: no space left on device"
			if got := strings.Join(p.stderr, "\n"); got != want {
				t.Errorf("messages: %s", got)
			}
		})
	}
}

// A Redis of one's own is used, once it was found to answer.
func TestDevOnRedis(t *testing.T) {
	t.Parallel()
	p := launch(t, workshop(t), nil, "dev", "--once", "--executor", "backend.wasm", "--redis", redistest.Start(t), "zeros.json")
	p.exits(t, exitOK)
	if out := p.stdout.String(); !strings.HasPrefix(out, "zeros  1024 shots in ") {
		t.Errorf("standard output has\n%s", out)
	}
}

// What answers at the address of a cloud may be something else.
func TestSubmitElsewhere(t *testing.T) {
	t.Parallel()
	dir := workshop(t)
	for name, answer := range map[string]http.HandlerFunc{
		"no such page": http.NotFound,
		"a page":       func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>welcome</html>") },
		"a log-on":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(answer)
			defer server.Close()
			p := launch(t, dir, nil, "submit", "--cloud", server.Listener.Addr().String(), "zeros.json")
			p.exits(t, exitFailed)
			p.waitFor(t, "^coda: submit: what answers at "+regexp.QuoteMeta(server.URL)+" is not the cloud of a `coda dev`")
		})
	}
}

// A cloud in a box stays up for submit, and stops in stages.
func TestDevAndSubmit(t *testing.T) {
	t.Parallel()
	dir := workshop(t)
	dev := launch(t, dir, nil, "dev", "--executor", "backend.wasm", "--cloud", "127.0.0.1:0", "--node", "127.0.0.1:0", "zeros.json")
	cloud := dev.waitFor(t, `^  TRY +coda submit --wait --cloud (http://\S+) CIRCUIT$`)
	dev.waitFor(t, "^The node takes jobs until Ctrl-C.$")

	env := []string{"CODA_DEV_CLOUD=" + cloud}
	submit := func(code int, args ...string) (stdout, stderr string) {
		t.Helper()
		p := launch(t, dir, env, append([]string{"submit"}, args...)...)
		p.exits(t, code)
		return p.stdout.String(), strings.Join(p.stderr, "\n")
	}
	if out, _ := submit(exitOK, "half.json"); !strings.HasPrefix(out, "half is queued as ") {
		t.Errorf("a job that is not waited for: %s", out)
	}
	if out, _ := submit(exitOK, "--json", "half.json"); !strings.HasSuffix(out, `","status":"queued","circuit":"half.json"}`+"\n") {
		t.Errorf("a job that is not waited for: %s", out)
	}
	if out, _ := submit(exitOK, "--wait", "--shots", "10", "half.json", "zeros.json"); !strings.HasPrefix(out, "half  5 of 10 shots in 1.5 ms\n  00  █") ||
		!strings.Contains(out, "\nzeros  10 shots in 1.5 ms\n") {
		t.Errorf("results for a person: %s", out)
	}
	out, messages := submit(exitFailed, "--wait", "--json", "bad.json", "zeros.json", "missing.json")
	lines := strings.Split(out, "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"status":"failed","error":"ir_json: invalid circuit: `) ||
		!strings.Contains(lines[1], `"status":"completed","counts":{"00":1024},"execution_time_ms":1.5,"shots_completed":1024}`) {
		t.Errorf("results for a program: %s", out)
	}
	if messages != "coda: missing.json: no such file or directory" {
		t.Errorf("messages: %s", messages)
	}
	if _, messages := submit(exitFailed, "--wait", "bad.json"); !strings.HasPrefix(messages, "coda: bad.json: ir_json: invalid circuit: ") {
		t.Errorf("a failure for a person: %s", messages)
	}

	// The job outlives the one who waits for it, and the first Ctrl-C.
	waiting := launch(t, dir, env, "submit", "--wait", "wait.json")
	dev.waitFor(t, "the backend waits")
	waiting.signal(t, os.Interrupt)
	waiting.waitFor(t, "^coda: interrupted(; 0 of 1 results came| before the cloud answered)")
	waiting.exits(t, exitFailed)
	dev.signal(t, os.Interrupt)
	dev.waitFor(t, "waiting for the jobs in hand")
	dev.signal(t, os.Interrupt)
	dev.waitFor(t, "jobs were put down unfinished")
	dev.exits(t, exitOK)
}

// A node starts with a token, comes back without it, and ends well by both
// signals.
func TestStart(t *testing.T) {
	t.Parallel()
	cloud, err := devcloud.New(devcloud.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	url, err := cloud.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := workshop(t)
	token := cloud.Token()
	env := []string{"CODA_WEBAPP_URL=" + url, "CODA_VPN_REQUIRED=false", "CODA_EXECUTOR=nope", "CODA_STATE_DIR=" + filepath.Join(dir, "state")}
	node := func(args ...string) *process {
		args = append([]string{"start", "--executor", "backend.wasm", "-H", "127.0.0.1", "-p", freePort(t)}, args...)
		p := launch(t, dir, env, args...)
		p.waitFor(t, "the node takes jobs")
		return p
	}
	circuit, err := os.ReadFile(filepath.Join(dir, "zeros.json"))
	if err != nil {
		t.Fatal(err)
	}

	first := node("--token", token)
	first.waitFor(t, "^  MODE +token$")
	ids, err := cloud.Submit(t.Context(), devcloud.Job{IR: circuit, Shots: 10})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := cloud.Wait(t.Context(), ids[0]); err != nil || !strings.Contains(string(body), `"counts":{"00":10}`) {
		t.Errorf("the job gave %s, %v", body, err)
	}
	first.signal(t, syscall.SIGTERM)
	first.exits(t, exitOK)
	if all := strings.Join(first.stderr, "\n"); strings.Contains(all, token) {
		t.Errorf("the token is shown:\n%s", all)
	}

	again := node()
	again.waitFor(t, "^  MODE +env$")
	again.signal(t, os.Interrupt)
	again.exits(t, exitOK)
}
