package identity

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/conductorquantum/coda/host/private"
)

// ReadFile reads a file that only this user can have written or read: a regular
// file, ours, closed to group and others, and no link. The error is fs.ErrNotExist
// where there is none.
func ReadFile(path string) ([]byte, error) {
	f, err := private.Open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxStateFile+1))
	if err == nil && len(text) > maxStateFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxStateFile)
	}
	return text, err
}

// WriteFile makes or replaces a file, and makes its folder, both closed to others.
// Whenever the machine stops, the path holds the old bytes or the new ones.
func WriteFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeAtomic(path, text)
}
