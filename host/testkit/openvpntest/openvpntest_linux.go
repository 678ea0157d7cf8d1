// Package openvpntest runs a real OpenVPN server in a network namespace of a
// test. Where the program is missing the test is skipped, or fails if
// CODA_REQUIRE names openvpn.
package openvpntest

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/testkit/nettest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

const part = "openvpn"

// The network within the tunnel, and how long a peer may be silent: the server
// tells clients both.
const (
	Inside    = "10.8.0.1" // the server's address
	Keepalive = 3 * time.Second
	port      = 1194

	config = "server.ovpn"
)

// Program is the path of the OpenVPN binary.
func Program(tb testing.TB) string {
	tb.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path := filepath.Join(dir, "openvpn"); exists(path) {
			return path
		}
	}
	return require.Program(tb, part, "openvpn", "openvpn")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Server is an OpenVPN server at an address of its namespace.
type Server struct {
	tb      testing.TB
	ns      *nettest.Namespace
	dir     string
	program string
	profile string

	mu     sync.Mutex
	cmd    *exec.Cmd
	output bytes.Buffer
}

// New prepares a server that clients reach at an address; Start starts it.
func New(tb testing.TB, ns *nettest.Namespace, address string) *Server {
	tb.Helper()
	s := &Server{tb: tb, ns: ns, dir: tb.TempDir(), program: Program(tb)}
	ca := newAuthority(tb)
	cert, key := ca.issue("server", x509.ExtKeyUsageServerAuth)
	s.write(config, fmt.Sprintf(`mode server
tls-server
dev tun-server
dev-type tun
topology subnet
server 10.8.0.0 255.255.255.0
proto udp
local %s
port %d
dh none
ping 1
ping-restart %d
push "ping 1"
push "ping-restart %d"
persist-tun
verb 3
<ca>
%s</ca>
<cert>
%s</cert>
<key>
%s</key>
`, address, port, int(2*Keepalive/time.Second), int(Keepalive/time.Second), ca.pem, cert, key))
	cert, key = ca.issue("client", x509.ExtKeyUsageClientAuth)
	s.profile = fmt.Sprintf(`client
dev tun
proto udp
remote %s %d
nobind
persist-tun
remote-cert-tls server
verb 3
<ca>
%s</ca>
<cert>
%s</cert>
<key>
%s</key>
`, address, port, ca.pem, cert, key)
	tb.Cleanup(s.Kill)
	return s
}

// Configure adds lines to what the server runs with, as push "route …". It is for
// before Start.
func (s *Server) Configure(lines ...string) {
	s.tb.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, config), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.tb.Fatal(err)
	}
}

// Profile is a client's, as a cloud would hand it out.
func (s *Server) Profile() string { return s.profile }

// Start starts the server and returns once it serves.
func (s *Server) Start() {
	s.tb.Helper()
	s.mu.Lock()
	s.output.Reset()
	s.mu.Unlock()
	cmd := s.ns.Command(s.program, "--config", config)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, s, s
	if err := cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	s.cmd = cmd
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.Output(), "Initialization Sequence Completed"); {
		if time.Now().After(deadline) {
			s.tb.Fatalf("the OpenVPN server does not start:\n%s", s.Output())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Kill ends the server without a word to anybody.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // it was killed
		s.cmd = nil
	}
}

// Signal sends the server a signal, as SIGSTOP.
func (s *Server) Signal(sig syscall.Signal) { _ = s.cmd.Process.Signal(sig) }

// Write takes what the server prints.
func (s *Server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.Write(p)
}

// Output is what the server has printed since its last start.
func (s *Server) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

func (s *Server) write(name, text string) {
	s.tb.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.tb.Fatal(err)
	}
}
