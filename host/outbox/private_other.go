//go:build !unix

package outbox

import (
	"fmt"
	"os"
	"time"
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
	return os.OpenFile(path, os.O_RDWR, 0)
}

func prepare(dir string) error { return os.MkdirAll(dir, 0o700) }

// lock leaves it to bbolt: on Windows a second lock would wait for the first.
func lock(*os.File, time.Duration) error { return nil }

// inPlace takes an open file for the one under its name: it cannot be replaced.
func inPlace(*os.File) bool { return true }

// syncDir does nothing: Windows has no way to sync a directory.
func syncDir(string) error { return nil }
