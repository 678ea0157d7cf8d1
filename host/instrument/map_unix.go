//go:build unix

package instrument

import (
	"errors"
	"fmt"
	"os"

	"github.com/conductorquantum/coda/host/config"
	"golang.org/x/sys/unix"
)

// mapWindow maps the memory behind a device, or a regular file that stands for one.
func mapWindow(t *config.Target, writable bool) (*mapping, error) {
	info, err := os.Stat(t.Path)
	if err != nil {
		return nil, err
	}
	if err := checkMappable(t, info); err != nil {
		return nil, err
	}
	mode, protection := os.O_RDONLY, unix.PROT_READ
	if writable {
		mode, protection = os.O_RDWR, unix.PROT_READ|unix.PROT_WRITE
	}
	// Synchronous: memory of a device is mapped without a cache.
	f, err := os.OpenFile(t.Path, mode|unix.O_SYNC|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := checkMappable(t, info); err != nil { // it may be another file by now
		return nil, err
	}
	if t.Offset%uint64(os.Getpagesize()) != 0 {
		return nil, fmt.Errorf("the offset %d is no multiple of this system's pages of %d bytes", t.Offset, os.Getpagesize())
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var memory []byte
	var failed error
	err = raw.Control(func(fd uintptr) {
		memory, failed = unix.Mmap(int(fd), int64(t.Offset), int(t.Size), protection, unix.MAP_SHARED)
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("%s cannot be mapped: %w", t.Path, err)
	}
	return &mapping{memory: memory, unmap: func() error { return unix.Munmap(memory) }}, nil
}

func checkMappable(t *config.Target, info os.FileInfo) error {
	switch mode := info.Mode(); {
	case mode&os.ModeCharDevice != 0:
		return nil
	case !mode.IsRegular():
		return fmt.Errorf("%s is neither a character device nor a regular file", t.Path)
	case info.Size() < 0 || uint64(info.Size()) < t.Offset+t.Size:
		return fmt.Errorf("%s has %d bytes; the window ends at %d", t.Path, info.Size(), t.Offset+t.Size)
	}
	return nil
}
