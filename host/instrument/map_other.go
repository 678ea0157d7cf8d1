//go:build !unix

package instrument

import (
	"errors"
	"runtime"

	"github.com/conductorquantum/coda/host/config"
)

func mapWindow(*config.Target, bool) (*mapping, error) {
	return nil, errors.New("registers cannot be mapped on " + runtime.GOOS)
}
