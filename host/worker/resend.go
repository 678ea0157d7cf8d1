package worker

import (
	"context"
	"time"
)

// Resend has a kept outcome sent at once: one that waits for the time of its next
// try, or one that was parked. The store was told before. It must not be called
// once the drain has begun.
func (w *Worker) Resend(jobID string) error {
	if w.nudge(jobID) {
		return nil
	}
	held, err := w.Store.Find(jobID)
	if err != nil || held.Decision == nil || held.Parked || held.Ended {
		return err
	}
	w.start(&Message{ID: held.MessageID, JobID: jobID}, &seat{resent: held.Resent})
	return nil
}

// nudge reports whether a job is in hand, and ends its wait for the next try. Where
// it is posted just now, and in vain, it is posted once more without a wait.
func (w *Worker) nudge(jobID string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := false
	for _, h := range w.inHand {
		if h.jobID != jobID {
			continue
		}
		found = true
		select {
		case h.nudged <- struct{}{}:
		default: // it is nudged already
		}
	}
	return found
}

// pauseUntilNudged is a pause that Resend ends early.
func (w *Worker) pauseUntilNudged(ctx context.Context, m *Message, d time.Duration) bool {
	w.mu.Lock()
	nudged := w.inHand[m.ID].nudged
	w.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-nudged:
	case <-ctx.Done():
		return false
	}
	return true
}
