package webhook

import (
	"errors"
	"net/netip"
	"strings"
)

// nobody lists addresses that no receiver has: they name no host, or the service
// that tells a virtual machine its own credentials.
var nobody = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("::/128"),
	netip.MustParsePrefix("224.0.0.0/4"), // multicast
	netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("240.0.0.0/4"), // reserved, and broadcast

	netip.MustParsePrefix("169.254.169.254/32"), // nearly every cloud
	netip.MustParsePrefix("169.254.170.0/24"),   // AWS: containers
	netip.MustParsePrefix("fd00:ec2::/64"),      // AWS
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
}

// unnameable lists addresses that count only where they are written as such: what
// listens there trusts this machine or this cable, and a name's answer comes from
// elsewhere.
var unnameable = [...]netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fe80::/10"),

	// Given up, and other ways to write an IPv4 address.
	netip.MustParsePrefix("::/96"),     // IPv4-compatible
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("2001::/32"), // Teredo
}

// nat64 is how networks that have only IPv6 write IPv4 addresses (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

var (
	errNobody     = errors.New("no receiver has this address")
	errUnnameable = errors.New("a name may not lead to loopback, link-local or obsolete addresses; write the address itself into the origin if it is meant")
	errLocalhost  = errors.New("localhost is this machine alone")
)

// checkAddress says why nothing may be sent to an address that the host of an
// origin stands for. Private addresses are good: the cloud may be in the tunnel or
// in the laboratory.
func checkAddress(host string, address netip.Addr) error {
	address = address.Unmap()
	if nat64.Contains(address) {
		bytes := address.As16()
		if err := checkAddress(host, netip.AddrFrom4([4]byte(bytes[12:]))); err != nil {
			return err
		}
	}
	if isIn(nobody[:], address) {
		return errNobody
	}
	if written, err := netip.ParseAddr(host); err == nil && written.Unmap() == address {
		return nil
	}
	if isLocalhost(host) {
		if address.IsLoopback() {
			return nil
		}
		return errLocalhost
	}
	if isIn(unnameable[:], address) {
		return errUnnameable
	}
	return nil
}

// isLocalhost tells the names that RFC 6761 keeps for the machine itself.
func isLocalhost(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func isIn(prefixes []netip.Prefix, address netip.Addr) bool {
	address = address.WithZone("") // a prefix contains no address with a zone
	for _, p := range prefixes {
		if p.Contains(address) {
			return true
		}
	}
	return false
}
