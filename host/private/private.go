// Package private opens and makes what belongs to this user alone: files that
// nobody else can have written or read, in folders that nobody else can put files
// into. Windows keeps a user's own folders private by inherited access lists; there
// are no owners and mode bits to check.
package private

import (
	"fmt"
	"io/fs"
	"os"
)

// Open opens a file that only this user can have written or read: a regular file,
// ours, without any bits for group or others, and no link. The error is
// fs.ErrNotExist where there is none.
func Open(path string, flags int) (*os.File, error) {
	return open(path, flags, "; put the file itself there", "", func(_ *os.File, info fs.FileInfo) error {
		if err := checkOwner(path, info); err != nil {
			return err
		}
		if bits(info)&0o077 != 0 {
			return fmt.Errorf("%s has mode %04o, so others may read or change it; run: chmod 600 %s", path, info.Mode().Perm(), path)
		}
		return nil
	})
}

// Make opens a file that is ours, for writing. It makes one that is not there, and
// takes the bits for others from one that has them.
func Make(path string, flags int) (*os.File, error) {
	return open(path, flags|os.O_CREATE, "; remove it", "; remove it", func(f *os.File, info fs.FileInfo) error {
		if err := checkOwner(path, info); err != nil {
			return err
		}
		if bits(info)&0o077 != 0 {
			return f.Chmod(0o600)
		}
		return nil
	})
}

// Regular opens a regular file, whoever it belongs to, and no link to one. It does
// not wait for whoever is at the other end of what else it may be.
func Regular(path string, flags int) (*os.File, error) {
	return open(path, flags, "; remove it", "; remove it", func(*os.File, fs.FileInfo) error { return nil })
}

// open opens a regular file that passes the check. The advice says what to do about
// what is a link, or something else.
func open(path string, flags int, link, other string, check func(*os.File, fs.FileInfo) error) (*os.File, error) {
	f, err := noLink(path, flags)
	if err != nil {
		if isLink(err) {
			err = fmt.Errorf("%s is a symbolic link, which is not followed%s", path, link)
		}
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no regular file%s", path, other)
	default:
		err = check(f, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// MakeDir makes a folder that only this user can use, or checks one that is there.
func MakeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return CheckDir(path)
}

// CheckDir makes sure that nobody else can put files into a folder.
func CheckDir(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no directory", path)
	}
	if err := checkOwner(path, info); err != nil {
		return err
	}
	if bits(info)&0o022 != 0 {
		return fmt.Errorf("%s has mode %04o, so others may put files there; run: chmod 700 %s", path, info.Mode().Perm(), path)
	}
	return nil
}

// Alone reports whether a file or folder is ours, and nobody else may read or
// change it.
func Alone(info fs.FileInfo) bool {
	_, ours := Owner(info)
	return ours && bits(info)&0o077 == 0
}

func checkOwner(path string, info fs.FileInfo) error {
	switch uid, ours := Owner(info); {
	case ours:
		return nil
	case uid < 0:
		return fmt.Errorf("the owner of %s cannot be read", path)
	default:
		return fmt.Errorf("%s belongs to user %d, but this program runs as user %d", path, uid, os.Geteuid())
	}
}
