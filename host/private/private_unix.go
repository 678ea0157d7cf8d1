//go:build unix

package private

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// NoFollow opens no symbolic link, and does not wait for a pipe's other end.
const NoFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func noLink(path string, flags int) (*os.File, error) {
	return os.OpenFile(path, flags|NoFollow, 0o600)
}

// isLink reports whether an error of noLink says that there is a link.
func isLink(err error) bool { return errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK) }

// Owner is the user that a file belongs to, -1 if that cannot be read, and whether
// that is who runs this.
func Owner(info fs.FileInfo) (uid int, ours bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(stat.Uid), int(stat.Uid) == os.Geteuid()
}

// Links is how many names a file has.
func Links(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(stat.Nlink) //nolint:unconvert // its size differs between systems
}

// bits say what a file's owner, its group and others may.
func bits(info fs.FileInfo) fs.FileMode { return info.Mode().Perm() }

// SyncDir makes a rename in a folder outlive a power cut.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
