//go:build unix && !linux

package daemon_test

import (
	"errors"
	"os"
	"testing"
)

const nobody = 65534

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
}

func execWithoutKill(string, string) error { return errors.ErrUnsupported }
