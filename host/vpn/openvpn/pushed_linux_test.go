package openvpn_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

// A server may hand out a token in the place of a password. Nobody is asked for
// anything, and OpenVPN shows the token when it connects again.
func TestAServerThatPushesAToken(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]string{
		"alone":       "",
		"with a user": `push "auth-token-user bm9kZQ=="`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const token = "a-secret-of-the-server"
			s := newScene(t, nil)
			s.server.Configure(`push "auth-token `+token+`"`, user)
			s.server.Start()
			s.run()
			first := s.until("connected", connected)
			s.server.Kill()
			broke := s.until("broken", broken)
			s.server.Start()
			again := s.until("connected again", connected)
			if first.Restarts != 0 || again.PID != first.PID {
				t.Errorf("first %+v, again %+v", first, again)
			}
			s.stop()
			for where, text := range map[string]string{
				"log": s.log.String(), "log of OpenVPN": s.output.String(), "status": fmt.Sprintf("%+v %+v %+v", first, broke, again),
			} {
				if strings.Contains(text, token) {
					t.Errorf("the %s has the token: %s", where, text)
				}
			}
		})
	}
}

// What a profile may not say a server may not push.
func TestWhatAServerMayPush(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(c *openvpn.Config) {
		profile := c.Profile
		c.Profile = func() ([]byte, error) {
			text, err := profile()
			return append([]byte("pull-filter accept redirect\npull-filter accept d\n"), text...), err
		}
	})
	_, everywhere, err := net.ParseCIDR("0.0.0.0/0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.client.Netlink.RouteAdd(&netlink.Route{Dst: everywhere, Gw: net.ParseIP("192.0.2.1")}); err != nil {
		t.Fatal(err)
	}
	s.server.Configure(
		`push "redirect-gateway def1"`,
		`push '"redirect-gateway" autolocal'`, // as OpenVPN reads words
		`push "'redirect-gateway' ipv6"`,
		`push "redirect-private def1"`,
		`push "block-outside-dns"`,
		`push "dhcp-option DNS 203.0.113.53"`,
		`push "dns search-domains example.com"`,
		`push "route 198.51.100.0 255.255.255.0"`,
	)
	s.server.Start()
	s.run()
	s.until("connected", connected)
	link, err := s.client.Netlink.LinkByName("tun0")
	if err != nil {
		t.Fatal(err)
	}
	routes, err := s.client.Netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	through := map[string]bool{}
	for _, r := range routes {
		through[r.Dst.String()] = r.LinkIndex == link.Attrs().Index
	}
	for to, want := range map[string]bool{"0.0.0.0/0": false, "10.8.0.0/24": true, "192.0.2.0/24": false, "198.51.100.0/24": true} {
		if got, ok := through[to]; !ok || got != want {
			t.Errorf("%s goes through the tunnel: %t (there is a route: %t)", to, got, ok)
		}
	}
	if len(through) != 4 {
		t.Errorf("the routes: %v", routes)
	}
	s.stop()
	for _, option := range []string{
		"redirect-gateway def1", `"redirect-gateway" autolocal`, `'redirect-gateway' ipv6`, "redirect-private def1",
		"block-outside-dns", "dhcp-option DNS 203.0.113.53", "dns search-domains example.com",
	} {
		if !strings.Contains(s.output.String(), "Pushed option removed by filter: '"+option+"'") {
			t.Errorf("OpenVPN took %s", option)
		}
	}
}

// A connection whose routes could not be made is one, and somebody should know.
func TestAConnectionThatLacksSomething(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.server.Configure(`push "route 198.51.100.0 255.255.255.0 203.0.113.1"`) // a gateway that nobody can reach
	s.server.Start()
	s.run()
	s.until("connected", connected)
	s.stop()
	if log := s.log.String(); !strings.Contains(log, "could not set everything up") || !strings.Contains(log, "ROUTE_ERROR") {
		t.Errorf("the log: %s", log)
	}
}

// The first server of a profile that would wait for it for years is not the last
// that is tried.
func TestAServerThatDoesNotAnswerIsLeft(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(c *openvpn.Config) {
		profile := c.Profile
		c.Profile = func() ([]byte, error) {
			text, err := profile()
			return append([]byte("remote 192.0.2.1 1195\nconnect-timeout 999999999\nhand-window 999999999\n"), text...), err
		}
	})
	s.SetAttempt(5 * time.Second)
	s.server.Start()
	s.run()
	status := s.until("connected", connected)
	if status.Remote.Port() != 1194 || !strings.Contains(status.LastError, "SIGUSR1 (no connection within 5s)") {
		t.Errorf("%+v", status)
	}
}
