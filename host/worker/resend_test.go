package worker_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/worker"
)

// oneJob is a store with one job in it.
type oneJob struct {
	mu   sync.Mutex
	held worker.Held
}

func (o *oneJob) change(f func(h *worker.Held)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(&o.held)
	return nil
}

func (o *oneJob) Find(string) (worker.Held, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.held, nil
}

func (o *oneJob) Waiting() ([]worker.Held, error) {
	h, _ := o.Find("")
	if h.Decision == nil || h.Parked || h.Ended {
		return nil, nil
	}
	return []worker.Held{h}, nil
}

func (o *oneJob) Begin(context.Context, *worker.Message) error { return nil }

func (o *oneJob) Decide(_ context.Context, m *worker.Message, d *worker.Decision) error {
	return o.change(func(h *worker.Held) {
		*h = worker.Held{JobID: m.JobID, MessageID: m.ID, Decision: d, Scheduled: time.Now()}
	})
}

func (o *oneJob) Adopt(ctx context.Context, m *worker.Message, d *worker.Decision) error {
	return o.Decide(ctx, m, d)
}

func (o *oneJob) Published(context.Context, string) error {
	return o.change(func(h *worker.Held) { h.Published = true })
}

func (o *oneJob) Attempted(_ context.Context, _ string, t worker.Try) error {
	return o.change(func(h *worker.Held) { h.Tries, h.Due = t.Number, t.Next })
}

func (o *oneJob) Delivered(context.Context, string) error {
	return o.change(func(h *worker.Held) { h.Ended = true })
}

func (o *oneJob) Park(context.Context, string, string) error {
	return o.change(func(h *worker.Held) { h.Parked = true })
}

func (o *oneJob) Full() string { return "" }

// retry is what the operator does to the store.
func (o *oneJob) retry() {
	_ = o.change(func(h *worker.Held) {
		if h.Due = time.Now(); h.Parked {
			h.Parked, h.Resent, h.Tries, h.Scheduled = false, true, 0, h.Due
		}
	})
}

func (f *fake) driveWith(t *testing.T, store worker.Store, test func(t *testing.T, w *worker.Worker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f.arrived = make(chan struct{}, 1) // a channel of the bubble's own
		w := worker.New(worker.Config{Queue: f, Executor: f, Webhook: f, Store: store, Log: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.Run(ctx)
		}()
		test(t, w)
		stop()
		<-done
		w.Drain(t.Context())
	})
}

func TestWhatWaitsIsSentNow(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	f.post = func(_, _ string) error {
		if f.count("post a") > 1 {
			return nil
		}
		return &fault.WebhookError{Status: 503, Retry: true, Next: fault.TryAgain, RetryAfter: time.Hour}
	}
	store := new(oneJob)
	f.driveWith(t, store, func(t *testing.T, w *worker.Worker) {
		time.Sleep(time.Minute)
		if f.count("post a") != 1 || w.InHand() != 1 {
			t.Errorf("it does not wait: %q", f.entries())
		}
		store.retry()
		if err := w.Resend("a"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if f.count("post a") != 2 || f.count("completed a") != 1 || w.InHand() != 0 {
			t.Errorf("it is not sent: %q", f.entries())
		}
		if err := w.Resend("a"); err != nil || w.InHand() != 0 {
			t.Errorf("what was delivered is sent again, %v", err)
		}
	})
}

// A nudge while it is being posted is for the next try.
func TestWhatIsPostedInVainIsSentOnceMore(t *testing.T) {
	t.Parallel()
	f := newFake()
	store := new(oneJob)
	var w *worker.Worker
	f.post = func(_, _ string) error {
		switch f.count("post a") {
		case 1:
			if err := w.Resend("a"); err != nil {
				t.Error(err)
			}
			return &fault.WebhookError{Status: 503, Retry: true, Next: fault.TryAgain, RetryAfter: time.Hour}
		default:
			return nil
		}
	}
	f.driveWith(t, store, func(t *testing.T, running *worker.Worker) {
		w = running
		f.add(message("a"))
		time.Sleep(time.Minute)
		if f.count("post a") != 2 || f.count("completed a") != 1 {
			t.Errorf("journal %q", f.entries())
		}
	})
}

// What was parked has no lease any more, and is delivered all the same, by its
// schedule.
func TestWhatWasParkedIsSentAgain(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	f.post = func(_, _ string) error {
		switch n := f.count("post a"); {
		case n == 1:
			return &fault.WebhookError{Status: 410, Next: fault.Park}
		case n < 7: // a minute and more
			return &fault.WebhookError{Status: 503, Retry: true, Next: fault.TryAgain}
		}
		return nil
	}
	store := new(oneJob)
	f.driveWith(t, store, func(t *testing.T, w *worker.Worker) {
		synctest.Wait()
		if h, _ := store.Find("a"); !h.Parked || w.InHand() != 0 {
			t.Fatalf("it is not parked: %q", f.entries())
		}
		if err := w.Resend("a"); err != nil || w.InHand() != 0 {
			t.Errorf("what is parked is sent, %v", err)
		}
		f.mu.Lock()
		f.lost["1-a"] = true // its entry is acknowledged
		f.mu.Unlock()
		store.retry()
		for range 2 {
			if err := w.Resend("a"); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(2 * time.Minute)
		if h, _ := store.Find("a"); !h.Ended || f.count("run a") != 1 || f.count("post a") != 7 {
			t.Errorf("journal %q", f.entries())
		}
	})
}
