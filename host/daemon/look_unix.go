//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/private"
)

// A node that just took the lock needs a moment to say who it is. Until then the
// file may still name a node that died.
const settling = 300 * time.Millisecond

// Look says whether a node runs on a state directory, in the foreground or in the
// background. That it may not look is an error, never "not running".
func Look(stateDir string) (Status, error) {
	for deadline := time.Now().Add(settling); ; time.Sleep(pause) {
		status, settled, err := look(stateDir)
		if err != nil {
			return Status{}, &fault.NodeError{Op: "status", Reason: "cannot tell whether a node runs on the state directory " + stateDir, Err: err}
		}
		if settled || time.Now().After(deadline) {
			return status, nil
		}
	}
}

// look is one look. It is not settled while the file may be about to change.
func look(stateDir string) (status Status, settled bool, err error) {
	f, err := private.Regular(filepath.Join(stateDir, lockFile), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, true, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return Status{}, true, fmt.Errorf("%w; run this as the node's user or as root", err)
	}
	if err != nil {
		return Status{}, true, err
	}
	defer f.Close()
	// Nodes hold it alone; those who look hold it together.
	err = flock(f, syscall.LOCK_SH)
	if err == nil {
		return Status{}, true, nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return Status{}, true, err
	}
	info, err := f.Stat()
	if err != nil {
		return Status{}, true, err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return Status{Running: true, Doubt: fmt.Sprintf("%s has mode %04o, so others may have written it", f.Name(), info.Mode().Perm())}, true, nil
	}
	rec, err := readRecord(f)
	if err != nil {
		return Status{Running: true, Doubt: f.Name() + " does not say which process it is"}, false, nil
	}
	status = rec.status()
	owner, _ := private.Owner(info)
	status.Doubt, settled = rec.Doubt(owner)
	if status.Doubt != "" {
		status.PID = 0
	}
	return status, settled, nil
}
