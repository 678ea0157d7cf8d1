//go:build unix && !linux

package daemon_test

import (
	"errors"
	"os"
	"testing"

	"github.com/conductorquantum/coda/host/testkit/require"
)

const nobody = 65534

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		require.Missing(t, "root", "only root can give files away")
	}
}

func execWithoutKill(string, string) error { return errors.ErrUnsupported }
