//go:build linux || darwin || freebsd

package outbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Free is how much of the disk that holds path is free for this user, in percent
// of what is free or used, as df counts. Where the system does not say the error
// is errors.ErrUnsupported.
func Free(path string) (percent float64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("the free space of %s: %w", path, err)
	}
	free := float64(max(0, int64(s.Bavail)))
	used := float64(s.Blocks) - float64(s.Bfree)
	if free+used == 0 {
		return 100, nil // a file system without a size
	}
	return 100 * free / (free + used), nil
}
