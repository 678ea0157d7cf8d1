//go:build unix

package executor

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const (
	// noFollow opens no symbolic link, and does not wait for a pipe's other end.
	noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	modes    = true // permissions say who may
)

// ours reports whether the file belongs to the user that we run as.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// links is how many names a file has.
func links(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(stat.Nlink) //nolint:unconvert // its size differs between systems
}

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
