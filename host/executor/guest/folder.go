package guest

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// deviceFolder is where a guest finds the files that it is granted.
const deviceFolder = "/device"

// folder is a flat file system of files that the node has read: a guest reaches
// these bytes and no path.
type folder map[string][]byte

func newFolder(files map[string][]byte) fs.FS { return folder(files) }

// Open implements fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	if name == "." {
		return &listing{names: slices.Sorted(maps.Keys(f)), of: f}, nil
	}
	content, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{Reader: bytes.NewReader(content), about: about{name: name, size: int64(len(content))}}, nil
}

// file is an open file. It can be read from anywhere in it.
type file struct {
	*bytes.Reader
	about about
}

func (f *file) Stat() (fs.FileInfo, error) { return f.about, nil }
func (f *file) Close() error               { return nil }

// listing is the open folder.
type listing struct {
	names []string
	of    folder
}

func (l *listing) Stat() (fs.FileInfo, error) { return about{name: ".", mode: fs.ModeDir | 0o555}, nil }
func (l *listing) Close() error               { return nil }
func (l *listing) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (l *listing) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(l.names) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(l.names) {
		n = len(l.names)
	}
	entries := make([]fs.DirEntry, n)
	for i, name := range l.names[:n] {
		entries[i] = fs.FileInfoToDirEntry(about{name: name, size: int64(len(l.of[name]))})
	}
	l.names = l.names[n:]
	return entries, nil
}

// about describes a file, or the folder. Times are not told: they would be an effect
// of the world that no tape holds.
type about struct {
	name string
	size int64
	mode fs.FileMode
}

func (a about) Name() string       { return a.name }
func (a about) Size() int64        { return a.size }
func (a about) Mode() fs.FileMode  { return a.mode | 0o444 }
func (a about) ModTime() time.Time { return time.Time{} }
func (a about) IsDir() bool        { return a.mode.IsDir() }
func (a about) Sys() any           { return nil }
