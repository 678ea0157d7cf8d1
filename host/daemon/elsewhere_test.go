//go:build unix && !linux

package daemon_test

import "errors"

func execWithoutKill(string, string) error { return errors.ErrUnsupported }
