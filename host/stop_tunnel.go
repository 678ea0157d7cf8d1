package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/process"
)

const (
	tunnelEndsIn = 4 * time.Second // of itself; then it is killed
	tunnelPoll   = 20 * time.Millisecond
)

// noteTunnel writes down which process OpenVPN is.
func noteTunnel(stateDir string, pid int) error {
	line, err := json.Marshal(process.Of(pid))
	if err != nil {
		return err
	}
	return identity.WriteFile(filepath.Join(stateDir, tunnelRecord), append(line, '\n'))
}

// StopTunnel ends the OpenVPN that a node started on a state directory, if it still
// runs, and returns its PID once it is gone; 0 where there is none. A process that
// is not verified to be that one gets no signal. The error, a *fault.VPNError, comes
// with the PID where the process is that one and could not be ended. The record of
// it is left: a node that runs starts another one, and writes it anew.
func StopTunnel(ctx context.Context, stateDir string) (pid int, err error) {
	path := filepath.Join(stateDir, tunnelRecord)
	id, err := notedTunnel(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, &fault.VPNError{Reason: "which process OpenVPN is cannot be told", Err: err}
	}
	// Where the system has handles of processes, this is one: what is verified from
	// here on is what is signalled.
	proc, err := os.FindProcess(id.PID)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = proc.Release() }()
	doubt, _ := id.Doubt(os.Geteuid())
	if id.Ended() {
		return 0, nil
	}
	if doubt != "" {
		return 0, &fault.VPNError{Reason: fmt.Sprintf("which process OpenVPN is cannot be verified, so none gets a signal: %s: %s", path, doubt)}
	}
	fail := func(reason string, err error) (int, error) {
		return id.PID, &fault.VPNError{Reason: fmt.Sprintf("OpenVPN (PID %d) %s", id.PID, reason), Retry: true, Err: err}
	}
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		switch err := proc.Signal(sig); {
		case errors.Is(err, fs.ErrPermission):
			return fail("may not be signalled; run this as root", err)
		case err != nil && !errors.Is(err, os.ErrProcessDone):
			return fail("cannot be ended", err)
		}
		for limit := time.Now().Add(tunnelEndsIn); time.Now().Before(limit); {
			if id.Ended() {
				return id.PID, nil
			}
			select {
			case <-time.After(tunnelPoll):
			case <-ctx.Done():
				return fail("was told to end, and may still be ending", ctx.Err())
			}
		}
	}
	return fail("was killed and is still there; it waits for the system, so look at its drivers", nil)
}

// notedTunnel reads what noteTunnel wrote. The error is fs.ErrNotExist where it
// wrote nothing.
func notedTunnel(path string) (id process.ID, err error) {
	text, err := identity.ReadFile(path)
	if err != nil {
		return id, err
	}
	if json.Unmarshal(text, &id) != nil || id.PID <= 0 {
		return id, fmt.Errorf("%s names no process; remove it", path)
	}
	return id, nil
}
