package openvpn_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

// The lines are those of OpenVPN 2.6.14.
func TestParseMessage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]openvpn.Message{
		">STATE:1795622488,CONNECTED,SUCCESS,10.8.0.2,192.0.2.1,1194,,": openvpn.Phase{Name: "CONNECTED", Detail: "SUCCESS",
			Local: []netip.Addr{netip.MustParseAddr("10.8.0.2")}, Remote: netip.MustParseAddrPort("192.0.2.1:1194")},
		">STATE:1,CONNECTED,SUCCESS,10.8.0.2,2001:db8::1,1194,,,fd00::1000": openvpn.Phase{Name: "CONNECTED", Detail: "SUCCESS",
			Local:  []netip.Addr{netip.MustParseAddr("10.8.0.2"), netip.MustParseAddr("fd00::1000")},
			Remote: netip.MustParseAddrPort("[2001:db8::1]:1194")},
		">STATE:1795622495,RECONNECTING,ping-restart,,,,,": openvpn.Phase{Name: "RECONNECTING", Detail: "ping-restart"},
		">STATE:1795622495,CONNECTED":                      openvpn.Phase{Name: "CONNECTED"},
		">STATE:":                                          nil,
		">STATE":                                           nil,
		">HOLD:Waiting for hold release:1":                 openvpn.Hold{},
		">BYTECOUNT:2016,1991":                             openvpn.Traffic{In: 2016, Out: 1991},
		">BYTECOUNT:2016":                                  nil,
		">BYTECOUNT:-1,5":                                  nil,
		">LOG:1795622488,I,TUN/TAP device tun0 opened":     openvpn.Line{Text: "TUN/TAP device tun0 opened"},
		">LOG:1795622494,N,read UDPv4 [ECONNREFUSED]: Connection refused (fd=4,…)": openvpn.Line{Text: "read UDPv4 [ECONNREFUSED]: Connection refused (fd=4,…)", Wrong: true},
		">LOG:1795622494":                                nil,
		">PASSWORD:Need 'Private Key' password":          openvpn.Question{Text: "Need 'Private Key' password"},
		">PASSWORD:Verification Failed: 'Auth'":          openvpn.Question{Text: "Verification Failed: 'Auth'"},
		">PASSWORD:Auth-Token:SESS_ID_c2VjcmV0":          nil,
		">PASSWORD:Needless: secret":                     nil,
		">FATAL:Cannot allocate tun/tap dev dynamically": openvpn.Fatal{Text: "Cannot allocate tun/tap dev dynamically"},
		">INFO:OpenVPN Management Interface Version 5":   nil,
		"SUCCESS: pid=4711":                              nil,
		"":                                               nil,
	} {
		if got := openvpn.ParseMessage(line); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %#v, want %#v", line, got, want)
		}
	}
}

func TestOpened(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"TUN/TAP device tun0 opened":        "tun0",
		"DCO device tun12 opened":           "tun12",
		"Opened utun device utun3":          "utun3",
		"net_iface_up: set tun0 up":         "",
		"a TUN/TAP device tun0 opened":      "",
		"TUN/TAP device tun0 opened lately": "",
	} {
		if got := (openvpn.Line{Text: text}).Opened(); got != want {
			t.Errorf("%q opened %q, want %q", text, got, want)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, seed := range []string{
		">STATE:1,CONNECTED,SUCCESS,10.8.0.2,192.0.2.1,1194,,,fd00::1", ">STATE:,,,,", ">BYTECOUNT:1,2",
		">LOG:1,I,TUN/TAP device tun0 opened", ">HOLD:", ">PASSWORD:", ">FATAL:", "x:y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m := openvpn.ParseMessage(line)
		if p, ok := m.(openvpn.Phase); ok && (p.Name == "" || len(p.Local) > 2) {
			t.Errorf("%q is %#v", line, p)
		}
		if l, ok := m.(openvpn.Line); ok && strings.ContainsAny(l.Opened(), " \t") {
			t.Errorf("%q opened %q", line, l.Opened())
		}
	})
}
