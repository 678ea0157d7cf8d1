package host

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/control"
	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/outbox"
)

// controlSocket is in the state directory of a node that runs.
const controlSocket = "coda-node.sock"

// nodePatience is how long OpenOutbox waits for a node that starts or ends, or for
// another command to be done.
const nodePatience = 3 * time.Second

// Outbox is what a node of a state directory decided and nobody has taken yet.
type Outbox struct {
	control.Outbox
	Live  bool // it is the node that runs who is asked
	close func() error
}

// Close gives it up.
func (o *Outbox) Close() error { return o.close() }

// OpenOutbox opens the outbox of a state directory: through the node that runs
// there, or, where none does, by its file. Version is this program's, for whoever
// looks at the lock meanwhile. Where nothing was ever kept nothing is made.
func OpenOutbox(ctx context.Context, stateDir, version string) (*Outbox, error) {
	for deadline := time.Now().Add(nodePatience); ; {
		node, err := DialNode(ctx, stateDir)
		switch {
		case err == nil:
			return &Outbox{Outbox: node, Live: true, close: node.Close}, nil
		case errors.Is(err, fs.ErrPermission):
			return nil, err
		}
		kept, err := openShelf(stateDir, version)
		if !errors.Is(err, daemon.ErrRunning) {
			return kept, err
		}
		if time.Now().After(deadline) {
			return nil, &fault.NodeError{Op: "outbox", Retry: true, Err: err,
				Reason: "the node that runs does not answer, as while it starts and stops; try again, or stop it first"}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, &fault.NodeError{Op: "outbox", Err: context.Cause(ctx)}
		}
	}
}

// DialNode reaches the node that runs on a state directory. Where none does the
// error is a control.ErrNobody.
func DialNode(ctx context.Context, stateDir string) (*control.Client, error) {
	return control.Dial(ctx, filepath.Join(stateDir, controlSocket))
}

// openShelf opens the file, and keeps nodes away from it meanwhile.
func openShelf(stateDir, version string) (*Outbox, error) {
	if _, err := os.Lstat(filepath.Join(stateDir, outboxFile)); errors.Is(err, fs.ErrNotExist) {
		if status, err := daemon.Look(stateDir); err == nil && status.Running {
			return nil, daemon.ErrRunning // it makes the file in a moment
		}
		return &Outbox{Outbox: &shelf{}, close: func() error { return nil }}, nil
	}
	held, err := daemon.Lock(stateDir, daemon.About{Version: version})
	if err != nil {
		return nil, err
	}
	store, err := openOutbox(stateDir)
	if err != nil {
		held.Close()
		return nil, err
	}
	return &Outbox{Outbox: &shelf{store: store}, close: func() error {
		defer held.Close()
		return store.Close()
	}}, nil
}

// shelf is the outbox as the operator's commands want it.
type shelf struct {
	store *outbox.Store // nil: nothing was ever kept

	mu     sync.RWMutex
	resend func(jobID string) error // nil: the next start sends it
}

var _ control.Outbox = (*shelf)(nil)

// rest keeps what is retried from now on for the next start.
func (s *shelf) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resend = nil
}

func (s *shelf) List(_ context.Context, q control.Query) (control.Page, error) {
	page := control.Page{Entries: []control.Entry{}}
	filter := outbox.Filter{Limit: q.Limit}
	switch q.State {
	case control.Waiting:
		filter.States = []outbox.State{outbox.Decided, outbox.Published}
	case control.Parked:
		filter.States = []outbox.State{outbox.Parked}
	case control.All:
		filter.States = []outbox.State{outbox.Decided, outbox.Published, outbox.Parked}
	default:
		return page, &fault.NodeError{Op: "outbox", Err: fmt.Errorf("there is no state %q", q.State)}
	}
	var err error
	if filter.After, err = parseCursor(q.After); err != nil {
		return page, &fault.NodeError{Op: "outbox", Err: err}
	}
	if s.store == nil {
		return page, nil
	}
	records, next := s.store.List(filter)
	for i := range records {
		page.Entries = append(page.Entries, entry(&records[i]))
	}
	page.Next = formatCursor(next)
	return page, nil
}

func (s *shelf) Find(_ context.Context, jobID string) (control.Entry, error) {
	if s.store == nil {
		return control.Entry{}, unknown(jobID)
	}
	r, err := s.store.Get(jobID)
	if err != nil {
		return control.Entry{}, explain(jobID, err)
	}
	switch r.State {
	case outbox.Decided, outbox.Published, outbox.Parked:
		return entry(&r), nil
	default: // it is begun, or has ended
		return control.Entry{}, unknown(jobID)
	}
}

func (s *shelf) Body(ctx context.Context, jobID string) ([]byte, error) {
	if _, err := s.Find(ctx, jobID); err != nil {
		return nil, err
	}
	body, err := s.store.Body(jobID)
	return body, explain(jobID, err)
}

func (s *shelf) Retry(ctx context.Context, jobID string) error {
	if _, err := s.Find(ctx, jobID); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.store.Retry(ctx, jobID); err != nil {
		return explain(jobID, err)
	}
	if s.resend == nil {
		return nil
	}
	return s.resend(jobID)
}

func (s *shelf) Drop(ctx context.Context, jobID string) error {
	if _, err := s.Find(ctx, jobID); err != nil {
		return err
	}
	return explain(jobID, s.store.Drop(ctx, jobID))
}

// explain is a store's error as the operator gets it.
func explain(jobID string, err error) error {
	switch {
	case errors.Is(err, outbox.ErrUnknown), errors.Is(err, outbox.ErrInvalid):
		return unknown(jobID)
	case errors.Is(err, outbox.ErrIllegal):
		return &fault.NodeError{Op: "outbox", Err: fmt.Errorf("job %q is not parked: %w", jobID, control.ErrRefused)}
	default:
		return err
	}
}

func unknown(jobID string) error {
	return &fault.NodeError{Op: "outbox", Err: fmt.Errorf("job %q: %w", jobID, control.ErrUnknown)}
}

// entry is a record of an outcome that is not delivered.
func entry(r *outbox.Record) control.Entry {
	e := control.Entry{
		JobID: r.JobID, State: control.Waiting, Kind: r.Kind.String(), Failure: r.Failure, MessageID: r.MessageID,
		WebhookID: r.WebhookID, URL: r.URL, Executions: r.Attempts, Decided: r.Decided, Published: moment(r.Published),
		Tries: r.Tries, Rejections: r.Rejections, Size: r.Size, SHA256: hex.EncodeToString(r.Digest[:]), LastError: r.LastError,
		Provenance: r.Provenance,
	}
	if r.State == outbox.Parked {
		e.State, e.ParkedAt = control.Parked, moment(r.Ended)
	} else {
		e.Due = moment(r.Due)
	}
	return e
}

// moment is nil where nothing happened yet.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// formatCursor writes a place in the list for whoever gives it back.
func formatCursor(c outbox.Cursor) string {
	if c == (outbox.Cursor{}) {
		return ""
	}
	at := binary.BigEndian.AppendUint64(nil, uint64(c.Created.UnixNano()))
	return base64.RawURLEncoding.EncodeToString(append(at, c.JobID...))
}

func parseCursor(text string) (outbox.Cursor, error) {
	if text == "" {
		return outbox.Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 8 {
		return outbox.Cursor{}, fmt.Errorf("%q is no place in the list; give the one that was shown at the end of it", text)
	}
	return outbox.Cursor{Created: time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC(), JobID: string(b[8:])}, nil
}
