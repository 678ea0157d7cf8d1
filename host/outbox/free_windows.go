package outbox

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// Free is how much of the disk that holds path is free for this user, in percent.
// Where the system does not say the error is errors.ErrUnsupported.
func Free(path string) (percent float64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, &total, &all); err != nil {
		return 0, fmt.Errorf("the free space of %s: %w", path, err)
	}
	if total == 0 {
		return 100, nil
	}
	return 100 * float64(free) / float64(total), nil
}
