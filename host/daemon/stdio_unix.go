//go:build unix

package daemon

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirect makes standard output and error the file f.
func redirect(f *os.File) error {
	for fd := 1; fd <= 2; fd++ {
		if err := unix.Dup2(int(f.Fd()), fd); err != nil {
			return os.NewSyscallError("dup2", err)
		}
	}
	return nil
}
