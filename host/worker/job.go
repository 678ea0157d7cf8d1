package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
)

// live is the life of one job: claimed → decoded → executed → decided →
// delivered → acknowledged. It ends early where the job is settled already,
// cancelled, or no longer ours, and where the node stops: then the message stays
// pending, and whoever claims it next begins again.
//
// The seat is the job's place in an execution. It is left as soon as the executor
// is done, so that a slow callback holds up no other job.
func (w *Worker) live(ctx context.Context, m *Message, s *seat) error {
	if m.JobID == "" {
		return w.bury(ctx, m, "the message has no job_id")
	}
	if !utf8.ValidString(m.JobID) { // it could be told to nobody
		return w.bury(ctx, m, "the message's job_id is not UTF-8")
	}
	verdict, text, err := w.begin(ctx, m, s)
	if err != nil {
		return err
	}
	url, refusal := w.address(m)
	var d decision
	switch {
	case verdict == Run && refusal != nil: // nobody could be told what it measured
		d = decision{failure: refusal.Error()}
	case verdict == Run:
		d = w.execute(ctx, m, s)
	case verdict == Failed:
		d = decision{failure: text}
	default:
		return nil
	}
	s.leave()

	if ctx.Err() != nil && !d.settled() {
		return context.Cause(ctx)
	}
	if d.cancelled || w.isCancelled(ctx, m) {
		return w.settle(ctx, m, "cancelled", func() error { return w.Queue.Cancel(ctx, m) })
	}
	return w.deliver(ctx, m, &d, url)
}

// begin takes a job up, once it is in hand under no other message. That is so when
// the other is settled, as a rule, and nothing remains to be done.
func (w *Worker) begin(ctx context.Context, m *Message, s *seat) (verdict Verdict, text string, err error) {
	for waited := false; ; waited = true {
		err = w.insist(ctx, m, "taken up", func() (err error) {
			verdict, text, err = w.Queue.Begin(ctx, m)
			return err
		})
		switch {
		case err != nil:
			return "", "", err
		case verdict == Run && waited:
			return "", "", errSeatGone
		case verdict != Elsewhere:
			return verdict, text, nil
		}
		if !waited {
			w.Log.Info("a job came twice; its other message goes first", "job", m.JobID, "message", m.ID)
			s.leave()
		}
		if !pause(ctx, pollElsewhere) {
			return "", "", context.Cause(ctx)
		}
	}
}

// decision is what became of a job: a result, a failure in words, or its
// cancellation.
type decision struct {
	job       *abi.Job
	execution *abi.Execution
	failure   string
	cancelled bool
}

// settled reports whether the decision stands whatever happens to the node.
func (d *decision) settled() bool { return d.execution != nil || d.failure != "" || d.cancelled }

// execute decodes a job and runs it. A failure is a decision, not an error.
func (w *Worker) execute(ctx context.Context, m *Message, s *seat) decision {
	job, err := decode(m)
	if err != nil {
		return decision{failure: err.Error()}
	}
	w.setExecuting(job.ID, 1)
	defer w.setExecuting(job.ID, -1)
	running, stop := w.watchCancel(ctx, m.JobID)
	defer stop()
	for start := 1; ; start++ {
		execution, err := s.run(running, job)
		switch e, _ := errors.AsType[fault.Error](err); {
		case err == nil:
			return decision{job: job, execution: execution}
		case ctx.Err() != nil:
			return decision{} // the node stops; nothing is decided
		case errors.Is(context.Cause(running), errCancelled):
			return decision{cancelled: true}
		case e == nil || !e.CanRetry() || start == maxStarts:
			return decision{failure: err.Error()}
		}
		w.Log.Warn("the executor failed and is tried again", "job", job.ID, "start", start, "error", err)
		if !pause(running, time.Duration(start)*time.Second) && ctx.Err() != nil {
			return decision{}
		}
	}
}

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
	if err := w.Webhook.Allowed(m.CallbackURL); err != nil {
		return w.OwnWebhook, fmt.Errorf("callback_url: %w", err)
	}
	return m.CallbackURL, nil
}

var (
	errCancelled = errors.New("the cloud cancelled the job")
	errStopped   = errors.New("the node stops")
	errLost      = errors.New("the lease is lost: another node has the job")
	errSeatGone  = errors.New("its turn is over, while the job was in hand under another message; the next sweep takes it up")
)

// isCancelled asks once more, now that the outcome is known. What cannot be read
// is not cancelled.
func (w *Worker) isCancelled(ctx context.Context, m *Message) bool {
	yes, err := w.Queue.IsCancelled(ctx, m.JobID)
	return err == nil && yes
}

// watchCancel returns a context that ends when the cloud cancels the job.
func (w *Worker) watchCancel(ctx context.Context, jobID string) (context.Context, func()) {
	running, cancel := context.WithCancelCause(ctx)
	go func() {
		for pause(running, pollCancel) {
			if yes, err := w.Queue.IsCancelled(running, jobID); err == nil && yes {
				cancel(errCancelled)
			}
		}
	}()
	return running, func() { cancel(nil) }
}
