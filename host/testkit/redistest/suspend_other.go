//go:build !unix

package redistest

import "testing"

// Suspend skips the test: processes cannot be stopped in their tracks here.
func (s *Server) Suspend(tb testing.TB) { tb.Skip("a server cannot be suspended on this system") }

// Resume is Suspend's other half.
func (s *Server) Resume(testing.TB) {}
