package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
)

// simCloud is what receives outcomes. The world's lock guards it.
type simCloud struct {
	seen  map[string]string // the first body that came for a job, taken or not
	taken map[string]string
	jobs  map[string]*simJob
}

// simJob is a job as the cloud made it.
type simJob struct {
	id       string
	callback string // how the receiver answers: "" as it should, "gone" or "rejects"
	messages []string
}

func newSimCloud() *simCloud {
	return &simCloud{seen: map[string]string{}, taken: map[string]string{}, jobs: map[string]*simJob{}}
}

const simHook = "https://example.com/hook"

type simWebhook struct{ *boot }

// Completed is another body at every execution.
func (simWebhook) Completed(job *abi.Job, e *abi.Execution) []byte {
	return fmt.Appendf(nil, "completed %s %d", job.ID, e.ShotsCompleted)
}

func (simWebhook) Failed(jobID, text string) []byte {
	return fmt.Appendf(nil, "failed %s %s", jobID, text)
}

func (simWebhook) Allowed(url string) error {
	if url != simHook {
		return errors.New("not one of ours")
	}
	return nil
}

// Post is a request and its answer, each of which can be lost. The cloud sees the
// body where the request arrives, and has taken it where it said so.
func (h simWebhook) Post(ctx context.Context, _, jobID string, body []byte) error {
	if !h.enter() {
		return errSimDead
	}
	w := h.w
	failed := func(next fault.Disposition, after time.Duration, reason string) error {
		return &fault.WebhookError{Next: next, Retry: next != fault.Park, RetryAfter: after, Reason: reason}
	}
	if !simSleep(ctx, 2*w.latency("post", h.n.name, jobID)) || !h.enter() {
		return failed(fault.TryAgain, 0, "called off")
	}
	w.mu.Lock()
	if h.dead {
		w.mu.Unlock()
		return errSimDead
	}
	fate, kind := w.chance("post", h.n.name, jobID), w.chance("kind of post", h.n.name, jobID)
	after := time.Duration(w.chance("retry after", h.n.name, jobID) * float64(40*time.Second))
	broken := fate < w.odds.post && !w.calm
	if h.n.line != nil && !h.n.line.isUp || broken && kind < 0.2 {
		w.note(h.n.name, "post", jobID, "lost")
		w.mu.Unlock()
		simSleep(ctx, time.Second)
		return failed(fault.TryAgain, 0, "unreachable")
	}
	text := string(body)
	switch first, again := w.cloud.seen[jobID]; {
	case !again:
		w.cloud.seen[jobID] = text
	case first != text:
		w.breaks("contradiction: %s posts %q for %s, and %q was posted before", h.consumer, text, jobID, first)
	}
	var answer error
	slow := time.Duration(0)
	job := w.cloud.jobs[jobID]
	taken := false
	switch {
	case job.callback == "gone":
		answer = failed(fault.Park, 0, "410")
	case job.callback == "rejects":
		answer = failed(fault.Rejected, 0, "422")
	case !broken:
		taken = true
	case kind < 0.4:
		answer = failed(fault.TryAgain, 0, "503")
	case kind < 0.55:
		answer = failed(fault.TryAgain, after, "429")
	case kind < 0.6:
		answer = failed(fault.SignAgain, 0, "401")
	case kind < 0.65:
		answer = failed(fault.Rejected, 0, "400")
	case kind < 0.75:
		slow, answer = 30*time.Second, failed(fault.TryAgain, 0, "timeout")
	case kind < 0.85:
		taken, slow, answer = true, 30*time.Second, failed(fault.TryAgain, 0, "timeout after it was taken")
	default:
		taken, answer = true, failed(fault.TryAgain, 0, "reset after it was taken")
	}
	if taken {
		w.cloud.taken[jobID] = text
	}
	w.note(h.n.name, "post", jobID, fmt.Sprintf("%q: %v", text, answer))
	w.mu.Unlock()
	if !simSleep(ctx, slow+2*w.latency("answer", h.n.name, jobID)) || !h.enter() {
		return failed(fault.TryAgain, 0, "called off")
	}
	return answer
}

// kindOf is "completed" or "failed", by a body.
func kindOf(body string) string {
	kind, _, _ := strings.Cut(body, " ")
	return kind
}
