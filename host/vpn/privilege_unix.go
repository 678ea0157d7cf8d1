//go:build !linux && !windows

package vpn

import (
	"os"
	"syscall"
)

func missingPrivileges(string) []Lack {
	if os.Geteuid() == 0 {
		return nil
	}
	return []Lack{{"this is not root, who alone makes tunnels", "run the node as root"}}
}

// grant has nothing to give.
func grant(*syscall.SysProcAttr) {}
