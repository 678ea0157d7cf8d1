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
// runs, and returns its PID, 0 where there is none. A process that is not verified
// to be that one gets no signal. It returns once the process is gone. A node that
// runs starts another one.
func StopTunnel(ctx context.Context, stateDir string) (pid int, err error) {
	fail := func(reason string, err error) (int, error) {
		return 0, &fault.VPNError{Reason: reason, Err: err}
	}
	path := filepath.Join(stateDir, tunnelRecord)
	text, err := identity.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return fail("which process OpenVPN is cannot be read", err)
	}
	var id process.ID
	if err := json.Unmarshal(text, &id); err != nil || id.PID <= 0 {
		return fail(path+" names no process; remove it", nil)
	}
	// Where the system has handles of processes, this is one: what is verified from
	// here on is what is signalled.
	proc, err := os.FindProcess(id.PID)
	if err != nil {
		return 0, nil // it is gone
	}
	defer func() { _ = proc.Release() }()
	if !id.Runs(os.Geteuid()) {
		return 0, nil
	}
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := proc.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fail(fmt.Sprintf("process %d cannot be ended", id.PID), err)
		}
		limit := time.Now().Add(tunnelEndsIn)
		for id.Runs(os.Geteuid()) && time.Now().Before(limit) {
			select {
			case <-time.After(tunnelPoll):
			case <-ctx.Done():
				return fail(fmt.Sprintf("process %d is still ending", id.PID), ctx.Err())
			}
		}
		if !id.Runs(os.Geteuid()) {
			return id.PID, nil
		}
	}
	return fail(fmt.Sprintf("process %d was killed and is still there", id.PID), nil)
}
