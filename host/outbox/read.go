package outbox

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// Get is what is known of a job, whether it has ended or not.
func (s *Store) Get(jobID string) (Record, error) {
	s.mu.RLock()
	held, closed := s.ledger.records[jobID], s.closed
	s.mu.RUnlock()
	if held != nil && !closed {
		return held.clone(), nil
	}
	var r *Record
	err := s.view(func(tx *bbolt.Tx) (err error) {
		// It may have been written since.
		if value := tx.Bucket(bucketRecords).Get([]byte(jobID)); value != nil {
			r, err = decode(jobID, value)
			return err
		}
		r, err = tombstone(tx, jobID)
		return err
	})
	if err == nil && r == nil {
		err = fmt.Errorf("%w: job %q", ErrUnknown, jobID)
	}
	if err != nil {
		return Record{}, s.wrap(err)
	}
	return *r, nil
}

// Body is exactly what was decided to be posted. It is checked against its
// SHA-256. Of a job that has ended, or was cancelled, there is none.
func (s *Store) Body(jobID string) ([]byte, error) {
	var body []byte
	err := s.view(func(tx *bbolt.Tx) error {
		key := []byte(jobID)
		value := tx.Bucket(bucketBodies).Get(key)
		if value == nil {
			return fmt.Errorf("%w: the body of job %q", ErrUnknown, jobID)
		}
		r, err := decode(jobID, tx.Bucket(bucketRecords).Get(key))
		if err != nil {
			return err
		}
		body = slices.Clone(value)
		if sha256.Sum256(body) != r.Digest {
			return damaged("the body of job %q does not match its SHA-256", jobID)
		}
		return nil
	})
	if err != nil {
		return nil, s.wrap(err)
	}
	return body, nil
}

// Due is the outcomes that are to be delivered by now, the most overdue first and
// at most n, and when the next after now is due, zero if none is. It leaves out
// those for which inHand, unless it is nil, returns true.
func (s *Store) Due(now time.Time, n int, inHand func(jobID string) bool) (due []Record, next time.Time) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.ledger.due {
		if inHand != nil && inHand(p.job) {
			continue
		}
		if p.at.After(now) {
			return due, p.at
		}
		if len(due) < n {
			due = append(due, s.ledger.records[p.job].clone())
		}
	}
	return due, time.Time{}
}

// Filter chooses records.
type Filter struct {
	States []State // none means all that are held
	After  Cursor
	Limit  int // 0 means 100
}

// Cursor is a place in a list: that of the record it was made of.
type Cursor struct {
	Created time.Time
	JobID   string
}

// List is the records of jobs that have not ended, the oldest first, and where
// the rest of them begins; zero at the end. It may be read page by page while
// jobs come and go: what stays is seen once.
func (s *Store) List(f Filter) (page []Record, next Cursor) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	from, found := s.ledger.all.find(place{f.After.Created, f.After.JobID})
	if found {
		from++
	}
	for _, p := range s.ledger.all[from:] {
		r := s.ledger.records[p.job]
		if len(f.States) > 0 && !slices.Contains(f.States, r.State) {
			continue
		}
		if len(page) == f.Limit {
			last := page[f.Limit-1]
			return page, Cursor{last.Created, last.JobID}
		}
		page = append(page, r.clone())
	}
	return page, Cursor{}
}
