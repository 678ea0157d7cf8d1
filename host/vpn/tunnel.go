package vpn

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/conductorquantum/coda/host/vpn/link"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

// tunnel is the interface of a tunnel, and what OpenVPN says of it if it is our
// own.
type tunnel struct {
	link.Interface
	own openvpn.Status
}

// same reports whether two are one connection, on one device.
func (t tunnel) same(other tunnel) bool {
	return t.Index == other.Index && t.Name == other.Name && t.own.Since.Equal(other.own.Since)
}

// find finds the tunnel that jobs are to come through. The problem says why it
// cannot be used; "" where it can.
func (g *Guard) find(own openvpn.Status) (found tunnel, problem string) {
	if g.Own == nil {
		return g.findForeign()
	}
	found.own = own
	if !own.Connected {
		return found, cmp.Or(own.Problem, "OpenVPN is connecting")
	}
	found.Interface = ownInterface(g.links, own)
	if !found.Usable() {
		// OpenVPN may have told of it before the kernel has.
		if now, err := g.Read(); err == nil {
			g.links = now
			found.Interface = ownInterface(now, own)
		}
	}
	switch {
	case found.Usable():
		return found, ""
	case found.Name == "":
		problem = fmt.Sprintf("the tunnel's interface %s is gone", own.Interface)
	default:
		problem = unusable(found.Interface)
	}
	// OpenVPN does not notice, or not soon.
	g.Own.Restart(own.Since, problem)
	return found, problem
}

// ownInterface is the one that OpenVPN says it made; where it did not say, the one
// that has the address it was given.
func ownInterface(links link.State, own openvpn.Status) link.Interface {
	if own.Interface != "" {
		return links[own.Interface]
	}
	for _, i := range byIndex(links) {
		for _, prefix := range i.Addrs {
			if slices.Contains(own.Local, prefix.Addr()) {
				return i
			}
		}
	}
	return link.Interface{}
}

func (g *Guard) findForeign() (found tunnel, problem string) {
	found.Interface, problem = Foreign(g.links, g.Hint)
	return found, problem
}

// Foreign finds somebody else's tunnel among the interfaces: by its name, the hint,
// or as the first one that can be used. The problem says why it cannot be used; ""
// where it can.
func Foreign(links link.State, hint string) (found link.Interface, problem string) {
	if hint != "" {
		found = links[hint]
		switch {
		case found.Usable():
			return found, ""
		case found.Name == "":
			return found, fmt.Sprintf("there is no interface %s (CODA_VPN_INTERFACE_HINT); start the tunnel", hint)
		}
		return found, unusable(found)
	}
	for _, i := range byIndex(links) {
		if !i.Tun {
			continue
		}
		if i.Usable() {
			return i, ""
		}
		if found.Name == "" {
			found = i
		}
	}
	if found.Name != "" {
		return found, unusable(found)
	}
	return found, "there is no tunnel interface; start the tunnel, or name its interface with CODA_VPN_INTERFACE_HINT"
}

// byIndex lists the interfaces in the order in which they came.
func byIndex(links link.State) []link.Interface {
	return slices.SortedFunc(maps.Values(links), func(a, b link.Interface) int { return a.Index - b.Index })
}

func unusable(i link.Interface) string {
	if !i.Up {
		return fmt.Sprintf("the tunnel's interface %s is down", i.Name)
	}
	return fmt.Sprintf("the tunnel's interface %s has no address", i.Name)
}
