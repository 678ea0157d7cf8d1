//go:build !linux && !windows

package link

import "net"

// Read returns what there is now.
func Read() (State, error) {
	return portable(func(i net.Interface) bool { return tunName(i.Name) })
}
