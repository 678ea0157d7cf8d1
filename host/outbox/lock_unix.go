//go:build unix

package outbox

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock waits for other processes to close the file. bbolt would lock it too
// late: it is read before. Taking the lock of an open file twice is no harm.
func lock(f *os.File, wait time.Duration) error {
	for deadline := time.Now().Add(wait); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			if !inPlace(f) { // whoever had it has put another there
				return ErrLocked
			}
			return nil
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("%s cannot be locked (%w); use a local directory", f.Name(), err)
		case !time.Now().Before(deadline):
			return ErrLocked
		}
	}
}

// inPlace reports whether an open file is still the one under its name.
func inPlace(f *os.File) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(ours, named)
}
