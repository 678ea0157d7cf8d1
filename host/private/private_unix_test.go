//go:build unix

package private_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/conductorquantum/coda/host/private"
	"github.com/conductorquantum/coda/host/testkit/require"
)

const nobody = 65534

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can give a file away")
	}
}

// Whoever opened it as any other file would wait for its other end.
func TestAPipeIsNoFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	try(t, syscall.Mkfifo(path, 0o600))
	for _, way := range ways {
		f, err := way.open(path, os.O_RDWR)
		refuses(t, f, err, path+" is no regular file")
	}
}

func TestAFileOpenToOthers(t *testing.T) {
	t.Parallel()
	for mode, said := range map[os.FileMode]string{0o640: "0640", 0o604: "0604", 0o620: "0620", 0o601: "0601"} {
		path := filepath.Join(t.TempDir(), "file")
		file(t, path, mode)
		f, err := private.Open(path, os.O_RDONLY)
		refuses(t, f, err, path+" has mode "+said, "run: chmod 600 "+path)

		f, err = private.Regular(path, os.O_RDONLY)
		try(t, err)
		try(t, f.Close())
		if info, err := os.Stat(path); err != nil || info.Mode() != mode || private.Alone(info) {
			t.Errorf("mode %v after it was read, alone %t, %v", info.Mode(), private.Alone(info), err)
		}

		f, err = private.Make(path, os.O_WRONLY)
		try(t, err)
		try(t, f.Close())
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 || !private.Alone(info) {
			t.Errorf("mode %v after Make, %v", info.Mode(), err)
		}
	}
}

func TestADirectoryOpenToOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, mode := range []os.FileMode{0o720, 0o702, 0o777} {
		try(t, os.Chmod(dir, mode))
		refuses(t, nil, private.CheckDir(dir), dir+" has mode ", "run: chmod 700 "+dir)
		refuses(t, nil, private.MakeDir(dir), "run: chmod 700 "+dir)
	}
	try(t, os.Chmod(dir, 0o755)) // to look into it does no harm
	try(t, private.MakeDir(dir))
}

func TestAnothersFile(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := filepath.Join(t.TempDir(), "dir")
	try(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "file")
	file(t, path, 0o600)
	try(t, os.Chown(path, nobody, nobody))
	try(t, os.Chown(dir, nobody, nobody))
	const said = " belongs to user 65534, but this program runs as user 0"
	for _, name := range []string{"Open", "Make"} {
		f, err := ways[name].open(path, os.O_RDWR)
		refuses(t, f, err, path+said)
	}
	f, err := private.Regular(path, os.O_RDWR)
	try(t, err)
	try(t, f.Close())
	refuses(t, nil, private.CheckDir(dir), dir+said)
	refuses(t, nil, private.MakeDir(dir), dir+said)

	info, err := os.Stat(path)
	try(t, err)
	if uid, ours := private.Owner(info); uid != nobody || ours || private.Alone(info) {
		t.Errorf("owner %d, ours %t, alone %t", uid, ours, private.Alone(info))
	}
}

func TestOwnerAndLinks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	file(t, path, 0o600)
	try(t, os.Link(path, path+".too"))
	info, err := os.Stat(path)
	try(t, err)
	if uid, ours := private.Owner(info); uid != os.Geteuid() || !ours {
		t.Errorf("owner %d, ours %t", uid, ours)
	}
	if n := private.Links(info); n != 2 {
		t.Errorf("%d links", n)
	}
}

// What a caller opens with NoFollow is no link.
func TestNoFollow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	try(t, os.Symlink(dir, link))
	f, err := os.OpenFile(dir, os.O_RDONLY|private.NoFollow, 0)
	try(t, err)
	try(t, f.Close())
	f, err = os.OpenFile(link, os.O_RDONLY|private.NoFollow, 0)
	refuses(t, f, err, link)
}
