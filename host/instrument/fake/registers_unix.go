//go:build unix

package fake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFile makes a file of size bytes, or takes one that a fake left, and maps it.
// It is locked, so that two fakes do not share one.
func mapFile(path string, size int) (_ *os.File, _ window, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errors.New("another fake serves it")
		}
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := ours(file); err != nil {
		return nil, nil, err
	}
	if err := file.Truncate(int64(size)); err != nil {
		return nil, nil, err
	}
	return mapped(file, size)
}

func mapped(file *os.File, size int) (*os.File, window, error) {
	bytes, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("%s cannot be mapped: %w", file.Name(), err)
	}
	return file, unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(bytes))), size/4), nil
}

// ours refuses a file that holds something else than registers.
func ours(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() && info.Size() == 0 {
		return nil
	}
	var id [4]byte
	if _, err := io.ReadFull(file, id[:]); err != nil || !info.Mode().IsRegular() || binary.NativeEndian.Uint32(id[:]) != RegistersID {
		return fmt.Errorf("%s is there and holds no registers: give another file", file.Name())
	}
	return nil
}

func unmapFile(file *os.File, w window) {
	_ = os.Remove(file.Name()) // before the lock is given up, lest it be another's
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), 4*len(w))
	_ = unix.Munmap(bytes) // cannot fail with what Mmap gave
	file.Close()
}
