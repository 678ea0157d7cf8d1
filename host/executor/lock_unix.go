//go:build unix

package executor

import (
	"errors"
	"os"
	"syscall"
)

// errHeld says that another open file has the lock.
var errHeld = syscall.EWOULDBLOCK

// lock locks what f is open on until f is closed, or its process ends.
func lock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
