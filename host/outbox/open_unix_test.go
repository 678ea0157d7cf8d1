//go:build unix

package outbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/conductorquantum/coda/host/outbox"
)

func TestAFileOrDirectoryOpenToOthers(t *testing.T) {
	t.Parallel()
	path := storePath(t)
	fill(t, path, 1)
	dir := filepath.Dir(path)
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(path, 0o640)
	fails(t, path, nil, "chmod 600")
	chmod(path, 0o600)
	chmod(dir, 0o770)
	fails(t, path, nil, "chmod 700")
	chmod(dir, 0o700)
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	fails(t, link, nil, "symbolic link")
	openStore(t, path)
}

// A file that is removed, or replaced, under an open store takes no writes that
// would be lost with it.
func TestAFileThatIsRemoved(t *testing.T) {
	t.Parallel()
	path := storePath(t)
	s := openStore(t, path)
	reach(t, s, "job", outbox.Decided)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := s.Published(t.Context(), "job"); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, outbox.ErrDisk) {
		t.Errorf("a write to a file that is gone: %v", err)
	}
	if err := s.Err(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Err: %v", err)
	}
	if _, err := s.Get("another"); !errors.Is(err, outbox.ErrDisk) {
		t.Errorf("what cannot be read is not unknown: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := s.Delivered(t.Context(), "another"); !errors.Is(err, outbox.ErrUnknown) || s.Err() == nil {
		t.Errorf("what wrote nothing says that the disk is in order: %v", err)
	}
	if err := s.Published(t.Context(), "job"); err != nil {
		t.Errorf("after it is back: %v", err)
	}
	if err := s.Err(); err != nil {
		t.Errorf("Err: %v", err)
	}
}

// A file that is cut short under an open store is an error, no fault of the
// process.
func TestAFileThatIsCutShort(t *testing.T) {
	t.Parallel()
	path := storePath(t)
	s := openStore(t, path)
	for _, id := range []string{"a", "b", "c"} {
		if _, err := s.Decide(t.Context(), completed(id, make([]byte, 40_000))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Body("b"); !errors.Is(err, outbox.ErrDamaged) {
		t.Errorf("reading: %v", err)
	}
	for range 2 {
		if _, err := s.Decide(t.Context(), completed("d", make([]byte, 40_000))); !errors.Is(err, outbox.ErrDamaged) {
			t.Errorf("writing: %v", err)
		}
	}
	if err := s.Err(); !errors.Is(err, outbox.ErrDamaged) {
		t.Errorf("Err: %v", err)
	}
}
