//go:build unix

package executor_test

import (
	"os"
	"testing"

	"github.com/conductorquantum/coda/host/executor/guest"
)

// The test binary is its own child, as the coda binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == guest.Subcommand {
		os.Exit(guest.Main())
	}
	if len(os.Args) > 1 && os.Args[1] == guest.Uncaged {
		os.Exit(guest.MainUncaged())
	}
	if len(os.Args) == 3 && os.Args[1] == nodeMode {
		os.Exit(playNode(os.Args[2]))
	}
	os.Exit(m.Run())
}
