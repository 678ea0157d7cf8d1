package private_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/private"
)

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file makes a file of a mode that no umask changes.
func file(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	try(t, os.WriteFile(path, []byte("precious"), 0o600))
	try(t, os.Chmod(path, mode))
}

// refuses fails the test unless the error says all of what.
func refuses(t *testing.T, f *os.File, err error, what ...string) {
	t.Helper()
	if err == nil {
		f.Close()
		t.Fatalf("no error; want %q", what)
	}
	for _, part := range what {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want %q", err, part)
		}
	}
}

// ways are the three to open a file, and what each says to do about a link.
var ways = map[string]struct {
	open func(string, int) (*os.File, error)
	link string
}{
	"Open":    {private.Open, "put the file itself there"},
	"Make":    {private.Make, "remove it"},
	"Regular": {private.Regular, "remove it"},
}

func TestAFileOfOurs(t *testing.T) {
	t.Parallel()
	for name, way := range ways {
		path := filepath.Join(t.TempDir(), "file")
		file(t, path, 0o600)
		f, err := way.open(path, os.O_RDWR|os.O_APPEND)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := f.WriteString("!"); err != nil {
			t.Errorf("%s: the flags do not count: %v", name, err)
		}
		try(t, f.Close())
		if text, err := os.ReadFile(path); err != nil || string(text) != "precious!" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestALinkIsNotFollowed(t *testing.T) {
	t.Parallel()
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, victim := filepath.Join(dir, "link"), filepath.Join(dir, "victim")
			for _, there := range []bool{false, true} {
				if there {
					file(t, victim, 0o600)
				} else if err := os.Symlink(victim, path); err != nil {
					t.Skipf("this system makes no symbolic links: %v", err)
				}
				f, err := way.open(path, os.O_RDWR|os.O_TRUNC)
				refuses(t, f, err, path+" is a symbolic link, which is not followed; "+way.link)
				text, err := os.ReadFile(victim)
				if there && string(text) != "precious" || !there && !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the link was followed: %q, %v", text, err)
				}
			}
		})
	}
}

func TestADirectoryIsNoFile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Open", "Regular"} {
		f, err := ways[name].open(t.TempDir(), os.O_RDONLY)
		refuses(t, f, err, "is no regular file")
	}
	f, err := private.Make(t.TempDir(), os.O_WRONLY)
	refuses(t, f, err, "is a directory")
}

func TestAFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for _, open := range []func(string, int) (*os.File, error){private.Open, private.Regular} {
		if _, err := open(path, os.O_RDWR); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
	f, err := private.Make(path, os.O_WRONLY)
	try(t, err)
	try(t, f.Close())
	info, err := os.Stat(path)
	try(t, err)
	if !private.Alone(info) {
		t.Errorf("it was made with mode %v", info.Mode())
	}
}

func TestMakeDir(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "some", "state")
	for range 2 {
		try(t, private.MakeDir(path))
	}
	try(t, private.CheckDir(path))
	try(t, private.SyncDir(path))
	info, err := os.Stat(path)
	try(t, err)
	if !info.IsDir() || !private.Alone(info) {
		t.Errorf("it was made with mode %v", info.Mode())
	}
	path = filepath.Join(path, "file")
	if err := private.CheckDir(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("CheckDir of nothing: %v", err)
	}
	file(t, path, 0o600)
	if err := private.CheckDir(path); err == nil || !strings.Contains(err.Error(), path+" is no directory") {
		t.Errorf("CheckDir of a file: %v", err)
	}
	if err := private.MakeDir(path); err == nil {
		t.Error("MakeDir of a file is no error")
	}
}
