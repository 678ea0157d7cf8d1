//go:build unix

package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/process"
)

const stopPoll = 50 * time.Millisecond

// Stop stops the node that runs on a state directory, in the foreground or in
// the background, and returns once its lock is free. It asks, waits for the jobs
// in hand, insists, and at last kills. A process that is not verified to be the
// node gets no signal. Where none runs the error is an ErrNotRunning; no error
// changes any file. The end of ctx ends the wait and leaves the node as it is.
func Stop(ctx context.Context, cfg StopConfig) error {
	status, err := Look(cfg.StateDir)
	if err != nil {
		return err
	}
	if !status.Running {
		return &fault.NodeError{Op: "stop", Err: fmt.Errorf("%w on the state directory %s", ErrNotRunning, cfg.StateDir)}
	}
	if status.PID == 0 {
		return &fault.NodeError{Op: "stop", Reason: "the node that runs on the state directory " + cfg.StateDir +
			" cannot be verified, so it gets no signal: " + status.Doubt + "; stop it where it was started"}
	}
	for _, step := range plan(cfg, status) {
		if cfg.Report != nil {
			cfg.Report(step)
		}
		if err := signal(cfg.StateDir, status, step.Action); err != nil {
			return &fault.NodeError{Op: "stop", Err: err}
		}
		if gone, err := awaitEnd(ctx, cfg.StateDir, status.holder, step.Wait); gone || err != nil {
			return err
		}
	}
	return &fault.NodeError{Op: "stop", Retry: true,
		Reason: fmt.Sprintf("process %d was killed and is still there; it waits for the system, so look at its disks and drivers", status.PID)}
}

func plan(cfg StopConfig, status Status) []Step {
	drain := cmp.Or(cfg.Drain, status.Drain, defaultDrain)
	grace := cmp.Or(cfg.Grace, defaultGrace)
	first := Drain
	if status.Stopping {
		first = Await
	}
	return []Step{
		{first, status.PID, drain + cmp.Or(cfg.Margin, defaultMargin)},
		{Hurry, status.PID, grace},
		{Kill, status.PID, grace},
	}
}

// signal does what a step is to do. A node that ended meanwhile is no error.
func signal(stateDir string, status Status, action Action) error {
	var sig os.Signal
	switch action {
	case Await:
		return nil
	case Kill:
		sig = syscall.SIGKILL
	default:
		sig = syscall.SIGTERM
	}
	// Where the system has handles of processes, this is one: it cannot come to
	// mean another process, and what is verified from here on is what is signalled.
	proc, err := os.FindProcess(status.PID)
	if err != nil {
		return fmt.Errorf("process %d: %w", status.PID, err)
	}
	defer func() { _ = proc.Release() }()
	if now, err := Look(stateDir); err != nil || now.PID != status.PID || now.holder != status.holder {
		return err // it ended
	}
	switch err := proc.Signal(sig); {
	case err == nil, errors.Is(err, os.ErrProcessDone):
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("process %d may not be signalled by user %d (%w); run this as the node's user or as root", status.PID, os.Geteuid(), err)
	default:
		return fmt.Errorf("process %d: %w", status.PID, err)
	}
}

// awaitEnd waits until the holder has let go of the lock.
func awaitEnd(ctx context.Context, stateDir string, old process.ID, patience time.Duration) (gone bool, err error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	poll := time.NewTicker(stopPoll)
	defer poll.Stop()
	for {
		now, _, err := look(stateDir)
		if err != nil {
			return false, &fault.NodeError{Op: "stop", Err: err}
		}
		if !now.Running || now.PID != 0 && now.holder != old {
			return true, nil
		}
		select {
		case <-poll.C:
		case <-timer.C:
			return false, nil
		case <-ctx.Done():
			return false, &fault.NodeError{Op: "stop", Reason: "the node is still stopping", Retry: true, Err: ctx.Err()}
		}
	}
}
