//go:build unix

package executor_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/executor"
)

// nodeMode is the mode in which the test binary is a node of its own.
const nodeMode = "__node"

// scene is what such a node does: it opens an executor, says "ready", runs jobs of
// these qubits one after the other and says what became of each, and goes on until
// its standard input ends. Its log goes to standard error.
type scene struct {
	Name        string
	Limits      executor.Limits
	Concurrency int
	CacheDir    string
	Jobs        []uint16
	Prepare     string // what is done first, one of preparations
}

// moduleFD is the module's descriptor: a node of another user can open no file of ours.
const moduleFD = 3

// preparations are what a node can do to itself before it opens its executor.
var preparations = map[string]func(scene) error{"": func(scene) error { return nil }}

func playNode(b string) int {
	var s scene
	var wasm []byte
	err := json.Unmarshal([]byte(b), &s)
	if err == nil {
		err = preparations[s.Prepare](s)
	}
	if err == nil {
		wasm, err = io.ReadAll(os.NewFile(moduleFD, "module"))
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	e, err := executor.Open(context.Background(), executor.Config{
		Name: s.Name, Wasm: wasm, Limits: s.Limits, Concurrency: s.Concurrency, CacheDir: s.CacheDir,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer e.Close()
	fmt.Println("ready")
	for _, n := range s.Jobs {
		if n == 13 {
			fmt.Println("running")
		}
		_, err := e.Run(context.Background(), job(n))
		fmt.Println("job", n, err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// node is a running one.
type node struct {
	*testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	said  *bufio.Reader
	log   bytes.Buffer
}

// startNode starts a node, as change has it.
func startNode(t *testing.T, s scene, wasm []byte, change func(*exec.Cmd)) *node {
	t.Helper()
	path := filepath.Join(t.TempDir(), "guest.wasm")
	if err := os.WriteFile(path, wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{T: t, cmd: exec.Command("/proc/self/exe", nodeMode, string(b))}
	n.cmd.Stderr, n.cmd.ExtraFiles = &n.log, []*os.File{file}
	if n.stdin, err = n.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.said = bufio.NewReader(stdout)
	if change != nil {
		change(n.cmd)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.kill() })
	return n
}

// hears waits for a line.
func (n *node) hears(want string) {
	n.Helper()
	if line, err := n.said.ReadString('\n'); err != nil || !strings.Contains(line, want) {
		_ = n.stdin.Close() // so that its log is whole
		_ = n.cmd.Wait()
		n.Fatalf("the node says %q, %v, want %q; %s, its log is\n%s", line, err, want, n.cmd.ProcessState, n.log.String())
	}
}

// ends lets the node end, and returns its log.
func (n *node) ends() string {
	n.Helper()
	_ = n.stdin.Close()
	if err := n.cmd.Wait(); err != nil {
		n.Errorf("the node: %v\n%s", err, n.log.String())
	}
	return n.log.String()
}

func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
}
