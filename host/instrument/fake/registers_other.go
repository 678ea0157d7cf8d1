//go:build !unix

package fake

import (
	"errors"
	"os"
	"runtime"
)

func mapFile(string, int) (*os.File, window, error) {
	return nil, nil, errors.New("registers are memory that two programs map, which " + runtime.GOOS + " has no part of this fake for: use a Unix")
}

func unmapFile(*os.File, window) {}
