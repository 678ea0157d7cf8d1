package outbox

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"time"
)

// State is how far a job has come. The numbers are part of the file.
type State uint8

// The states. Absent is a job of which nothing is known.
const (
	Absent    State = iota
	Begun           // D1: an execution was about to start
	Decided         // D2: the outcome stands, here
	Published       // D3: and for every other node
	Parked          // nobody takes the body; it waits for the operator
	Delivered       // D4: the cloud has it; the body is gone
	Dropped         // the operator gave it up; the body is gone
)

var states = [...]string{"absent", "begun", "decided", "published", "parked", "delivered", "dropped"}

func (s State) String() string {
	if int(s) < len(states) {
		return states[s]
	}
	return "unknown"
}

// waits reports whether the job's outcome is to be delivered.
func (s State) waits() bool { return s == Decided || s == Published }

// ended reports whether only a tombstone is left.
func (s State) ended() bool { return s == Delivered || s == Dropped }

// Kind is what was decided. The numbers are part of the file.
type Kind uint8

// The kinds.
const (
	Completed Kind = iota + 1
	Failed
	Cancelled // by the cloud, which is not told: there is no body
)

var kinds = [...]string{"", "completed", "failed", "cancelled"}

func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "unknown"
}

// Attempt is an execution that is about to start.
type Attempt struct {
	JobID     string // 1 to 1,024 bytes
	MessageID string // the stream's
}

// Decision is the outcome of a job.
type Decision struct {
	JobID      string
	MessageID  string
	WebhookID  string // webhook.ID of the job
	URL        string // where the body goes
	Kind       Kind
	Failure    string // why it failed, in words, as the queue is told
	Body       []byte // exactly what is posted; not kept by Decide and Adopt
	Provenance map[string]string
}

// Try is a POST that did not deliver.
type Try struct {
	Number   int       // Record.Tries and one
	Rejected bool      // the receiver refused the body
	Next     time.Time // when to try again
	Error    string    // of which 1,024 bytes are kept
}

// Record is what is known of a job. Times are UTC, zero where nothing happened
// yet. Of a job that has ended URL, LastError and Provenance are gone.
type Record struct {
	JobID     string
	MessageID string
	State     State
	Created   time.Time // when the job was first heard of

	Attempts int       // executions begun here
	Started  time.Time // the last of them

	WebhookID  string
	URL        string
	Kind       Kind
	Failure    string
	Digest     [sha256.Size]byte // SHA-256 of the body; zeros where there is none
	Size       int               // of the body, in bytes
	Decided    time.Time
	Published  time.Time
	Provenance map[string]string

	Tries      int       // POSTs since Scheduled that did not deliver
	Rejections int       // those that the receiver refused
	Scheduled  time.Time // when the present schedule began: at the decision, or at Retry
	Due        time.Time // when to try next
	LastError  string

	Ended time.Time // parked, delivered or dropped
}

// The limits of what is written. Beyond them a verb fails.
const (
	maxJobID   = 1 << 10
	maxText    = 1 << 16 // each of the other texts, and provenance as a whole
	maxBody    = 1 << 30
	maxError   = 1 << 10 // of a last error, which is cut
	maxEncoded = 8 * maxText
)

func checkJobID(id string) error {
	if id == "" || len(id) > maxJobID {
		return fmt.Errorf("a job id of %d bytes: it must have 1 to %d", len(id), maxJobID)
	}
	return nil
}

func (a Attempt) check() error {
	if err := checkJobID(a.JobID); err != nil {
		return err
	}
	return checkTexts(a.MessageID)
}

func (d *Decision) check() error {
	if err := checkJobID(d.JobID); err != nil {
		return err
	}
	if err := checkTexts(d.MessageID, d.WebhookID, d.URL, d.Failure); err != nil {
		return err
	}
	size := 0
	for key, value := range d.Provenance {
		size += len(key) + len(value)
	}
	switch {
	case size > maxText:
		return fmt.Errorf("provenance of %d bytes: at most %d are kept", size, maxText)
	case d.Kind < Completed || d.Kind > Cancelled:
		return fmt.Errorf("a decision of the unknown kind %d", d.Kind)
	case (len(d.Body) == 0) != (d.Kind == Cancelled):
		return fmt.Errorf("a decision of the kind %s with a body of %d bytes", d.Kind, len(d.Body))
	case len(d.Body) > maxBody:
		return fmt.Errorf("a body of %d bytes: at most %d are kept", len(d.Body), maxBody)
	}
	return nil
}

func checkTexts(texts ...string) error {
	for _, text := range texts {
		if len(text) > maxText {
			return fmt.Errorf("a text of %d bytes, which begins with %.40q: at most %d are kept", len(text), text, maxText)
		}
	}
	return nil
}

// digest is the SHA-256 of a body, or zeros where there is none.
func digest(body []byte) [sha256.Size]byte {
	if len(body) == 0 {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(body)
}

// clone shares nothing with r.
func (r *Record) clone() Record {
	c := *r
	c.Provenance = maps.Clone(r.Provenance)
	return c
}

// now is the present as it is read back from the file.
func now() time.Time { return moment(time.Now()) }

func moment(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(0, t.UnixNano()).UTC()
}
