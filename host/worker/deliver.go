package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/conductorquantum/coda/host/fault"
)

// waits are the pauses between attempts to deliver; the last one repeats.
var waits = [...]time.Duration{
	1 * time.Second, 2 * time.Second, 5 * time.Second,
	10 * time.Second, 30 * time.Second, 60 * time.Second,
}

// deliver posts a decision until it is taken, then acknowledges the message. A
// body that the receiver refuses for good is buried where the operator finds it.
func (w *Worker) deliver(ctx context.Context, m *Message, d *decision, url string) error {
	body := w.body(m, d)
	rejections := 0
	for try := 1; ; try++ {
		if !w.online(ctx) {
			return context.Cause(ctx)
		}
		online, stop := w.whileOnline(ctx)
		err := w.Webhook.Post(online, url, m.JobID, body)
		down := wentDown(online)
		stop()
		if err == nil {
			return w.accepted(ctx, m, d)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if down { // it is sent again as soon as the way is there
			try--
			continue
		}
		refusal, _ := errors.AsType[*fault.WebhookError](err)
		if refusal == nil {
			refusal = new(fault.WebhookError)
		}
		if refusal.Next == fault.Rejected {
			rejections++
		}
		if refusal.Next == fault.Park || rejections == maxRejections {
			w.Log.Error("the cloud does not take the outcome of a job; it lies in the dead-letter stream",
				"job", m.JobID, "message", m.ID, "attempts", try, "error", err)
			return w.settle(ctx, m, "buried", func() error {
				return w.Queue.Bury(ctx, m, err.Error(), string(body))
			})
		}
		if try == 1 {
			// Only now: a delivery at the first attempt needs no note.
			_ = w.Queue.Delivering(ctx, m)
		}
		wait := max(jitter(waits[min(try, len(waits))-1]), refusal.RetryAfter)
		w.Log.Warn("an outcome could not be delivered and is sent again",
			"job", m.JobID, "message", m.ID, "attempt", try, "wait", wait, "error", err)
		if !pause(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

func (w *Worker) body(m *Message, d *decision) []byte {
	if d.execution != nil {
		return w.Webhook.Completed(d.job, d.execution)
	}
	return w.Webhook.Failed(m.JobID, d.failure)
}

// accepted records the outcome that the cloud has taken.
func (w *Worker) accepted(ctx context.Context, m *Message, d *decision) error {
	if d.execution != nil {
		w.mu.Lock()
		w.lastJobAt = time.Now()
		w.mu.Unlock()
		return w.settle(ctx, m, "completed", func() error { return w.Queue.Complete(ctx, m) })
	}
	w.Log.Warn("the job failed, and the cloud was told", "job", m.JobID, "message", m.ID, "error", d.failure)
	return w.settle(ctx, m, "failed", func() error { return w.Queue.Fail(ctx, m, d.failure) })
}

// settle writes a job's end to the queue: the outcome is decided, and perhaps
// delivered, so it must not run a second time.
func (w *Worker) settle(ctx context.Context, m *Message, state string, write func() error) error {
	err := w.insist(ctx, m, state, write)
	if err == nil {
		w.Log.Info("job "+state, "job", m.JobID, "message", m.ID)
	}
	return err
}

// bury puts a message aside that can never be processed.
func (w *Worker) bury(ctx context.Context, m *Message, reason string) error {
	err := w.insist(ctx, m, "buried", func() error { return w.Queue.Bury(ctx, m, reason, "") })
	if err == nil {
		w.Log.Error("a message cannot be processed; it lies in the dead-letter stream", "message", m.ID, "reason", reason)
	}
	return err
}

// insist writes to the queue, again and again until Redis takes it, the message
// is another node's, or ctx ends.
func (w *Worker) insist(ctx context.Context, m *Message, state string, write func() error) error {
	for failures := 0; ; {
		err := write()
		if err == nil || w.Queue.IsLost(err) || ctx.Err() != nil {
			return err
		}
		failures++
		w.Log.Warn("a job's state could not be recorded and is written again",
			"job", m.JobID, "message", m.ID, "state", state, "error", err)
		if !w.rest(ctx, &failures) {
			return err
		}
	}
}

// rest waits after failures in a row at Redis, and reports whether ctx still
// goes on. An outage is waited out, and nothing but the queue's probe disturbs
// it; its end is a new beginning. What Redis refuses although it is well is
// asked ever more seldom.
func (w *Worker) rest(ctx context.Context, failures *int) bool {
	outage := w.Queue.Outage()
	if outage == nil {
		return pause(ctx, backoff(*failures))
	}
	select {
	case <-outage:
		*failures = 0
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff is the wait after the k-th failure in a row at Redis.
func backoff(k int) time.Duration {
	return jitter(min(time.Second<<min(k-1, 10), maxBackoff))
}

// jitter spreads a wait over 80 to 120 percent of itself.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// pause waits and reports whether it did to the end.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
