package identity

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/conductorquantum/coda/host/failpoint"
	"github.com/conductorquantum/coda/host/private"
)

// writeAtomic replaces a file by one with these bytes, mode 0600. Whenever the
// machine stops, the path holds the old bytes or the new ones. What an
// interrupted write left under the name in between is replaced by the next.
func writeAtomic(path string, text []byte) error {
	between := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.Remove(between); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(between, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(between) // no longer there once renamed
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return rename(between, path)
}

// rename moves a file within its directory, durably.
func rename(from, to string) error {
	failpoint.Hit("C18")
	if err := os.Rename(from, to); err != nil {
		return err
	}
	failpoint.Hit("C18")
	return private.SyncDir(filepath.Dir(to))
}
