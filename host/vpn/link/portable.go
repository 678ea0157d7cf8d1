package link

import (
	"net"
	"net/netip"
	"slices"

	"github.com/conductorquantum/coda/host/fault"
)

// portable reads the state from what Go knows of every system; tun says which
// interfaces are a VPN's.
func portable(tun func(net.Interface) bool) (State, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, failure("network interfaces cannot be read", err)
	}
	state := make(State, len(interfaces))
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			if _, gone := net.InterfaceByIndex(i.Index); gone != nil {
				continue
			}
			return nil, failure("the addresses of interface "+i.Name+" cannot be read", err)
		}
		const up = net.FlagUp | net.FlagRunning
		found := Interface{Index: i.Index, Name: i.Name, Up: i.Flags&up == up, Tun: tun(i)}
		for _, address := range addresses {
			if prefix, err := netip.ParsePrefix(address.String()); err == nil {
				found.Addrs = append(found.Addrs, prefix)
			}
		}
		found.Addrs = ordered(found.Addrs)
		state[i.Name] = found
	}
	return state, nil
}

// ordered makes lists of the same addresses equal.
func ordered(prefixes []netip.Prefix) []netip.Prefix {
	slices.SortFunc(prefixes, netip.Prefix.Compare)
	return slices.Compact(prefixes)
}

// failure is a fault of the system's, which may pass.
func failure(reason string, err error) error {
	return &fault.VPNError{Reason: reason, Retry: true, Err: err}
}
