// Package daemon keeps one node to a state directory, in the foreground or in
// the background, and lets others find, start and stop it.
//
// Whether a node runs is told by a lock that the kernel holds for it and drops
// when it dies, never by a number in a file: the lock's file only says who the
// holder is, and nobody is signalled before that was verified. PID files of
// older programs are not read at all.
//
// Locks, starting and stopping work on Unix systems; logs everywhere.
package daemon

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/conductorquantum/coda/host/process"
)

// The files of a state directory.
const (
	lockFile = "coda-node.lock" // never removed: whoever holds a removed file locks nothing
	logFile  = "coda-node.log"
)

// DefaultLog is where a node in the background logs unless it is told otherwise.
func DefaultLog(stateDir string) string { return filepath.Join(stateDir, logFile) }

// The causes that callers tell apart. They come in a *fault.NodeError.
var (
	ErrRunning    = errors.New("a node is already running")
	ErrNotRunning = errors.New("no node is running")
)

// About is what a node says of itself to those who look.
type About struct {
	Version string
	LogPath string        // "" where it logs to its own standard error
	Drain   time.Duration // how long it takes to stop, at most
}

// Status says whether a node runs on a state directory, and which. The zero
// value is that none does.
type Status struct {
	Running  bool
	PID      int    // verified to be the node; 0 where it could not be
	Doubt    string // why the node that runs could not be verified
	Since    time.Time
	Address  string // host:port of its probes; "" until it serves
	Stopping bool   // it was told to stop and is draining
	About

	holder process.ID
}
