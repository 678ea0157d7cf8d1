package openvpn

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/fault"
)

// The pauses between starts, and between attempts of one OpenVPN to connect: after
// one that led to a connection, so that no two begin within leastPause; then ever
// longer ones.
const (
	leastPause = 250 * time.Millisecond
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// hopeless is how many starts in a row must fail before waiting is no use. They go
// on all the same.
const hopeless = 3

// Run keeps OpenVPN running until ctx ends, and then ends it, within 5 s. A start
// that fails is tried again: whatever was missing may come.
func (s *Supervisor) Run(ctx context.Context) {
	// The kernel ends OpenVPN with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer s.down("", false)
	for failures := 0; ; {
		began := time.Now()
		connected, err := s.once(ctx)
		if ctx.Err() != nil {
			return
		}
		e, ok := errors.AsType[fault.Error](err)
		s.down(strings.TrimPrefix(err.Error(), "vpn: "), ok && !e.CanRetry() || !connected && failures >= hopeless-1)
		s.update(func(st *Status) { st.Restarts++ })
		if connected {
			failures = 0
		}
		wait := pause(failures, began)
		failures++
		s.Log.Warn("the tunnel's OpenVPN is started again", "wait", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// pause is how long to wait after so many attempts without success, the last of
// which began at a time; give or take a fifth, so that the nodes of a lab do not
// all come at once.
func pause(failures int, began time.Time) time.Duration {
	if failures == 0 {
		return max(0, leastPause-time.Since(began))
	}
	wait := min(firstPause<<min(failures-1, 10), lastPause)
	return time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64()))
}
