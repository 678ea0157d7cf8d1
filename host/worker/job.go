package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/failpoint"
	"github.com/conductorquantum/coda/host/fault"
)

// live is the life of one job: claimed → decoded → executed → decided →
// delivered → acknowledged. It ends early where the job is settled already,
// cancelled, or no longer ours, and where the node stops: then the message stays
// pending, and whoever claims it next goes on from what was decided, or begins
// again.
//
// The seat is the job's place in an execution. It is left as soon as the executor
// is done, so that a slow callback holds up no other job.
func (w *Worker) live(ctx context.Context, m *Message, s *seat) error {
	if reason := unnamed(m.JobID); reason != "" {
		s.leave()
		return w.bury(ctx, m, reason)
	}
	p, err := w.resolve(ctx, m, s)
	s.leave()
	if p == nil {
		return err
	}
	return w.deliver(ctx, m, p, s)
}

// unnamed says why a job can be told to nobody, or kept; "" where it can.
func unnamed(jobID string) string {
	switch {
	case jobID == "":
		return "the message has no job_id"
	case !utf8.ValidString(jobID):
		return "the message's job_id is not UTF-8"
	case len(jobID) > MaxJobID:
		return fmt.Sprintf("the message's job_id has %d bytes; %d are the most", len(jobID), MaxJobID)
	}
	return ""
}

// resolve finds what was decided about a job, or executes it and decides. It returns
// nil where nothing remains to be delivered.
func (w *Worker) resolve(ctx context.Context, m *Message, s *seat) (*parcel, error) {
	failpoint.Hit("C2")
	held, err := w.recall(ctx, m, s)
	if held.Parked || held.Dropped || held.Ended {
		s.leave() // it will not run
	}
	switch {
	case err != nil:
		return nil, err
	case held.Parked:
		return nil, w.park(ctx, m, held.Decision, "it was parked before")
	case held.Dropped:
		return nil, w.settle(ctx, m, "buried", func() error { return w.Queue.Bury(ctx, m, "the operator dropped the job's outcome", "") })
	case held.Ended:
		return nil, w.settled(ctx, m, &held)
	case held.Decision != nil:
		return w.kept(&held), nil
	}
	job, malformed := decode(m)
	url, refusal := w.address(m)
	if refusal == nil {
		refusal = malformed // else nobody could be told what it measured
	}
	execute := refusal == nil && held.Attempts < maxStarts
	taken, err := w.begin(ctx, m, s, execute)
	if err != nil {
		return nil, err
	}
	o, begun := outcome{}, done
	switch {
	case taken.verdict == Decided: // by a peer, or by us, and this disk forgot
		return w.adopted(ctx, m, taken.decision), nil
	case taken.verdict == Damaged:
		s.leave()
		return nil, w.bury(ctx, m, taken.text)
	case taken.verdict == Failed:
		o.failure = taken.text
	case taken.verdict == Spent, taken.verdict == Run && refusal == nil && !execute:
		s.leave()
		o.failure = w.spent(ctx, m)
	case taken.verdict == Completed, taken.verdict == Cancelled, taken.verdict == Lost:
		return nil, nil
	case taken.verdict != Run:
		return nil, fmt.Errorf("the queue answers %q, which is no verdict on a job that is taken up", taken.verdict)
	case refusal != nil:
		o.failure = refusal.Error()
	default:
		failpoint.Hit("C3")
		kept := context.WithoutCancel(ctx)
		begun = w.beside(func() error { return w.Store.Begin(kept, m) })
		o = w.execute(ctx, m, job, s)
	}
	failpoint.Hit("C6")
	switch {
	case o.ended != nil && ctx.Err() == nil:
		return nil, o.ended
	case ctx.Err() != nil && !o.settled():
		return nil, context.Cause(ctx)
	case o.cancelled:
		s.leave()
		return nil, w.settle(ctx, m, "cancelled", func() error { return w.Queue.Cancel(ctx, m) })
	}
	d := w.decide(m, &o, url)
	if d.Origin != nil {
		w.Log.LogAttrs(ctx, slog.LevelInfo, "job executed", slog.String("job", m.JobID), slog.String("message", m.ID), slog.String("outcome", string(d.Kind)), noted(d.Origin))
	}
	p := w.keep(ctx, m, d, begun)
	p.published = taken.verdict == Failed // whoever takes it up sends the same
	return p, nil
}

// recall is what the store knows of a job, once it is in hand under no other
// message.
func (w *Worker) recall(ctx context.Context, m *Message, s *seat) (Held, error) {
	for {
		held, err := w.Store.Find(m.JobID)
		if err != nil || held.Decision == nil || held.MessageID == m.ID || !w.has(held.MessageID) {
			return held, err
		}
		s.leave()
		if !pause(ctx, pollElsewhere) {
			return held, context.Cause(ctx)
		}
	}
}

// taken is how a job stood when it was taken up.
type taken struct {
	verdict  Verdict
	text     string
	decision *Decision
}

// begin takes a job up, once it is in hand under no other message. That is so when
// the other is settled, as a rule, and nothing remains to be done.
func (w *Worker) begin(ctx context.Context, m *Message, s *seat, execute bool) (t taken, err error) {
	attempt := ""
	if execute {
		attempt = rand.Text()
	}
	for waited := false; ; waited = true {
		err = w.insist(ctx, m, "taken up", func() (err error) {
			if waited {
				attempt = "" // its turn is over
			}
			t.verdict, t.text, t.decision, err = w.Queue.Begin(ctx, m, attempt)
			return err
		})
		switch {
		case err != nil:
			return t, err
		case t.verdict == Run && waited:
			return t, errSeatGone
		case t.verdict != Elsewhere:
			return t, nil
		}
		if !waited {
			w.Log.Info("a job came twice; its other message goes first", "job", m.JobID, "message", m.ID)
			s.leave()
		}
		if !pause(ctx, pollElsewhere) {
			return t, context.Cause(ctx)
		}
	}
}

// spent is the failure of a job whose executions were all begun and never came to
// an end: it, or what it does to the node, is at fault, unless the node was stopped
// each time. A copy of its message is kept for the operator.
func (w *Worker) spent(ctx context.Context, m *Message) string {
	reason := fmt.Sprintf("the job was started %d times, and none of the executions came to an end; "+
		"one that ends because its node is stopped counts as well", maxStarts)
	err := w.insist(ctx, m, "copied to the dead-letter stream", func() error { return w.Queue.Letter(ctx, m, reason) })
	attrs := []any{"job", m.JobID, "message", m.ID, "executions", maxStarts}
	if err != nil {
		w.forget(m.ID) // the job goes on
		attrs = append(attrs, "error", err)
	}
	w.Log.Error("a job is not started any more", attrs...)
	return reason
}

// execute runs a job. A failure is an outcome, not an error. The execution was
// counted where every node sees it; this disk is told meanwhile, and only the
// decision waits for that.
func (w *Worker) execute(ctx context.Context, m *Message, job *abi.Job, s *seat) outcome {
	w.setExecuting(job.ID, 1)
	defer w.setExecuting(job.ID, -1)
	running, stop := w.watchCancel(ctx, m.JobID)
	defer stop()
	s.charge = func() error {
		more, attempt := false, rand.Text()
		err := w.insist(running, m, "started again", func() (err error) {
			more, err = w.Queue.Charge(running, m, attempt)
			return err
		})
		switch {
		case err != nil:
			return uncharged{err}
		case !more:
			return errUsedUp
		}
		return nil
	}
	failpoint.Hit("C4")
	for start := 1; ; start++ {
		began := time.Now()
		execution, err := s.run(running, job)
		e, _ := errors.AsType[fault.Error](err)
		again := e != nil && e.CanRetry() && start < maxStarts
		if again && running.Err() == nil && w.runs.Err() == nil {
			w.Log.Warn("the executor failed and is tried again", "job", job.ID, "start", start, "error", err)
			if pause(running, time.Duration(start)*time.Second) {
				if charged := s.charge(); charged == nil {
					continue
				} else if !errors.Is(charged, errUsedUp) {
					err = charged
				}
			}
		}
		switch u, notCharged := errors.AsType[uncharged](err); {
		case err == nil:
			return outcome{job: job, execution: execution, started: began, ran: time.Now()}
		case ctx.Err() != nil:
			return outcome{} // the node stops; nothing is decided
		case w.runs.Err() != nil: // soon
			return outcome{ended: errStopped}
		case errors.Is(context.Cause(running), errCancelled):
			return outcome{cancelled: true}
		case notCharged: // another node has the job, or the start could not be counted
			return outcome{ended: u.error}
		}
		return outcome{failure: err.Error(), started: began, ran: time.Now()}
	}
}

// uncharged is a further start that could not be counted, and so was not made.
type uncharged struct{ error }

// decode reads a message's fields.
func decode(m *Message) (*abi.Job, error) {
	if m.IR == "" {
		return nil, errors.New("the message has no ir_json")
	}
	circuit, err := abi.ParseCircuit(m.IR)
	if err != nil {
		return nil, fmt.Errorf("ir_json: %w", err)
	}
	if m.Shots == "" {
		return nil, errors.New("the message has no shots")
	}
	shots, err := strconv.ParseUint(m.Shots, 10, 64)
	if err != nil || shots == 0 {
		return nil, fmt.Errorf("shots: %.40q is not a whole number from 1 on", m.Shots)
	}
	return &abi.Job{ID: m.JobID, Circuit: circuit, Shots: shots}, nil
}

// address is where a job's outcome is sent: its callback, or, where that may not
// be used and the job therefore fails, the cloud's own.
func (w *Worker) address(m *Message) (url string, refusal error) {
	if m.CallbackURL == "" {
		return w.OwnWebhook, errors.New("the message has no callback_url")
	}
	if n := len(m.CallbackURL); n > MaxText {
		return w.OwnWebhook, fmt.Errorf("callback_url: it has %d bytes; %d are the most", n, MaxText)
	}
	if err := w.Webhook.Allowed(m.CallbackURL); err != nil {
		return w.OwnWebhook, fmt.Errorf("callback_url: %w", err)
	}
	return m.CallbackURL, nil
}

var (
	errCancelled = errors.New("the cloud cancelled the job")
	errStopped   = errors.New("the node stops")
	errLost      = errors.New("the lease is lost: another node has the job")
	errKept      = errors.New("the decision is kept on this node's disk alone, which delivers it later")
	errUsedUp    = errors.New("its executions are used up")
	errSeatGone  = errors.New("its turn is over, while the job was in hand under another message; the next sweep takes it up")
)

// isCancelled asks whether the cloud has cancelled a job. What cannot be read is not
// cancelled.
func (w *Worker) isCancelled(ctx context.Context, jobID string) bool {
	yes, err := w.Queue.IsCancelled(ctx, jobID)
	return err == nil && yes
}

// watchCancel returns a context that ends when the cloud cancels the job, or all
// executions are to end.
func (w *Worker) watchCancel(ctx context.Context, jobID string) (context.Context, func()) {
	running, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(w.runs, func() { cancel(errStopped) })
	go func() {
		for pause(running, pollCancel) {
			if w.isCancelled(running, jobID) {
				cancel(errCancelled)
			}
		}
	}()
	return running, func() {
		stop()
		cancel(nil)
	}
}
