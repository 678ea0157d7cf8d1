package devcloud

import (
	"testing"
	"testing/synctest"
	"time"
)

// A node that is silent for 90 s is offline, until it is heard of again.
func TestSilentNodesAreOffline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		node, err := r.redeem(r.newToken("q", nil), "f", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		online := func(want bool) {
			t.Helper()
			if got := r.list()[0].Online; got != want {
				t.Errorf("online %v, want %v", got, want)
			}
		}
		for _, speak := range []func(){
			func() {},
			func() { r.report(node.KeyID, Report{At: time.Now()}) },
			func() { r.reconnect(node.KeyID, nil) },
		} {
			speak()
			time.Sleep(offlineAfter - time.Second)
			online(true)
			time.Sleep(time.Second)
			online(false)
		}
	})
}
