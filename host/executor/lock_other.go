//go:build !unix

package executor

import (
	"errors"
	"os"
)

// errHeld is never the error of lock here.
var errHeld = errors.New("held")

// lock has no way to lock a folder here.
func lock(*os.File) error { return errors.ErrUnsupported }
