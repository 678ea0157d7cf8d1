//go:build !unix

package private

import (
	"errors"
	"io/fs"
	"os"
)

// NoFollow is nothing that can be asked for here.
const NoFollow = 0

var errLink = errors.New("a symbolic link")

func noLink(path string, flags int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, errLink
	}
	return os.OpenFile(path, flags, 0o600)
}

// isLink reports whether an error of noLink says that there is a link.
func isLink(err error) bool { return errors.Is(err, errLink) }

// Owner takes every file for ours.
func Owner(fs.FileInfo) (uid int, ours bool) { return -1, true }

// Links is not known here.
func Links(fs.FileInfo) uint64 { return 1 }

// bits are none: what the mode says here is made up.
func bits(fs.FileInfo) fs.FileMode { return 0 }

// SyncDir does nothing: Windows has no way to sync a directory.
func SyncDir(string) error { return nil }
