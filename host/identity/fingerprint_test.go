package identity

import (
	"net"
	"testing"
)

func TestHardwareAddress(t *testing.T) {
	t.Parallel()
	mac := func(text string) net.Interface {
		address, err := net.ParseMAC(text)
		if err != nil {
			t.Fatal(err)
		}
		return net.Interface{HardwareAddr: address}
	}
	loopback, virtual, real := net.Interface{}, mac("02:42:ac:11:00:02"), mac("3c:22:fb:00:00:01")
	for _, tt := range []struct {
		name string
		list []net.Interface
		want uint64
	}{
		{"a manufacturer's", []net.Interface{loopback, virtual, real}, 0x3c22fb000001},
		{"else a virtual one", []net.Interface{loopback, mac("00:00:00:00:00:00"), virtual}, 0x0242ac110002},
	} {
		if got := hardwareAddress(tt.list); got != tt.want {
			t.Errorf("%s: %#x, want %#x", tt.name, got, tt.want)
		}
	}
	a, b := hardwareAddress(nil), hardwareAddress(nil)
	if a == b || a>>48 != 0 || a>>40&1 == 0 {
		t.Errorf("random addresses %#x and %#x", a, b)
	}
}

func TestNodeIDIsMadeOnceForEachStateDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := NewStore(dir).NodeID()
	if err != nil || len(first) != 8 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := NewStore(dir).NodeID(); again != first || err != nil {
		t.Errorf("%q, then %q, %v", first, again, err)
	}
	if other, err := NewStore(t.TempDir()).NodeID(); other == first || err != nil {
		t.Errorf("%q in another directory too, %v", other, err)
	}
}
