package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/conductorquantum/coda/host/failpoint"
	"github.com/conductorquantum/coda/host/fault"
)

// parcel is a decision on its way.
type parcel struct {
	*Decision
	begun     <-chan struct{} // closed when the store knows of the execution, or failed to take it
	saved     <-chan struct{} // closed when the store has it, or failed to take it
	safe      bool            // the store has it; to be read once saved is closed
	published bool            // it stands for every node
	alone     bool            // Redis refuses this one
	unnoted   bool            // and the store is told once a try has failed: most need no more than one
	tries     int             // that did not succeed
	rejected  int             // of them those that the receiver refused
	scheduled time.Time       // when the schedule began
	due       time.Time       // when the next try is
}

// keep makes a parcel of a fresh decision, and has the store take it (D2)
// meanwhile, once it knows that the job was begun.
func (w *Worker) keep(ctx context.Context, m *Message, d *Decision, begun <-chan struct{}) *parcel {
	p := &parcel{Decision: d, begun: begun, scheduled: time.Now()}
	w.save(ctx, m, p)
	return p
}

// save has the store take a fresh decision: what was measured is kept, however the
// job ends.
func (w *Worker) save(ctx context.Context, m *Message, p *parcel) {
	ctx = context.WithoutCancel(ctx)
	p.saved = w.beside(func() error {
		<-p.begun
		err := w.Store.Decide(ctx, m, p.Decision)
		p.safe = err == nil
		return err
	})
}

// kept makes a parcel of what the store holds. Whether it was published before or
// not: meanwhile a peer may have delivered it. Its times are a clock's that may have
// been wrong then: none lies further ahead than the schedule puts it.
func (w *Worker) kept(h *Held) *parcel {
	p := &parcel{Decision: h.Decision, saved: done, safe: true, published: h.Resent,
		tries: h.Tries, rejected: h.Rejected, scheduled: h.Scheduled, due: h.Due}
	now := time.Now()
	if p.scheduled.After(now) {
		p.scheduled = now
	}
	if last := now.Add(longestWait); p.due.After(last) {
		p.due = last
	}
	return p
}

// adopted makes a parcel of a published decision.
func (w *Worker) adopted(ctx context.Context, m *Message, d *Decision) *parcel {
	p := &parcel{Decision: d, published: true, scheduled: time.Now()}
	ctx = context.WithoutCancel(ctx)
	p.saved = w.beside(func() error { return w.Store.Adopt(ctx, m, d) })
	return p
}

// done is a channel that is closed.
var done = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// beside runs a write to the store while the job goes on, and closes the channel
// when it ended. That it failed is said here, and keeps the worker from taking up
// more.
func (w *Worker) beside(write func() error) <-chan struct{} {
	ended := make(chan struct{})
	w.jobs.Go(func() {
		defer close(ended)
		w.stored(write())
	})
	return ended
}

// stored says that a write to the store failed.
func (w *Worker) stored(err error) {
	if err != nil {
		w.Log.Error("the outbox could not be written", "error", err)
	}
}

// deliver publishes a decision, posts it until it is taken, and acknowledges the
// message. What the receiver refuses for good, or nobody took for three days, is
// parked where the operator finds it.
func (w *Worker) deliver(ctx context.Context, m *Message, p *parcel, s *seat) error {
	for {
		gone, err := w.publish(ctx, m, p)
		if gone || err != nil {
			return err
		}
		if !p.published && !w.insistSaved(ctx, m, p) {
			return w.unfinished(ctx, p)
		}
		if err := w.untilDue(ctx, m, p); err != nil {
			return err
		}
		failpoint.Hit("C9")
		online, stop := w.whileOnline(ctx)
		err = w.Webhook.Post(online, p.URL, m.JobID, p.Body)
		down := wentDown(online)
		stop()
		failpoint.Hit("C10")
		switch {
		case err == nil:
			return w.accepted(ctx, m, p)
		case ctx.Err() != nil:
			return w.unfinished(ctx, p)
		case down: // it is sent again as soon as the way is there
			continue
		}
		if parked, err := w.failed(ctx, m, p, err); parked || err != nil {
			return err
		}
		if w.durable {
			s.letGo() // others may be taken up meanwhile
		}
	}
}

// insistSaved waits until the store has a decision that no other node knows: only
// then is it sure to be the same after a crash, and may be sent. It reports false
// where ctx ended first.
func (w *Worker) insistSaved(ctx context.Context, m *Message, p *parcel) bool {
	for failures := 1; ; failures++ {
		<-p.saved
		if p.safe {
			return true
		}
		if !pause(ctx, w.backoff(failures)) {
			return false
		}
		w.save(ctx, m, p)
	}
}

// publish makes the decision stand for every node (D3), or finds the one that
// does. Gone is set where nothing is left to deliver. While Redis is away it
// waits, however young the lease: once a body was posted that Redis does not know,
// an outage of this node alone, or its end, leaves the job to a peer, which decides
// anew and posts another.
func (w *Worker) publish(ctx context.Context, m *Message, p *parcel) (gone bool, err error) {
	for failures, refusals := 0, 0; !p.published && !p.alone && !w.isAlone(); {
		failpoint.After("C8", p.saved)
		verdict, stands, err := w.Queue.Publish(ctx, m, p.Decision)
		switch {
		case err == nil && verdict == Decided:
			p.published = true
			w.joinPeers()
			if !bytes.Equal(stands.Body, p.Body) {
				w.Log.Warn("another node decided about the job first; its decision is delivered", "job", m.JobID, "message", m.ID)
				<-p.saved
				p.Decision = stands
				w.stored(w.Store.Adopt(context.WithoutCancel(ctx), m, stands)) // else ours stays there, and is not noted as published
			} else {
				p.unnoted = true
			}
			return false, nil
		case err == nil && verdict == Lost:
			return false, errLost
		case err == nil && verdict == Damaged:
			return true, w.bury(ctx, m, "the published decision is damaged")
		case err == nil && verdict == Parked: // and this disk forgot
			<-p.saved
			w.stored(w.Store.Park(context.WithoutCancel(ctx), m.JobID, "it was parked before"))
			return true, nil
		case err == nil:
			<-p.saved
			w.stored(w.Store.Delivered(context.WithoutCancel(ctx), m.JobID))
			w.Log.Info("job "+string(verdict), "job", m.JobID, "message", m.ID)
			return true, nil
		case ctx.Err() != nil:
			return false, w.unfinished(ctx, p)
		case w.Queue.IsRefused(err):
			w.goAlone(err)
			return false, nil
		}
		failures++
		if w.Queue.Outage() == nil && w.Queue.IsAnswer(err) {
			refusals++
		}
		if refusals >= patience { // its key is of another kind
			w.Log.Error("Redis does not take the decision about a job, so no peer can deliver it in this node's place",
				"job", m.JobID, "message", m.ID, "error", err)
			p.alone = true
			return false, nil
		}
		if !w.rest(ctx, &failures) {
			return false, w.unfinished(ctx, p)
		}
	}
	return false, nil
}

// untilDue waits for the time of the next try, and for the way to the cloud. A node
// that stops waits for neither where the decision is safe.
func (w *Worker) untilDue(ctx context.Context, m *Message, p *parcel) error {
	wait := time.Until(p.due)
	if wait <= 0 && w.isOnline() {
		return nil
	}
	waiting, stop := ctx, func() {}
	if w.durable {
		waiting, stop = w.untilDrain(ctx)
	}
	defer stop()
	if wait > 0 && !w.pauseUntilNudged(waiting, m, wait) || !w.online(waiting) {
		return w.unfinished(ctx, p)
	}
	return nil
}

// unfinished is why a decision is not delivered by this run of the node. One that
// only this disk knows is not for a peer, who would decide again.
func (w *Worker) unfinished(ctx context.Context, p *parcel) error {
	cause := context.Cause(ctx)
	if cause == nil {
		cause = errStopped
	}
	if w.durable && !p.published && errors.Is(cause, errStopped) {
		<-p.saved
		return errKept
	}
	return cause
}

// failed notes a try that did not succeed, and when the next is due; or parks what
// is not to be tried again.
func (w *Worker) failed(ctx context.Context, m *Message, p *parcel, err error) (parked bool, _ error) {
	refusal, _ := errors.AsType[*fault.WebhookError](err)
	if refusal == nil {
		refusal = new(fault.WebhookError)
	}
	p.tries++
	if refusal.Next == fault.Rejected {
		p.rejected++
	}
	wait, over := schedule(p.tries, time.Since(p.scheduled))
	<-p.saved
	if refusal.Next == fault.Park || p.rejected == maxRejections || over {
		return true, w.park(ctx, m, p.Decision, err.Error())
	}
	wait = max(w.jitter(wait), refusal.RetryAfter)
	p.due = time.Now().Add(wait)
	level := slog.LevelWarn
	if refusal.Next == fault.Misdirected { // somebody has to look: it leads elsewhere
		level = slog.LevelError
	}
	w.Log.Log(ctx, level, "an outcome could not be delivered and is sent again",
		"job", m.JobID, "message", m.ID, "attempt", p.tries, "wait", wait, "error", err)
	kept := context.WithoutCancel(ctx)
	if p.unnoted {
		p.unnoted = false
		w.stored(w.Store.Published(kept, m.JobID))
	}
	w.stored(w.Store.Attempted(kept, m.JobID, Try{
		Number: p.tries, Rejected: refusal.Next == fault.Rejected, Next: p.due, Error: err.Error()}))
	return false, nil
}

// park puts an outcome aside that nobody takes.
func (w *Worker) park(ctx context.Context, m *Message, d *Decision, reason string) error {
	w.Log.Error("nobody takes the outcome of a job; it is parked, see coda outbox", "job", m.JobID, "message", m.ID, "error", reason)
	w.stored(w.Store.Park(context.WithoutCancel(ctx), m.JobID, reason))
	return w.settle(ctx, m, "parked", func() error { return w.Queue.Bury(ctx, m, reason, string(d.Body)) })
}

// accepted records the outcome that the cloud has taken (D4).
func (w *Worker) accepted(ctx context.Context, m *Message, p *parcel) error {
	failpoint.Hit("C11")
	if p.Kind == KindCompleted {
		w.mu.Lock()
		w.lastJobAt = time.Now()
		w.mu.Unlock()
	} else {
		w.Log.Warn("the job failed, and the cloud was told", "job", m.JobID, "message", m.ID, "error", p.Failure)
	}
	<-p.saved
	w.stored(w.Store.Delivered(context.WithoutCancel(ctx), m.JobID))
	failpoint.Hit("C12")
	err := w.settled(ctx, m, &Held{JobID: m.JobID, Decision: p.Decision})
	failpoint.Hit("C13")
	return err
}

// settled acknowledges a job whose outcome was delivered.
func (w *Worker) settled(ctx context.Context, m *Message, h *Held) error {
	if h.Decision != nil && h.Decision.Kind == KindFailed {
		return w.settle(ctx, m, "failed", func() error { return w.Queue.Fail(ctx, m, h.Decision.Failure) })
	}
	return w.settle(ctx, m, "completed", func() error { return w.Queue.Complete(ctx, m) })
}

// settle writes a job's end to the queue: the outcome is decided, and perhaps
// delivered, so it must not run a second time.
func (w *Worker) settle(ctx context.Context, m *Message, state string, write func() error) error {
	err := w.insist(ctx, m, state, write)
	switch {
	case err == nil:
		w.Log.Info("job "+state, "job", m.JobID, "message", m.ID)
	case errors.Is(err, errSetAside):
		w.keepLease(m)
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
// is another node's, or ctx ends. What Redis refuses although it is well is put
// down, for a later sweep. An execution slot may be held meanwhile only where the
// job is still to run.
func (w *Worker) insist(ctx context.Context, m *Message, state string, write func() error) error {
	bears := w.bears(m)
	for failures, refusals := 0, 0; ; {
		err := write()
		switch {
		case err == nil:
			w.allowed(m.ID, "is "+state)
			return nil
		case w.Queue.IsLost(err):
			w.forget(m.ID)
			return err
		case ctx.Err() != nil:
			return err
		}
		failures++
		if w.Queue.Outage() == nil && w.Queue.IsAnswer(err) {
			refusals++
		}
		if refusals >= bears {
			return w.setAside(m, "is "+state, err)
		}
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
		return pause(ctx, w.backoff(*failures))
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
func (w *Worker) backoff(k int) time.Duration {
	return w.jitter(min(time.Second<<min(k-1, 10), maxBackoff))
}

// jitter spreads a wait over 80 to 120 percent of itself.
func (w *Worker) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*w.random()))
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
