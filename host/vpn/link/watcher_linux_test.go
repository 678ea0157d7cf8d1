package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/conductorquantum/coda/host/testkit/nettest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

const tun, address4, address6 = "tun5", "198.51.100.2/24", "2001:db8::2/64"

// open is Open in the namespace, with the first change taken.
func open(tb testing.TB, n *nettest.Namespace) *watcher {
	tb.Helper()
	var m Monitor
	var err error
	n.Do(func() { m, err = Open() })
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	w, is := m.(*watcher)
	if !is {
		tb.Fatalf("Open falls back to a %T", m)
	}
	receive(tb, w)
	return w
}

func receive(tb testing.TB, m Monitor) Change {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	c, err := m.Receive(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// until receives up to the change that is looked for.
func until(tb testing.TB, m Monitor, found func(Change) bool) Change {
	tb.Helper()
	for {
		if c := receive(tb, m); found(c) {
			return c
		}
	}
}

func lost(c Change) bool   { return c.Lost(tun) }
func gained(c Change) bool { return c.Gained(tun) }

// read is Read in the namespace.
func read(tb testing.TB, n *nettest.Namespace) (state State) {
	tb.Helper()
	var err error
	n.Do(func() { state, err = Read() })
	if err != nil {
		tb.Fatal(err)
	}
	return state
}

func TestReadSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	a, b := nettest.New(t), nettest.New(t)
	veth, _ := nettest.Link(t, a, b, "192.0.2.1/24", "192.0.2.2/24")
	a.Tun(tun, address4, address6)
	a.Tun("tun6")
	// As OpenVPN does it with topology p2p.
	toPeer, err := netlink.ParseAddr("203.0.113.6/32")
	if err != nil {
		t.Fatal(err)
	}
	toPeer.Peer = &net.IPNet{IP: net.IPv4(203, 0, 113, 5), Mask: net.CIDRMask(32, 32)}
	if err := a.Netlink.AddrAdd(find(t, a, tun), toPeer); err != nil {
		t.Fatal(err)
	}
	a.Down("lo")

	// The kernel says a moment later that the pair has a carrier.
	state := read(t, a)
	for deadline := time.Now().Add(time.Minute); !state[veth].Up && time.Now().Before(deadline); state = read(t, a) {
		runtime.Gosched()
	}
	for _, want := range []struct {
		name, addresses string
		up, tun, usable bool
	}{
		{"lo", "127.0.0.1/8", false, false, false},
		{veth, "192.0.2.1/24", true, false, true},
		{tun, "198.51.100.2/24 203.0.113.6/32 2001:db8::2/64", true, true, true},
		{"tun6", "", true, true, false}, // with a link-local address
	} {
		got, found := state[want.name]
		var addresses []string
		for _, prefix := range got.Addrs {
			if !prefix.Addr().IsLinkLocalUnicast() {
				addresses = append(addresses, prefix.String())
			}
		}
		if !found || got.Name != want.name || got.Index == 0 || got.Up != want.up || got.Tun != want.tun ||
			got.Usable() != want.usable || strings.Join(addresses, " ") != want.addresses {
			t.Errorf("%s is %+v", want.name, got)
		}
	}
}

func TestNetlinkAndGoSayTheSame(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	n.Tun(tun, address4, address6)
	for deadline := time.Now().Add(time.Minute); ; {
		var portably State
		var err error
		n.Do(func() { portably, err = portable(func(i net.Interface) bool { return tunName(i.Name) }) })
		if err != nil {
			t.Fatal(err)
		}
		// The kernel makes link-local addresses when it gets to it.
		state := read(t, n)
		if reflect.DeepEqual(portably, state) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Go: %v\nnetlink: %v", portably, state)
		}
	}
}

func TestTheFirstReceiveSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	n.Tun(tun, address4)
	var m Monitor
	var err error
	n.Do(func() { m, err = Open() })
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c := receive(t, m)
	if !c.Gained(tun) || !c.Gained("lo") || c.Lost(tun) || c.Missed || len(c.Before) != 0 || !c.After[tun].Tun {
		t.Errorf("%+v", c)
	}
}

func TestWithoutASubscriptionThereIsPolling(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	reason := errors.New("refused")
	n.Do(func() {
		m, err := fallBack(reason)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		p, is := m.(*Poller)
		if !is || !errors.Is(p.Reason, reason) {
			t.Fatalf("%T %+v", m, m)
		}
		if c := receive(t, m); len(c.After) != 1 || !c.Gained("lo") {
			t.Errorf("%+v", c)
		}
	})
}

func TestATunnelIsLostAndGained(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lose, gain func(n *nettest.Namespace)
	}{
		"set down": {
			func(n *nettest.Namespace) { n.Down(tun) },
			func(n *nettest.Namespace) { n.Up(tun) },
		},
		"without an address": {
			func(n *nettest.Namespace) { n.NoAddress(tun, address4); n.NoAddress(tun, address6) },
			func(n *nettest.Namespace) { n.Address(tun, address6) },
		},
		"deleted": {
			func(n *nettest.Namespace) { n.Delete(tun) },
			func(n *nettest.Namespace) { n.Tun(tun, address4) },
		},
		"renamed": {
			func(n *nettest.Namespace) { rename(t, n, tun, "tun9") },
			func(n *nettest.Namespace) { rename(t, n, "tun9", tun) },
		},
		"moved elsewhere": {
			func(n *nettest.Namespace) { moveAway(t, n, tun) },
			func(n *nettest.Namespace) { n.Tun(tun, address6) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := nettest.New(t)
			n.Tun(tun, address4, address6)
			n.Tun("tun6", "203.0.113.1/24") // another VPN's
			m := open(t, n)
			check := func(c Change) {
				t.Helper()
				if c.Lost("tun6") || c.Gained("tun6") || c.Missed || !c.After["tun6"].Usable() {
					t.Errorf("the other: %+v", c)
				}
			}
			tt.lose(n)
			c := until(t, m, lost)
			check(c)
			if c.Gained(tun) || c.After[tun].Usable() || !c.Links && !c.Addresses {
				t.Errorf("lost: %+v", c)
			}
			tt.gain(n)
			c = until(t, m, gained)
			check(c)
			if c.Lost(tun) || !c.After[tun].Usable() || !c.Links && !c.Addresses {
				t.Errorf("gained: %+v", c)
			}
		})
	}
}

func TestTheEndOfATunsProgramIsSeen(t *testing.T) {
	t.Parallel()
	for name, persist := range map[string]int{"the device goes": 0, "the device stays": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := nettest.New(t)
			file := n.Tun(tun, address4)
			if err := unix.IoctlSetInt(int(file.Fd()), unix.TUNSETPERSIST, persist); err != nil {
				t.Fatal(err)
			}
			m := open(t, n)
			file.Close()
			c := until(t, m, lost)
			if _, found := c.After[tun]; found != (persist == 1) {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestWhatABurstMakesUpForIsSeen(t *testing.T) {
	t.Parallel()
	for name, burst := range map[string]func(n *nettest.Namespace){
		"down and up":      func(n *nettest.Namespace) { n.Down(tun); n.Up(tun) },
		"made anew":        func(n *nettest.Namespace) { n.Delete(tun); n.Tun(tun, address4) },
		"another address":  func(n *nettest.Namespace) { n.NoAddress(tun, address4); n.Address(tun, "198.51.100.9/24") },
		"renamed and back": func(n *nettest.Namespace) { rename(t, n, tun, "tun9"); rename(t, n, "tun9", tun) },
		"replaced by another": func(n *nettest.Namespace) {
			n.Tun("tun9", address4)
			rename(t, n, tun, "tun8")
			rename(t, n, "tun9", tun)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := nettest.New(t)
			n.Tun(tun, address4)
			m := open(t, n)
			burst(n)
			// One change, unless the machine was so slow that a late link-local address
			// came before: the kernel had queued the whole burst.
			c := until(t, m, lost)
			if !c.Gained(tun) || !c.After[tun].Usable() {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestAnAddressBesideAnotherIsNoLoss(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	n.Tun(tun, address4, address6)
	m := open(t, n)
	n.NoAddress(tun, address4)
	c := until(t, m, func(c Change) bool { return c.Addresses && len(c.After[tun].Addrs) < len(c.Before[tun].Addrs) })
	if c.Lost(tun) || c.Gained(tun) || !c.After[tun].Usable() {
		t.Errorf("%+v", c)
	}
}

func TestRoutesAreSeen(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	n.Tun(tun, address4)
	m := open(t, n)
	_, to, err := net.ParseCIDR("203.0.113.0/24")
	if err != nil {
		t.Fatal(err)
	}
	route := &netlink.Route{LinkIndex: find(t, n, tun).Attrs().Index, Dst: to}
	for _, change := range []func(*netlink.Route) error{n.Netlink.RouteAdd, n.Netlink.RouteDel} {
		if err := change(route); err != nil {
			t.Fatal(err)
		}
		if c := until(t, m, func(c Change) bool { return c.Routes }); c.Lost(tun) || c.Missed {
			t.Errorf("%+v", c)
		}
	}
}

func TestAPortThatLeavesItsBridgeIsStillThere(t *testing.T) {
	t.Parallel()
	a, b := nettest.New(t), nettest.New(t)
	veth, _ := nettest.Link(t, a, b, "192.0.2.1/24", "192.0.2.2/24")
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	if err := a.Netlink.LinkAdd(bridge); err != nil {
		require.Missing(t, "netns", fmt.Sprintf("bridges cannot be made (%v): modprobe bridge", err))
	}
	m := open(t, a)
	port := find(t, a, veth)
	if err := errors.Join(a.Netlink.LinkSetMaster(port, bridge), a.Netlink.LinkSetNoMaster(port)); err != nil {
		t.Fatal(err)
	}
	a.Address("lo", "198.51.100.1/32") // the last event
	c := until(t, m, func(c Change) bool { return c.Addresses && len(c.After["lo"].Addrs) > len(c.Before["lo"].Addrs) })
	if !c.After[veth].Usable() {
		t.Errorf("%+v", c)
	}
}

func TestLostMessagesAreMadeUpFor(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	n.Tun(tun, address4)
	m := open(t, n)
	// The queue of the socket gets as short as the kernel allows.
	err := m.raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	const many = 50
	for i := range many {
		n.Address("lo", fmt.Sprintf("127.0.1.%d/32", i))
	}
	n.Delete(tun)
	c := until(t, m, func(c Change) bool { return c.Missed })
	if !c.Lost(tun) || !c.Links || !c.Addresses || !c.Routes || len(c.After["lo"].Addrs) < many {
		t.Errorf("links %t, addresses %t, routes %t, tun %+v, %d addresses", c.Links, c.Addresses, c.Routes, c.After[tun], len(c.After["lo"].Addrs))
	}
	// It goes on as before.
	n.Tun(tun, address4)
	until(t, m, gained)
}

// Whatever happens, what the messages come to is what the kernel says when asked.
func TestMessagesComeToWhatThereIs(t *testing.T) {
	t.Parallel()
	a, b := nettest.New(t), nettest.New(t)
	m := open(t, a)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	names := []string{"tun1", "tun2", "tun3"}
	for step := range 100 {
		name := names[random.IntN(len(names))]
		prefix := fmt.Sprintf("198.51.100.%d/%d", 1+random.IntN(3), 24+8*random.IntN(2))
		// Most attempts have an effect, and the others none.
		l, err := a.Netlink.LinkByName(name)
		if err != nil {
			a.Tun(name, prefix)
			continue
		}
		addr, err := netlink.ParseAddr(prefix)
		if err != nil {
			t.Fatal(err)
		}
		switch random.IntN(8) {
		case 0:
			a.Delete(name)
		case 1:
			a.Down(name)
		case 2, 3:
			a.Up(name)
		case 4:
			_ = a.Netlink.AddrDel(l, addr)
		case 5:
			addr.Peer = &net.IPNet{IP: net.IPv4(203, 0, 113, byte(random.IntN(3))), Mask: net.CIDRMask(32, 32)}
			fallthrough
		case 6:
			_ = a.Netlink.AddrAdd(l, addr)
		case 7:
			_ = a.Netlink.LinkSetName(l, names[random.IntN(len(names))])
		}
		if step%25 == 0 {
			nettest.Link(t, a, b, "192.0.2.1/24", "192.0.2.2/24")
		}
		if random.IntN(4) == 0 {
			settle(t, a, m)
		}
	}
	settle(t, a, m)
}

// settle receives until the monitor and the kernel agree.
func settle(t *testing.T, n *nettest.Namespace, w *watcher) {
	t.Helper()
	for {
		want := read(t, n)
		if reflect.DeepEqual(w.last, want) {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		_, err := w.Receive(ctx)
		cancel()
		if err != nil {
			t.Fatalf("%v: the monitor knows of\n%v\nbut there is\n%v", err, w.last, want)
		}
	}
}

func TestReceiveEnds(t *testing.T) {
	t.Parallel()
	n := nettest.New(t)
	m := open(t, n)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := m.Receive(ctx)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("with its context it ends with %v", err)
	}
	// The next is not hurt by that.
	n.Tun(tun, address4)
	until(t, m, gained)

	go func() {
		for {
			if _, err := m.Receive(t.Context()); err != nil {
				ended <- err
				return
			}
		}
	}()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed it ends with %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// BenchmarkAlarm is how long it takes from the request that sets a tunnel down to
// the return of Receive; the kernel's part of it, the request itself, is given apart.
func BenchmarkAlarm(b *testing.B) {
	n := nettest.New(b)
	n.Tun(tun, address4)
	m := open(b, n)
	device := find(b, n, tun)
	received := make(chan time.Time)
	go func() {
		defer close(received)
		for {
			c, err := m.Receive(b.Context())
			if err != nil {
				return
			}
			if c.Lost(tun) || c.Gained(tun) {
				received <- time.Now()
			}
		}
	}()
	var alarms, requests []time.Duration
	for b.Loop() {
		start := time.Now()
		if err := n.Netlink.LinkSetDown(device); err != nil {
			b.Fatal(err)
		}
		requests = append(requests, time.Since(start))
		alarms = append(alarms, (<-received).Sub(start))

		b.StopTimer()
		n.Up(tun)
		<-received
		b.StartTimer()
	}
	for name, times := range map[string][]time.Duration{"alarm": alarms, "request": requests} {
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), name+"-p99-µs")
	}
}

func BenchmarkRead(b *testing.B) {
	n := nettest.New(b)
	n.Tun(tun, address4)
	n.Do(func() {
		for b.Loop() {
			if _, err := Read(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func find(tb testing.TB, n *nettest.Namespace, name string) netlink.Link {
	tb.Helper()
	l, err := n.Netlink.LinkByName(name)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func rename(tb testing.TB, n *nettest.Namespace, name, to string) {
	tb.Helper()
	l := find(tb, n, name)
	err := n.Netlink.LinkSetName(l, to)
	if errors.Is(err, unix.EBUSY) { // kernels before 6.2 rename only what is down
		n.Down(name)
		err = n.Netlink.LinkSetName(l, to)
		defer n.Up(to)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// moveAway puts a link into a namespace of its own.
func moveAway(tb testing.TB, n *nettest.Namespace, name string) {
	tb.Helper()
	var away netns.NsHandle
	var err error
	nettest.New(tb).Do(func() { away, err = netns.Get() })
	if err != nil {
		tb.Fatal(err)
	}
	defer away.Close()
	if err := n.Netlink.LinkSetNsFd(find(tb, n, name), int(away)); err != nil {
		tb.Fatal(err)
	}
}
