package host_test

import (
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/testkit/fakeguest"
)

// The drain has one deadline. A guest is asked to stop before it, and killed at it,
// however long it has after a cancellation.
func TestTheDrainHasOneDeadline(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		bad     string // what the guest does
		limit   time.Duration
		pending int
	}{
		"it never ends":    {fakeguest.Loop, time.Second, 1},
		"there is no time": {fakeguest.Loop, 0, 1},
		"it stops":         {"(loop $wait (br_if $wait (i32.eqz (call $cancelled))))", 6 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.settings.Executor = guestFile(t, map[string]string{
				"imports": `(import "coda:executor/context@0.1.0" "cancelled" (func $cancelled (result i32)))`, "bad": tt.bad})
			l.settings.DrainTimeout = tt.limit
			l.device.Limits.JobTime, l.device.Limits.CPUTime, l.device.Limits.CancelTime = time.Hour, time.Hour, time.Hour
			n := l.boot(t)
			id := l.submit(t, circuit(13), 1)
			for body := map[string]any{}; body["current_job"] != id; _, body = n.ready(t) {
				time.Sleep(5 * time.Millisecond)
			}
			began := time.Now()
			n.wait(t)
			took := time.Since(began)
			t.Logf("it took %s", took)
			if least := tt.limit / 2; took < least {
				t.Errorf("guests were stopped after %s", took)
			}
			stats, err := l.cloud.Stats(t.Context())
			if err != nil || stats.Pending != int64(tt.pending) || stats.Delivered != 1-tt.pending {
				t.Errorf("%+v, %v", stats, err)
			}
		})
	}
}
