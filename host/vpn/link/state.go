// Package link says which network interfaces there are, and tells of changes: on
// Linux as they happen, from netlink, elsewhere by looking every half second.
package link

import "net/netip"

// Interface is one network interface as the operating system has it.
type Interface struct {
	Index int // another for every device, also for one made anew under an old name
	Name  string
	Up    bool           // set up by its owner and running: with a carrier or, if a tun, a program behind it
	Tun   bool           // made by a VPN's program: tun, tap, utun, Wintun, OpenVPN's data channel offload, WireGuard
	Addrs []netip.Prefix // sorted; of a link to one peer, its own address with the length of the peer's prefix
}

// Usable reports whether the interface is up and has an address. Link-local ones
// do not count: systems give them to every interface that is set up, before the
// VPN has said what its address is.
func (i Interface) Usable() bool {
	if !i.Up {
		return false
	}
	for _, prefix := range i.Addrs {
		if !prefix.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// State is all interfaces, by name.
type State map[string]Interface
