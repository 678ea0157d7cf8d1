package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/failpoint"
)

// Begin notes that an execution is about to start (D1), and counts it. It is
// legal for jobs that were never decided. A repetition after an error counts
// again: an attempt may be charged twice, never forgotten.
func (s *Store) Begin(ctx context.Context, a Attempt) (Record, error) {
	if err := a.check(); err != nil {
		return Record{}, s.wrap(fmt.Errorf("%w: %w", ErrInvalid, err))
	}
	return s.change(ctx, a.JobID, begin, nil, func(r *Record) error {
		r.MessageID = a.MessageID
		r.Attempts++
		r.Started = now()
		return nil
	})
}

// Decide notes the outcome of a job (D2), begun or not. Where there is one
// already it stays, whatever both of them are, and is returned: its Digest tells
// whether it is the same. The outcome is due at once.
func (s *Store) Decide(ctx context.Context, d Decision) (Record, error) {
	sum := digest(d.Body)
	return s.settle(ctx, &d, decide, func(r *Record) error {
		if r.Decided.IsZero() {
			failpoint.Amid("C7") // the commit comes next
			r.settle(&d, sum)
		}
		return nil
	})
}

// Adopt takes over the decision that a peer has published (D3), in the place of
// one of ours that was neither published nor posted, or of none. To adopt what
// is here already is to note that it is published.
func (s *Store) Adopt(ctx context.Context, d Decision) (Record, error) {
	sum := digest(d.Body)
	return s.settle(ctx, &d, adopt, func(r *Record) error {
		if r.Kind != d.Kind || r.Digest != sum {
			if err := r.replaceable(); err != nil {
				return err
			}
			r.settle(&d, sum)
		}
		if r.Published.IsZero() {
			r.Published = now()
		}
		return nil
	})
}

func (s *Store) settle(ctx context.Context, d *Decision, v verb, edit func(*Record) error) (Record, error) {
	if err := d.check(); err != nil {
		return Record{}, s.wrap(fmt.Errorf("%w: %w", ErrInvalid, err))
	}
	return s.change(ctx, d.JobID, v, d.Body, edit)
}

// settle makes d the record's decision.
func (r *Record) settle(d *Decision, sum [sha256.Size]byte) {
	if d.MessageID != "" {
		r.MessageID = d.MessageID
	}
	r.WebhookID, r.URL, r.Kind, r.Failure = d.WebhookID, d.URL, d.Kind, d.Failure
	r.Digest, r.Size, r.Provenance = sum, len(d.Body), maps.Clone(d.Provenance)
	r.Decided = now()
	r.Scheduled, r.Due = r.Decided, r.Decided
}

// Published notes that every other node knows the decision (D3). It may come
// late: beside the POST, and after the end of it.
func (s *Store) Published(ctx context.Context, jobID string) error {
	_, err := s.change(ctx, jobID, publish, nil, func(r *Record) error {
		if r.Published.IsZero() && !r.State.ended() {
			r.Published = now()
		}
		return nil
	})
	return err
}

// Attempted notes a POST that did not deliver, and when the next is due.
func (s *Store) Attempted(ctx context.Context, jobID string, t Try) error {
	_, err := s.change(ctx, jobID, attempt, nil, func(r *Record) error {
		switch {
		case t.Number == r.Tries && t.Number > 0: // said again
			return nil
		case t.Number != r.Tries+1:
			return fmt.Errorf("%w: job %q: try %d after %d", ErrIllegal, jobID, t.Number, r.Tries)
		}
		r.Tries++
		if t.Rejected {
			r.Rejections++
		}
		r.Due, r.LastError = moment(t.Next), cut(t.Error)
		return nil
	})
	return err
}

// Delivered notes that the cloud has the outcome, or that it need not have it
// (D4). The body goes, a tombstone stays until a Sweep after Config.Keep.
func (s *Store) Delivered(ctx context.Context, jobID string) error {
	_, err := s.change(ctx, jobID, deliver, nil, end)
	return err
}

// Park keeps a decision, with its body, until the operator says Retry or Drop.
func (s *Store) Park(ctx context.Context, jobID, reason string) error {
	_, err := s.change(ctx, jobID, park, nil, func(r *Record) error {
		if r.State != Parked {
			r.Ended, r.LastError = now(), cut(reason)
		}
		return nil
	})
	return err
}

// Retry makes a decision due now. For one that was parked a new schedule begins.
func (s *Store) Retry(ctx context.Context, jobID string) error {
	_, err := s.change(ctx, jobID, retry, nil, func(r *Record) error {
		r.Due = now()
		if r.State == Parked {
			r.Tries, r.Rejections, r.Scheduled, r.Ended = 0, 0, r.Due, time.Time{}
		}
		return nil
	})
	return err
}

// Drop gives up what was parked. The body goes, a tombstone stays.
func (s *Store) Drop(ctx context.Context, jobID string) error {
	_, err := s.change(ctx, jobID, drop, nil, end)
	return err
}

// end leaves of a record what a tombstone keeps.
func end(r *Record) error {
	if !r.State.ended() {
		r.Ended = now()
		r.URL, r.LastError, r.Provenance = "", "", nil
	}
	return nil
}

// change lets a verb happen to a job, and returns what came of it. What edit gets
// is a copy, still in the old state. Where edit makes another digest the
// record's, body is its body. A verb that changes nothing writes nothing.
func (s *Store) change(ctx context.Context, jobID string, v verb, body []byte, edit func(*Record) error) (Record, error) {
	var r Record
	err := s.writes.do(ctx, &request{size: len(body), apply: func(b *batch) error {
		old, err := b.load(jobID)
		if err != nil {
			return err
		}
		next, err := old.step(v)
		if err != nil {
			return err
		}
		r = old.clone()
		if err := edit(&r); err != nil {
			return err
		}
		r.State = next
		if r.Created.IsZero() {
			r.Created = now()
		}
		if bytes.Equal(r.encode(), old.encode()) {
			return nil
		}
		kept := r.clone()
		if next.ended() {
			return b.bury(&kept)
		}
		return b.save(&kept, body, r.Digest != old.Digest)
	}})
	if err != nil {
		return Record{}, s.wrap(err)
	}
	return r, nil
}

// cut keeps the beginning of an error's text.
func cut(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxError)], "")
}
