package executor

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/private"
)

// DefaultCacheDir is where compiled executors are kept between starts:
// coda/compiled in the user's cache directory.
func DefaultCacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "coda", "compiled"), nil
}

// PrivateDir makes dir, or checks that it is a directory that only we can write
// and read: compiled code in it is trusted as it is.
func PrivateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &fault.ConfigError{Where: dir, Reason: "the cache of compiled executors cannot be made", Err: err}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return &fault.ConfigError{Where: dir, Reason: "the cache of compiled executors cannot be read", Err: err}
	}
	if !info.IsDir() || !private.Alone(info) {
		return &fault.ConfigError{Where: dir, Reason: fmt.Sprintf(
			"is %s, but code that is run without question must be ours alone: run chmod 700 on it, or remove it", info.Mode())}
	}
	return nil
}

// OpenCache returns the default cache of compiled code, or "" and why there is
// none: an executor then compiles at every start.
func OpenCache() (string, error) {
	dir, err := DefaultCacheDir()
	if err == nil {
		err = PrivateDir(dir)
	}
	if err != nil {
		return "", err
	}
	return dir, nil
}
