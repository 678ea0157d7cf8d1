package host_test

import (
	"os"
	"testing"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/executor/guest"
)

// The test binary is its own child, as the coda binary is, and an OpenVPN where it
// is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == guest.Subcommand {
		os.Exit(guest.Main())
	}
	if os.Args[0] == "openvpn" {
		os.Exit(host.ActAsOpenVPN(os.Args[1:]))
	}
	os.Exit(m.Run())
}
