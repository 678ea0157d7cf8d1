package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// process is coda, run by a test that talks to it meanwhile.
type process struct {
	cmd    *exec.Cmd
	stdout output
	ended  chan struct{}

	mu     sync.Mutex
	more   sync.Cond
	stderr []string // lines
	closed bool
}

// launch starts coda in dir, which is its home. The test's end kills it.
func launch(t *testing.T, dir string, env []string, args ...string) *process {
	t.Helper()
	return launchWith(t, nil, nil, dir, env, args...)
}

// launchWith is launch with other files for standard input and standard output,
// if they are not nil.
func launchWith(t *testing.T, stdin, stdout *os.File, dir string, env []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return launchProgram(t, self, stdin, stdout, dir, env, args...)
}

// launchProgram is launchWith for a program that becomes coda.
func launchProgram(t *testing.T, program string, stdin, stdout *os.File, dir string, env []string, args ...string) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	p.more.L, p.stdout.more.L = &p.mu, &p.stdout.mu
	p.cmd = &exec.Cmd{
		Path: program, Args: append([]string{"coda"}, args...), Dir: dir, Stdout: &p.stdout,
		Env: append([]string{"HOME=" + dir, "XDG_CACHE_HOME=" + cacheDir, "GORACE=" + raceOptions, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}, env...),
	}
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
	if stdout != nil {
		p.cmd.Stdout = stdout
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			p.said(lines.Text(), false)
		}
		p.said("", true)
		_ = p.cmd.Wait() // how it ended stands in ProcessState
		p.stdout.close()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("coda %s\n%s%s", strings.Join(args, " "), p.stdout.String(), strings.Join(p.stderr, "\n"))
		}
	})
	return p
}

func (p *process) said(line string, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last {
		p.closed = true
	} else {
		p.stderr = append(p.stderr, line)
	}
	p.more.Broadcast()
}

// waitFor waits until a line on standard error matches, and returns the pattern's
// first group, or all that matched.
func (p *process) waitFor(t *testing.T, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern)
	p.mu.Lock()
	defer p.mu.Unlock()
	for seen := 0; ; p.more.Wait() {
		for ; seen < len(p.stderr); seen++ {
			if found := match.FindStringSubmatch(p.stderr[seen]); found != nil {
				return found[len(found)-1]
			}
		}
		if p.closed {
			t.Fatalf("it ended without a line that matches %s", pattern)
		}
	}
}

// waitForOutput waits until standard output holds text.
func (p *process) waitForOutput(t *testing.T, text string) {
	t.Helper()
	o := &p.stdout
	o.mu.Lock()
	defer o.mu.Unlock()
	for !strings.Contains(o.b.String(), text) {
		if o.closed {
			t.Fatalf("it ended without writing %q", text)
		}
		o.more.Wait()
	}
}

// output is what a process wrote, so far.
type output struct {
	mu     sync.Mutex
	more   sync.Cond
	b      bytes.Buffer
	closed bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.more.Broadcast()
	return o.b.Write(p)
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.more.Broadcast()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (p *process) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// exits waits for the end and asks for the exit code.
func (p *process) exits(t *testing.T, code int) {
	t.Helper()
	<-p.ended
	if got := p.cmd.ProcessState; got.ExitCode() != code {
		t.Fatalf("it ended with %v, not with %d", got, code)
	}
}

// workshop is a folder with the backend and a circuit for each thing that it can
// be told to do.
func workshop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("backend.wasm", backend(t))
	write("bad.json", []byte("{}"))
	for _, what := range []string{"zeros", "half", "wait", "loop"} {
		write(what+".json", []byte(`{"version":"1.0","target":"cnot","num_qubits":2,"gates":[],"measurements":[0,1],`+
			`"metadata":{"source_hash":"`+what+`","compiled_at":""}}`))
	}
	return dir
}
