// Package control lets the operator's commands reach into the node that runs on
// their state directory: HTTP and JSON over a Unix socket there, which only the
// node's user and root can open.
//
//	GET  /outbox?state=STATE&after=CURSOR&limit=N   a Page
//	GET  /outbox/job?id=JOB                         an Entry
//	GET  /outbox/body?id=JOB                        the exact body
//	POST /outbox/retry?id=JOB                       204
//	POST /outbox/drop?id=JOB                        204
//	POST /device/make-safe                          204
//	POST /device/clear                              204
//
// What fails is answered with 404 (ErrUnknown), 409 (ErrRefused), 400 or 500, and
// {"error": "..."}.
package control

import (
	"context"
	"errors"
	"time"
)

// The states of an entry, and what chooses them all.
const (
	Waiting = "waiting" // it is sent when it is due
	Parked  = "parked"  // nobody takes it; the operator decides
	All     = "all"
)

// The causes of errors, for errors.Is.
var (
	ErrUnknown = errors.New("the outbox has no outcome of it")
	ErrRefused = errors.New("its state does not allow that")
	ErrAtRest  = errors.New("nothing says that the hardware is not at rest")
	ErrNoBench = errors.New("its executor has no hardware to bring to rest: it exports no make-safe")
	ErrNobody  = errors.New("no node answers")
)

// Outbox is what a node decided and nobody has taken yet. Its errors are
// *fault.NodeError.
type Outbox interface {
	// List is a page of the entries, the oldest job first.
	List(ctx context.Context, q Query) (Page, error)
	Find(ctx context.Context, jobID string) (Entry, error)
	// Body is exactly what is posted.
	Body(ctx context.Context, jobID string) ([]byte, error)
	// Retry has an outcome sent again at once; one that was parked gets a new
	// schedule.
	Retry(ctx context.Context, jobID string) error
	// Drop gives up what is parked. The body is gone.
	Drop(ctx context.Context, jobID string) error
}

// Bench is hardware that has to be brought to rest. Its errors are members of the
// family in host/fault.
type Bench interface {
	// Rest has it brought to rest now, where it may not be, and waits for that. A
	// device that is at rest, or at work, is left alone.
	Rest(ctx context.Context) error
	// Clear takes the operator's word that it is at rest. It reports whether there was
	// anything to clear.
	Clear() bool
}

// MaxPage is the most entries of one page.
const MaxPage = 100

// Query chooses entries.
type Query struct {
	State string // Waiting, Parked or All
	After string // Page.Next of the page before
	Limit int    // 1 to MaxPage
}

// Page is some entries, and where the rest begins; "" at the end.
type Page struct {
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"`
}

// Entry is an outcome that is to be delivered, without its body.
type Entry struct {
	JobID      string     `json:"job_id"`
	State      string     `json:"state"` // Waiting or Parked
	Kind       string     `json:"kind"`  // completed or failed
	Failure    string     `json:"failure,omitempty"`
	MessageID  string     `json:"message_id"`
	WebhookID  string     `json:"webhook_id"`
	URL        string     `json:"url"`        // where the body goes
	Executions int        `json:"executions"` // begun on this node
	Decided    time.Time  `json:"decided_at"`
	Published  *time.Time `json:"published_at,omitempty"` // since when every node knows it
	Tries      int        `json:"tries"`                  // that did not deliver, of the present schedule
	Rejections int        `json:"rejections"`             // those of them that the receiver refused
	Due        *time.Time `json:"due_at,omitempty"`       // of one that waits
	ParkedAt   *time.Time `json:"parked_at,omitempty"`
	Size       int        `json:"size"`   // of the body, in bytes
	SHA256     string     `json:"sha256"` // of the body
	LastError  string     `json:"last_error,omitempty"`

	// Provenance is what the outcome came from: the executor's name, its digest
	// ("sha256"), the version of its contract ("abi"), the digest of what it is granted
	// ("grants"), and when the execution began and ended. Empty where none was made.
	Provenance map[string]string `json:"provenance,omitempty"`
}
