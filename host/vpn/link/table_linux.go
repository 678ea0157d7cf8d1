package link

import (
	"errors"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

var errMessage = errors.New("a message of the kernel cannot be read")

// table is the interfaces of one network namespace by index, kept by the messages
// of rtnetlink(7).
type table map[int]*device

type device struct {
	Interface // without Addrs
	addresses map[address]struct{}
}

// address is what distinguishes two addresses of a device.
type address struct {
	own  netip.Prefix
	peer netip.Addr // the same, unless the link is to one peer
}

// apply takes in one message, and notes in the change what it came to.
func (t table) apply(kind uint16, data []byte, c *Change) error {
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return t.link(kind == unix.RTM_DELLINK, data, c)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return t.address(kind == unix.RTM_DELADDR, data, c)
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		c.Routes = true
	}
	return nil
}

func (t table) link(gone bool, data []byte, c *Change) error {
	if len(data) < unix.SizeofIfInfomsg {
		return errMessage
	}
	message := nl.DeserializeIfInfomsg(data)
	if message.Family != unix.AF_UNSPEC {
		return nil // of a bridge: a port that leaves it is "deleted", but still there
	}
	index := int(message.Index)
	was := t[index]
	if gone {
		if was != nil {
			c.Links = true
			c.Addresses = c.Addresses || len(was.addresses) > 0
			c.note(was.state(), Interface{})
			delete(t, index)
		}
		return nil
	}
	found, err := netlink.LinkDeserialize(nil, data)
	if err != nil {
		return errors.Join(errMessage, err)
	}
	const up = unix.IFF_UP | unix.IFF_RUNNING
	now := &device{Interface: Interface{
		Index: index,
		Name:  found.Attrs().Name,
		Up:    message.Flags&up == up,
		Tun:   tunType(found.Type()),
	}}
	if was == nil {
		now.addresses = make(map[address]struct{})
	} else {
		now.addresses = was.addresses
		if was.same(now.Interface) {
			return nil // of what does not matter here: counters, queues
		}
		c.note(was.state(), now.state())
	}
	c.Links = true
	t[index] = now
	return nil
}

func (t table) address(gone bool, data []byte, c *Change) error {
	index, a, err := parseAddress(data)
	if err != nil {
		return err
	}
	d := t[index]
	if d == nil {
		return nil // its link is gone, and the message older than what was read
	}
	if _, had := d.addresses[a]; had != gone {
		return nil // it lives for longer
	}
	was := d.state()
	if gone {
		delete(d.addresses, a)
	} else {
		d.addresses[a] = struct{}{}
	}
	c.Addresses = true
	c.note(was, d.state())
	return nil
}

// parseAddress reads a message with an address of IPv4 or IPv6.
func parseAddress(data []byte) (index int, a address, err error) {
	// Attributes are padded; the parser relies on it.
	if len(data) < unix.SizeofIfAddrmsg || len(data)%unix.RTA_ALIGNTO != 0 {
		return 0, a, errMessage
	}
	message := nl.DeserializeIfAddrmsg(data)
	attributes, err := nl.ParseRouteAttr(data[unix.SizeofIfAddrmsg:])
	if err != nil {
		return 0, a, errors.Join(errMessage, err)
	}
	var own netip.Addr
	for _, attribute := range attributes {
		switch attribute.Attr.Type {
		case unix.IFA_ADDRESS: // the peer's where there is one, else the own
			a.peer, _ = netip.AddrFromSlice(attribute.Value)
		case unix.IFA_LOCAL:
			own, _ = netip.AddrFromSlice(attribute.Value)
		}
	}
	if !own.IsValid() {
		own = a.peer
	}
	a.own = netip.PrefixFrom(own, int(message.Prefixlen))
	if !a.own.IsValid() {
		return 0, a, errMessage
	}
	return int(message.Index), a, nil
}

// state is a copy of the table, for others to keep.
func (t table) state() State {
	state := make(State, len(t))
	for _, d := range t {
		state[d.Name] = d.state()
	}
	return state
}

func (d *device) state() Interface {
	i := d.Interface
	for a := range d.addresses {
		i.Addrs = append(i.Addrs, a.own)
	}
	i.Addrs = ordered(i.Addrs)
	return i
}

// note keeps what a burst may make up for before it ends.
func (c *Change) note(was, now Interface) {
	if was.Usable() && !(now.Usable() && now.Name == was.Name) {
		if c.broken == nil {
			c.broken = make(map[string]bool)
		}
		c.broken[was.Name] = true
	}
}

// tunType reports whether the kernel's type of a link is a VPN's.
func tunType(kind string) bool {
	switch kind {
	case "tuntap", "ovpn", "ovpn-dco", "wireguard": // the ovpn of Linux 6.16, the ovpn-dco beside older ones
		return true
	}
	return false
}
