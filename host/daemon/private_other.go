//go:build !unix

package daemon

import (
	"fmt"
	"os"
)

// openPrivate opens a file for writing and makes one that is not there. Windows
// keeps a user's own folders private by inherited access lists.
func openPrivate(path string, flags int) (*os.File, error) {
	return openRegular(path, flags|os.O_CREATE)
}

// openRegular opens a regular file, no link to one.
func openRegular(path string, flags int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file; remove it", path)
	}
	return os.OpenFile(path, flags, 0o600)
}

func redirect(*os.File) error { return nil }
