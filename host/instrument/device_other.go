//go:build !unix

package instrument

import (
	"context"
	"errors"
	"runtime"
)

func openDevice(context.Context, string, func() func()) (wire, error) {
	return nil, errors.New("there are no character devices on " + runtime.GOOS)
}
