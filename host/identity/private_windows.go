package identity

import (
	"fmt"
	"os"
)

// openPrivate opens a regular file. Windows keeps a user's own folders private
// by inherited access lists; there are no mode bits to check.
func openPrivate(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return os.Open(path)
}

func checkDir(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no directory", path)
	}
	return nil
}

// syncDir does nothing: Windows has no way to sync a directory.
func syncDir(string) error { return nil }
