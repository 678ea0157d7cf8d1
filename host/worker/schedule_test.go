package worker_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/worker"
)

// waits has an outcome, kept by an earlier run, sent to a cloud that is away, on the
// middle of each wait. It returns when each try was and, at last, when it was parked.
func waits(t *testing.T, earlier func(h *worker.Held, now time.Time), limit time.Duration) (tries []time.Duration, parked time.Duration) {
	t.Helper()
	f := newFake()
	d := newDisk()
	f.store = d
	var began time.Time
	f.post = func(string, string) error {
		tries = append(tries, time.Since(began))
		return unavailable("", "")
	}
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		synctest.Wait()
		w.SetRandom(func() float64 { return 0.5 })
		began = time.Now()
		h := &worker.Held{JobID: "a", MessageID: "1-a", Published: true, Scheduled: began,
			Decision: &worker.Decision{Kind: worker.KindCompleted, URL: "https://example.com/hook", Body: []byte("{}")}}
		earlier(h, began)
		d.mu.Lock()
		d.held["a"] = h
		d.mu.Unlock()
		f.add(message("a"))
		for time.Sleep(time.Millisecond); w.InHand() > 0 && time.Since(began) < limit; {
			time.Sleep(time.Second)
		}
		if h, _ := d.Find("a"); h.Parked {
			parked = time.Since(began)
		}
	})
	return tries, parked
}

func TestAnOutcomeIsSentForThreeDays(t *testing.T) {
	t.Parallel()
	tries, parked := waits(t, func(*worker.Held, time.Time) {}, 1000*time.Hour)
	if len(tries) != 17 || parked < 67*time.Hour || parked > 73*time.Hour {
		t.Errorf("parked after %s and tries after %v", parked, tries)
	}
}

// A node that was off has not tried. What it comes back with has its tries first.
func TestTimeOffDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]int{"off at once": 0, "off after some minutes": 7, "off after a day": 12} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries, parked := waits(t, func(h *worker.Held, now time.Time) {
				h.Tries, h.Scheduled = made, now.Add(-100*time.Hour)
				h.Due = h.Scheduled.Add(time.Hour)
			}, 1000*time.Hour)
			if len(tries) != 17-made || parked < 40*time.Hour {
				t.Errorf("parked after %s and tries after %v", parked, tries)
			}
		})
	}
}

// A clock that was years ahead when an outcome was kept costs it hours.
func TestAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	tries, parked := waits(t, func(h *worker.Held, now time.Time) {
		h.Tries = 1
		h.Scheduled = now.Add(87600 * time.Hour)
		h.Due = h.Scheduled
	}, 1000*time.Hour)
	if len(tries) == 0 || tries[0].Round(time.Second) != 12*time.Hour || parked == 0 || parked > 100*time.Hour {
		t.Errorf("parked after %s and tries after %v", parked, tries)
	}
	soon, _ := waits(t, func(h *worker.Held, now time.Time) { // which is the schedule's own
		h.Tries, h.Due = 11, now.Add(11*time.Hour)
	}, 12*time.Hour)
	if !slices.EqualFunc(soon, []time.Duration{11 * time.Hour}, func(a, b time.Duration) bool { return a.Round(time.Second) == b }) {
		t.Errorf("tries after %v", soon)
	}
}
