//go:build unix

package redistest

import (
	"os"
	"syscall"
	"testing"
)

// Suspend stops the server in its tracks: it takes connections and answers
// nothing, until Resume.
func (s *Server) Suspend(tb testing.TB) { s.signal(tb, syscall.SIGSTOP) }

// Resume lets a suspended server go on.
func (s *Server) Resume(tb testing.TB) { s.signal(tb, syscall.SIGCONT) }

func (s *Server) signal(tb testing.TB, signal os.Signal) {
	tb.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		tb.Fatalf("redis-server: %s: %v", signal, err)
	}
}
