//go:build !linux && !windows

package openvpn

import (
	"os"
)

func missingPrivileges(string) []Lack {
	if os.Geteuid() == 0 {
		return nil
	}
	return []Lack{{"this is not root, who alone makes tunnels", "run the node as root"}}
}
