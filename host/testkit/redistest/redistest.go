// Package redistest runs real Redis servers for tests: each on a Unix socket of
// its own, ended by its process id when the test ends.
package redistest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/testkit/require"
)

// Server is one redis-server.
type Server struct {
	program string
	dir     string
	durable bool
	cluster []string // what a cluster needs besides
	cmd     *exec.Cmd
	log     bytes.Buffer
}

// Start runs a server that keeps its data in memory, for the length of the
// test, and returns its URL. Where redis-server is missing the test is skipped,
// or fails if CODA_REQUIRE names redis.
func Start(tb testing.TB) string {
	tb.Helper()
	return launch(tb, false, nil).URL()
}

// New is Start for tests that stop the server: what it acknowledged outlives
// Stop and Restart.
func New(tb testing.TB) *Server {
	tb.Helper()
	return launch(tb, true, nil)
}

// Cluster is New for a cluster that consists of this server.
func Cluster(tb testing.TB) *Server {
	tb.Helper()
	s := launch(tb, true, []string{"--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", freePort(tb), "--port", freePort(tb)})
	for _, command := range []string{"CLUSTER ADDSLOTSRANGE 0 16383", "CLUSTER INFO"} {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			answer, err := s.ask(command)
			if err == nil && (answer == "+OK\r\n" || strings.Contains(answer, "cluster_state:ok")) {
				break
			}
			if time.Now().After(deadline) {
				tb.Fatalf("%s: %q, %v", command, answer, err)
			}
		}
	}
	return s
}

// freePort is one that nobody has, for now: a cluster's server chooses none itself.
func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func launch(tb testing.TB, durable bool, cluster []string) *Server {
	tb.Helper()
	program := require.Program(tb, "redis", "redis-server", "redis-server")
	// Not tb.TempDir: a socket's path may have at most 107 bytes.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{program: program, dir: dir, durable: durable, cluster: cluster}
	tb.Cleanup(func() {
		s.Stop()
		_ = os.RemoveAll(dir)
	})
	s.Restart(tb)
	return s
}

// URL is what a Redis client needs to reach the server.
func (s *Server) URL() string { return "unix://" + s.socket() }

// Stop kills the server, as a crash would.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Lose is Stop, after which nothing is left of the data.
func (s *Server) Lose(tb testing.TB) {
	tb.Helper()
	s.Stop()
	if err := os.RemoveAll(filepath.Join(s.dir, "appendonlydir")); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts the server on the data that the last run left, and returns
// once it answers.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Stop()
	s.log.Reset()
	args := []string{"--port", "0", "--unixsocket", s.socket(), "--dir", s.dir, "--save", ""}
	if s.durable {
		args = append(args, "--appendonly", "yes", "--appendfsync", "always")
	}
	args = append(args, s.cluster...)
	cmd := exec.Command(s.program, args...)
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		tb.Fatalf("redis-server: %v", err)
	}
	s.cmd = cmd
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := s.ping()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.Stop()
			tb.Fatalf("redis-server did not answer: %v\n%s", err, s.log.String())
		}
	}
}

func (s *Server) socket() string { return filepath.Join(s.dir, "s") }

// ping fails while the server is starting or still loads its data.
func (s *Server) ping() error {
	got, err := s.ask("PING")
	if err != nil {
		return err
	}
	if got != "+PONG\r\n" {
		return fmt.Errorf("answered %q to PING", got)
	}
	return nil
}

// ask sends an inline command and returns the first KiB of what it is answered.
func (s *Server) ask(command string) (string, error) {
	conn, err := net.DialTimeout("unix", s.socket(), time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	answer := make([]byte, 1024)
	n, err := conn.Read(answer)
	return string(answer[:n]), err
}
