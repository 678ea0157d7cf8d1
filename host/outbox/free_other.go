//go:build !linux && !darwin && !freebsd && !windows

package outbox

import (
	"errors"
	"fmt"
)

// Free is how much of the disk that holds path is free for this user, in percent.
// Where the system does not say, as here, the error is errors.ErrUnsupported.
func Free(path string) (percent float64, err error) {
	return 0, fmt.Errorf("the free space of %s: %w", path, errors.ErrUnsupported)
}
