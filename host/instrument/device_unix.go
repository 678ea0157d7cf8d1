//go:build unix

package instrument

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openDevice opens a character device, for as much as this user may do with it.
func openDevice(ctx context.Context, path string, leave func() func()) (wire, error) {
	f, err := within(ctx, func() (*os.File, error) { return openCharacter(path) })
	if err != nil {
		return nil, err
	}
	if err := f.SetDeadline(time.Time{}); err == nil {
		return &deadlined{c: f}, nil
	}
	// The system cannot tell when such a device is ready, so it has to be waited for.
	if err := setBlocking(f); err != nil {
		f.Close()
		return nil, err
	}
	return &blocking{rw: f, leave: leave}, nil
}

func openCharacter(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := checkCharacter(path, info); err != nil {
		return nil, err
	}
	const flags = unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC // opening a line without a carrier would wait
	f, err := os.OpenFile(path, os.O_RDWR|flags, 0)
	for _, less := range []int{os.O_RDONLY, os.O_WRONLY} {
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.EROFS) {
			break
		}
		f, err = os.OpenFile(path, less|flags, 0)
	}
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = checkCharacter(path, info) // it may be another file by now
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func checkCharacter(path string, info fs.FileInfo) error {
	if info.Mode()&os.ModeCharDevice == 0 {
		return fmt.Errorf("%s is no character device", path)
	}
	return nil
}

func setBlocking(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.SetNonblock(int(fd), false) }); err != nil {
		return err
	}
	return failed
}
