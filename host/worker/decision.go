package worker

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// Kind is what was decided about a job.
type Kind string

// The kinds. A job that the cloud cancelled needs no decision: it is not reported.
const (
	KindCompleted Kind = "completed"
	KindFailed    Kind = "failed"
)

// Decision is the outcome of a job, in the form in which it stands: whoever
// delivers it, and however often, sends these bytes.
type Decision struct {
	Kind    Kind
	URL     string // where the body goes
	Failure string // why it failed, in words
	Body    []byte
	Origin  map[string]string // what it came from; for this node's records alone
}

// Try is a delivery that did not succeed.
type Try struct {
	Number   int // from 1
	Rejected bool
	Next     time.Time
	Error    string
}

// Held is what the store knows of a job.
type Held struct {
	JobID     string
	MessageID string
	Attempts  int       // executions begun here
	Decision  *Decision // nil where it was not decided, or has ended
	Published bool
	Parked    bool
	Ended     bool // delivered
	Dropped   bool // given up by the operator
	Resent    bool // it was parked, and the operator has it sent again
	Tries     int
	Rejected  int       // tries that the receiver refused
	Scheduled time.Time // when the schedule of tries began
	Due       time.Time // when the next one is
}

// Store keeps, through a crash, what was begun and decided, until it is delivered.
// A call returns when its change is on disk. An error means that the disk, or the
// file, is at fault.
type Store interface {
	Find(jobID string) (Held, error)
	// Waiting is all that is to be delivered.
	Waiting() ([]Held, error)
	Begin(ctx context.Context, m *Message) error
	// Decide keeps a decision. The first one about a job stands.
	Decide(ctx context.Context, m *Message, d *Decision) error
	// Adopt replaces a decision that nobody knows of yet by the published one.
	Adopt(ctx context.Context, m *Message, d *Decision) error
	Published(ctx context.Context, jobID string) error
	Attempted(ctx context.Context, jobID string, t Try) error
	Delivered(ctx context.Context, jobID string) error
	Park(ctx context.Context, jobID, reason string) error
	// Full says why nothing more should be taken up; "" where nothing speaks
	// against it.
	Full() string
}

// memory is the store of a worker that has none.
type memory struct{}

func (memory) Find(jobID string) (Held, error)                   { return Held{JobID: jobID}, nil }
func (memory) Waiting() ([]Held, error)                          { return nil, nil }
func (memory) Begin(context.Context, *Message) error             { return nil }
func (memory) Decide(context.Context, *Message, *Decision) error { return nil }
func (memory) Adopt(context.Context, *Message, *Decision) error  { return nil }
func (memory) Published(context.Context, string) error           { return nil }
func (memory) Attempted(context.Context, string, Try) error      { return nil }
func (memory) Delivered(context.Context, string) error           { return nil }
func (memory) Park(context.Context, string, string) error        { return nil }
func (memory) Full() string                                      { return "" }

// decide makes a decision of what an execution came to.
func (w *Worker) decide(m *Message, o *outcome, url string) *Decision {
	if o.execution != nil {
		return &Decision{Kind: KindCompleted, URL: url, Body: w.Webhook.Completed(o.job, o.execution), Origin: w.origin(o)}
	}
	return &Decision{Kind: KindFailed, URL: url, Failure: clip(o.failure), Body: w.Webhook.Failed(m.JobID, o.failure), Origin: w.origin(o)}
}

// clip shortens a failure to what can be kept. Its body has all of it.
func clip(text string) string {
	if len(text) <= MaxText {
		return text
	}
	return strings.ToValidUTF8(text[:MaxText], "")
}

// origin is what a decision comes from and when; nil where nothing was executed.
func (w *Worker) origin(o *outcome) map[string]string {
	if o.started.IsZero() {
		return nil
	}
	origin := make(map[string]string, len(w.Origin)+2)
	maps.Copy(origin, w.Origin)
	origin["started_at"] = o.started.UTC().Format(time.RFC3339Nano)
	origin["ended_at"] = o.ran.UTC().Format(time.RFC3339Nano)
	return origin
}

// noted is where a decision comes from, for the log.
func noted(origin map[string]string) slog.Attr {
	var attrs []slog.Attr
	for _, key := range slices.Sorted(maps.Keys(origin)) {
		attrs = append(attrs, slog.String(key, origin[key]))
	}
	return slog.GroupAttrs("from", attrs...)
}

// outcome is what an execution came to: a result, a failure in words, or the
// job's cancellation.
type outcome struct {
	job       *abi.Job
	execution *abi.Execution
	failure   string
	cancelled bool
	started   time.Time // of the execution that counts; zero where there was none
	ran       time.Time // when it ended
	ended     error     // why it came to nothing, where that is not the end of the worker
}

// settled reports whether it stands whatever happens to the node.
func (o *outcome) settled() bool { return o.execution != nil || o.failure != "" || o.cancelled }
