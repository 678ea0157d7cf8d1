package link

import (
	"slices"
	"strings"
)

// tunName reports whether a name is what Unix systems call a VPN's interfaces.
func tunName(name string) bool {
	kind := strings.TrimRight(name, "0123456789")
	return len(kind) < len(name) && slices.Contains([]string{"tun", "tap", "utun", "ovpn", "wg"}, kind)
}

// tunDescription reports whether the driver of an adapter of Windows is a VPN's, by
// what it calls itself; the user can rename the adapter, but not that.
func tunDescription(description string) bool {
	description = strings.ToLower(description)
	return slices.ContainsFunc([]string{"tap-windows", "tap adapter", "wintun", "openvpn", "wireguard"}, func(driver string) bool {
		return strings.Contains(description, driver)
	})
}
