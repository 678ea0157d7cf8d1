package host_test

import (
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
)

// Whatever goes wrong between a node and the cloud, a result arrives, runs once,
// and is the same each time that it is sent.
func TestAResultArrives(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault     devcloud.Fault
		duplicate bool // the cloud has it from the first time
	}{
		"reset before it was taken": {devcloud.Fault{Reset: true}, false},
		"the answer is lost":        {devcloud.Fault{Reset: true, Taken: true}, true},
		"unavailable":               {devcloud.Fault{Status: 503, RetryAfter: "1"}, false},
		"too many requests":         {devcloud.Fault{Status: 429, RetryAfter: "1", Body: "text"}, false},
		"an answer that breaks off": {devcloud.Fault{Status: 500, Body: "truncated", Taken: true}, true},
		"a huge answer":             {devcloud.Fault{Status: 502, Body: "huge"}, false},
		"a redirect":                {devcloud.Fault{Location: "http://192.0.2.1/"}, false},
		"not authorised":            {devcloud.Fault{Status: 401}, false},
		"a slow refusal":            {devcloud.Fault{Status: 500, Delay: 300 * time.Millisecond, Drip: 10 * time.Millisecond}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.settings.Executor = "noop"
			tt.fault.Endpoint, tt.fault.Times = "webhook", 1
			if _, err := l.cloud.Fault(tt.fault); err != nil {
				t.Fatal(err)
			}
			l.boot(t)
			id := l.submit(t, circuit(3), 100)
			if got := l.result(t, id); got.Status != "completed" || got.Counts["000"] != 100 {
				t.Errorf("result %+v", got)
			}
			var stats devcloud.Stats
			eventually(t, "the message is pending", func() bool {
				var err error
				stats, err = l.cloud.Stats(t.Context())
				return err == nil && stats.Pending == 0
			})
			want := 0
			if tt.duplicate {
				want = 1
			}
			if stats.Delivered != 1 || stats.Duplicates != want || stats.Contradictions+stats.SignatureFailures+stats.Malformed != 0 {
				t.Errorf("stats %+v, want %d duplicates", stats, want)
			}
			if faults := l.cloud.Faults(); faults[0].Hits != 1 {
				t.Errorf("the fault was not met: %+v", faults)
			}
		})
	}
}
