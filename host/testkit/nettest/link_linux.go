package nettest

import (
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/testkit/require"
)

var pairs atomic.Int64

// Link joins two namespaces by a cable, a veth pair, that is up at both ends, and
// returns the names of the ends. The addresses are prefixes: "192.0.2.1/24".
func Link(tb testing.TB, a, b *Namespace, addressA, addressB string) (nameA, nameB string) {
	tb.Helper()
	pair := pairs.Add(1)
	nameA, nameB = fmt.Sprintf("veth%da", pair), fmt.Sprintf("veth%db", pair)
	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: nameA},
		PeerName:      nameB,
		PeerNamespace: netlink.NsFd(int(b.file.Fd())),
	}
	if err := a.Netlink.LinkAdd(veth); err != nil {
		tb.Fatalf("veth pair: %v", err)
	}
	a.Address(nameA, addressA)
	b.Address(nameB, addressB)
	a.Up(nameA)
	b.Up(nameB)
	return nameA, nameB
}

// Tun makes a tunnel device that is up and has the addresses. Closing the file
// deletes the device, as the end of the program that holds it would.
func (n *Namespace) Tun(name string, addresses ...string) *os.File {
	n.tb.Helper()
	const device = "/dev/net/tun"
	var file *os.File
	n.Do(func() {
		fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			require.Missing(n.tb, part, fmt.Sprintf("%s cannot be opened (%v): modprobe tun, and run the test as root", device, err))
		}
		file = os.NewFile(uintptr(fd), device)
		n.tb.Cleanup(func() { file.Close() })
		request, err := unix.NewIfreq(name)
		if err != nil {
			n.tb.Fatal(err)
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			n.tb.Fatalf("tunnel device %s: %v", name, err)
		}
	})
	for _, address := range addresses {
		n.Address(name, address)
	}
	n.Up(name)
	return file
}

// Up sets a link up.
func (n *Namespace) Up(name string) {
	n.tb.Helper()
	n.check("set up", name, n.Netlink.LinkSetUp(n.link(name)))
}

// Down sets a link down; its addresses stay.
func (n *Namespace) Down(name string) {
	n.tb.Helper()
	n.check("set down", name, n.Netlink.LinkSetDown(n.link(name)))
}

// Delete deletes a link; of a veth pair both ends go.
func (n *Namespace) Delete(name string) {
	n.tb.Helper()
	n.check("delete", name, n.Netlink.LinkDel(n.link(name)))
}

// Address gives a link an address, "192.0.2.1/24", which can be used at once.
func (n *Namespace) Address(name, prefix string) {
	n.tb.Helper()
	n.check("add "+prefix+" to", name, n.Netlink.AddrAdd(n.link(name), n.address(prefix)))
}

// NoAddress takes an address from a link.
func (n *Namespace) NoAddress(name, prefix string) {
	n.tb.Helper()
	n.check("take "+prefix+" from", name, n.Netlink.AddrDel(n.link(name), n.address(prefix)))
}

// link finds a link by its name.
func (n *Namespace) link(name string) netlink.Link {
	n.tb.Helper()
	link, err := n.Netlink.LinkByName(name)
	if err != nil {
		n.tb.Fatalf("link %s: %v", name, err)
	}
	return link
}

func (n *Namespace) address(prefix string) *netlink.Addr {
	n.tb.Helper()
	parsed, err := netip.ParsePrefix(prefix)
	if err != nil {
		n.tb.Fatal(err)
	}
	address, err := netlink.ParseAddr(prefix)
	if err != nil {
		n.tb.Fatal(err)
	}
	if parsed.Addr().Is6() {
		// Without it the address is tentative for a second or two.
		address.Flags = unix.IFA_F_NODAD
	}
	return address
}

func (n *Namespace) check(verb, name string, err error) {
	n.tb.Helper()
	if err != nil {
		n.tb.Fatalf("%s %s: %v", verb, name, err)
	}
}
