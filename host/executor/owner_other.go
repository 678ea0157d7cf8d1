//go:build !unix

package executor

import (
	"errors"
	"io/fs"
	"os"
)

const (
	noFollow = 0
	modes    = false
)

// ours cannot be told from a file's mode here; the directory lies in the user's
// profile.
func ours(fs.FileInfo) bool { return true }

// links is not known here.
func links(fs.FileInfo) uint64 { return 1 }

// errHeld is never the error of lock here.
var errHeld = errors.New("held")

// lock has no way to lock a folder here.
func lock(*os.File) error { return errors.ErrUnsupported }
