//go:build !unix

package daemon

import (
	"context"
	"errors"

	"github.com/conductorquantum/coda/host/fault"
)

func unsupported(op string) error {
	return &fault.NodeError{Op: op, Reason: "nodes run on Unix systems only", Err: errors.ErrUnsupported}
}

// Held is the lock of a running node on its state directory.
type Held struct{}

// Lock needs locks that the kernel holds for a process.
func Lock(string, About) (*Held, error) { return nil, unsupported("start") }

// Serving says where the probes listen.
func (*Held) Serving(string) error { return unsupported("state") }

// Stopping says that the node was told to stop.
func (*Held) Stopping() error { return unsupported("state") }

// Close gives the state directory back.
func (*Held) Close() error { return nil }

// Look finds no node, since none can run.
func Look(string) (Status, error) { return Status{}, nil }

// Start needs sessions and inherited descriptors.
func Start(context.Context, StartConfig) (Status, error) { return Status{}, unsupported("start") }

// Stop finds no node, since none can run.
func Stop(context.Context, StopConfig) error {
	return &fault.NodeError{Op: "stop", Err: ErrNotRunning}
}

// Background is the far side of Start.
type Background struct{ LogPath string }

// InBackground is nil, since nothing is started in the background.
func InBackground() *Background { return nil }

// Secret is nothing.
func (*Background) Secret() string { return "" }

// Ready does nothing.
func (*Background) Ready(string) {}

// Failed does nothing.
func (*Background) Failed(error) {}
