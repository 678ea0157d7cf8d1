//go:build !linux

package openvpn

import (
	"net"
)

// isPeer takes whoever can reach the socket, whose folder is closed to others.
func isPeer(*net.UnixConn, int) bool { return true }
