package link

import (
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// message is the body of RTM_NEWADDR.
func message(family, bits uint8, index uint32, attributes map[int][]byte) []byte {
	header := nl.IfAddrmsg{IfAddrmsg: unix.IfAddrmsg{Family: family, Prefixlen: bits, Index: index}}
	data := append([]byte(nil), header.Serialize()...)
	for _, kind := range []int{unix.IFA_ADDRESS, unix.IFA_LOCAL, unix.IFA_LABEL} {
		if value, found := attributes[kind]; found {
			data = append(data, nl.NewRtAttr(kind, value).Serialize()...)
		}
	}
	return data
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	peer, local := netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("203.0.113.6")
	six := netip.MustParseAddr("2001:db8::2")
	for name, tt := range map[string]struct {
		data []byte
		want address
		fail bool
	}{
		"IPv4 of a network": {data: message(unix.AF_INET, 24, 7, map[int][]byte{
			unix.IFA_ADDRESS: local.AsSlice(), unix.IFA_LOCAL: local.AsSlice(), unix.IFA_LABEL: []byte("tun0\x00"),
		}), want: address{netip.PrefixFrom(local, 24), local}},
		"IPv4 to a peer": {data: message(unix.AF_INET, 32, 7, map[int][]byte{
			unix.IFA_ADDRESS: peer.AsSlice(), unix.IFA_LOCAL: local.AsSlice(),
		}), want: address{netip.PrefixFrom(local, 32), peer}},
		"IPv6": {data: message(unix.AF_INET6, 64, 7, map[int][]byte{
			unix.IFA_ADDRESS: six.AsSlice(),
		}), want: address{netip.PrefixFrom(six, 64), six}},
		"nothing":            {fail: true},
		"half a header":      {data: make([]byte, 5), fail: true},
		"no address":         {data: message(unix.AF_INET, 24, 7, nil), fail: true},
		"a short address":    {data: message(unix.AF_INET, 24, 7, map[int][]byte{unix.IFA_LOCAL: {1, 2}}), fail: true},
		"too long a prefix":  {data: message(unix.AF_INET, 33, 7, map[int][]byte{unix.IFA_LOCAL: local.AsSlice()}), fail: true},
		"a broken attribute": {data: append(message(unix.AF_INET, 24, 7, nil), 200, 0, 1, 0), fail: true},
	} {
		index, got, err := parseAddress(tt.data)
		if (err != nil) != tt.fail {
			t.Errorf("%s: %v", name, err)
		} else if !tt.fail && (index != 7 || got != tt.want) {
			t.Errorf("%s: %d, %v", name, index, got)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	local := []byte{203, 0, 113, 6}
	f.Add(message(unix.AF_INET, 24, 7, map[int][]byte{unix.IFA_ADDRESS: local, unix.IFA_LOCAL: local}))
	f.Add(message(unix.AF_INET6, 64, 1, map[int][]byte{unix.IFA_ADDRESS: make([]byte, 16)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, a, err := parseAddress(data)
		if (err == nil) != a.own.IsValid() {
			t.Errorf("%v, %v", a, err)
		}
	})
}
