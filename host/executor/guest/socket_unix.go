//go:build unix

package guest

import (
	"os"

	"golang.org/x/sys/unix"
)

// readable reports whether a read of fd would not block.
func readable(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// exitOnHangup ends the process when the node closes its end of fd, however it
// came to that: no child outlives its node, not even in the middle of a guest's
// endless loop.
func exitOnHangup(fd int) {
	fds := []unix.PollFd{{Fd: int32(fd)}} // no events: only POLLHUP and errors
	for {
		n, err := unix.Poll(fds, -1)
		if err != nil && err != unix.EINTR || n > 0 {
			os.Exit(0)
		}
	}
}
