package executor

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/private"
)

// makeHeld makes a folder of a name of its own that no sweep removes while held is
// open. A process that is killed holds nothing.
func makeHeld(parent, prefix string) (dir string, held *os.File, err error) {
	if dir, err = os.MkdirTemp(parent, prefix); err != nil {
		return "", nil, err
	}
	if held, err = os.Open(dir); err != nil {
		_ = os.Remove(dir)
		return "", nil, err
	}
	_ = lock(held) // where that cannot be done, age alone protects it
	return dir, held, nil
}

// abandoned is the age from which on a folder is nobody's, on a file system that
// cannot tell whether it is held.
const abandoned = 24 * time.Hour

// sweep removes the folders of ours that makeHeld made below parent with one of
// the prefixes, and that nobody holds any more. One that was made just now may be
// about to be held.
func sweep(parent string, prefixes ...string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return // whoever makes a folder there finds out why
	}
	for _, e := range entries {
		for _, prefix := range prefixes {
			if strings.HasPrefix(e.Name(), prefix) && left(filepath.Join(parent, e.Name())) {
				_ = os.RemoveAll(filepath.Join(parent, e.Name()))
			}
		}
	}
}

// left reports whether a folder is ours, and whoever made it has ended.
func left(dir string) bool {
	if plainDir(dir) != nil {
		return false
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|private.NoFollow, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	age := time.Since(info.ModTime())
	switch err := lock(f); {
	case err == nil:
		return age > fresh
	case errors.Is(err, errHeld):
		return false
	default:
		return age > abandoned
	}
}
