//go:build unix

package executor_test

import (
	"os"
	"testing"

	"github.com/conductorquantum/coda/host/executor/guest"
)

// mains are what the test binary can be besides, by subcommand.
var mains = map[string]func() int{guest.Subcommand: guest.Main}

// The test binary is its own child, as the coda binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && mains[os.Args[1]] != nil {
		os.Exit(mains[os.Args[1]]())
	}
	if len(os.Args) == 3 && os.Args[1] == nodeMode {
		os.Exit(playNode(os.Args[2]))
	}
	os.Exit(m.Run())
}
