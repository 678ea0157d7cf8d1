package link

import (
	"net/netip"
	"testing"
)

func up(index int, addresses ...string) Interface {
	i := Interface{Index: index, Up: true, Tun: true}
	for _, a := range addresses {
		i.Addrs = append(i.Addrs, netip.MustParsePrefix(a))
	}
	return i
}

func TestUsable(t *testing.T) {
	t.Parallel()
	down := up(1, "192.0.2.1/24")
	down.Up = false
	for name, tt := range map[string]struct {
		i    Interface
		want bool
	}{
		"nothing":                  {Interface{}, false},
		"down":                     {down, false},
		"no address":               {up(1), false},
		"IPv4":                     {up(1, "192.0.2.1/24"), true},
		"IPv6":                     {up(1, "2001:db8::1/64"), true},
		"link-local IPv6":          {up(1, "fe80::1/64"), false},
		"link-local IPv4":          {up(1, "169.254.7.7/16"), false},
		"link-local and another":   {up(1, "fe80::1/64", "fd00::1/64"), true},
		"the loopback's addresses": {up(1, "127.0.0.1/8"), true},
	} {
		if got := tt.i.Usable(); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	const name = "tun0"
	there, bare := up(4, "192.0.2.1/24"), up(4)
	renumbered, another := up(4, "192.0.2.9/24"), up(5, "192.0.2.1/24")
	down := there
	down.Up = false
	for what, tt := range map[string]struct {
		before, after                  *Interface
		links, addresses, lost, gained bool
	}{
		"nothing":             {nil, nil, false, false, false, false},
		"stays":               {&there, &there, false, false, false, false},
		"comes":               {nil, &there, true, true, false, true},
		"comes bare":          {nil, &bare, true, false, false, false},
		"goes":                {&there, nil, true, true, true, false},
		"goes bare":           {&bare, nil, true, false, false, false},
		"goes down":           {&there, &down, true, false, true, false},
		"comes up":            {&down, &there, true, false, false, true},
		"loses its address":   {&there, &bare, false, true, true, false},
		"gets an address":     {&bare, &there, false, true, false, true},
		"changes its address": {&there, &renumbered, false, true, false, false},
		"is made anew":        {&there, &another, true, false, true, true},
	} {
		c := compare(one(name, tt.before), one(name, tt.after))
		if c.Links != tt.links || c.Addresses != tt.addresses || c.Lost(name) != tt.lost || c.Gained(name) != tt.gained {
			t.Errorf("it %s: links %t, addresses %t, lost %t, gained %t", what, c.Links, c.Addresses, c.Lost(name), c.Gained(name))
		}
		if c.Lost("tun1") || c.Gained("tun1") {
			t.Errorf("it %s, and so does another", what)
		}
		if c.any() != (tt.links || tt.addresses) {
			t.Errorf("it %s: any is %t", what, c.any())
		}
	}
}

func one(name string, i *Interface) State {
	if i == nil {
		return State{}
	}
	found := *i
	found.Name = name
	return State{name: found}
}

func TestTunIsKnownByItsNameOrDriver(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"tun0": true, "utun12": true, "tap1": true, "wg0": true, "ovpn0": true,
		"tun": false, "tunnel0": false, "en0": false, "wlan0": false, "": false, "7": false,
	} {
		if tunName(name) != want {
			t.Errorf("name %q: %t", name, !want)
		}
	}
	for description, want := range map[string]bool{
		"TAP-Windows Adapter V9":                  true,
		"TAP Adapter OAS NDIS 6.0":                true,
		"Wintun Userspace Tunnel":                 true,
		"OpenVPN Data Channel Offload":            true,
		"WireGuard Tunnel":                        true,
		"Intel(R) Ethernet Connection (7) I219-V": false,
		"Microsoft Wi-Fi Direct Virtual Adapter":  false,
		"":                                        false,
	} {
		if tunDescription(description) != want {
			t.Errorf("description %q: %t", description, !want)
		}
	}
}
