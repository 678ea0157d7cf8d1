package outbox

import (
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// batch is one transaction: what the requests of a group have changed so far.
type batch struct {
	ledger  *ledger
	tx      *bbolt.Tx
	changed map[string]*Record // as they are now; of those that ended, or are gone, too
	dirty   bool
	sweep   *request // one that sweeps, if there is
	failed  error    // a write that bbolt refused: none of the group can stand
}

// load is what is known of a job. Nothing is a record in the state Absent.
func (b *batch) load(jobID string) (*Record, error) {
	if r := b.changed[jobID]; r != nil {
		return r, nil
	}
	if r := b.ledger.records[jobID]; r != nil {
		return r, nil
	}
	r, err := tombstone(b.tx, jobID)
	if err == nil && r == nil {
		r = &Record{JobID: jobID}
	}
	return r, err
}

// save writes a record that is kept, and the body that it has from now on if
// that is another.
func (b *batch) save(r *Record, body []byte, another bool) error {
	b.put(b.tx.Bucket(bucketRecords), r.JobID, r.encode())
	switch bodies := b.tx.Bucket(bucketBodies); {
	case another && len(body) > 0:
		b.put(bodies, r.JobID, body)
	case another:
		b.check(bodies.Delete([]byte(r.JobID)))
	}
	b.changed[r.JobID] = r
	return b.failed
}

// bury leaves a tombstone of a job that has ended.
func (b *batch) bury(r *Record) error {
	b.remove(r)
	day, err := b.tx.Bucket(bucketTombstones).CreateBucketIfNotExists([]byte(dayOf(r.Ended)))
	if b.check(err) {
		b.put(day, r.JobID, r.encode())
	}
	return b.failed
}

// remove takes record and body of a job away. What is remembered of it for the
// rest of the batch is r.
func (b *batch) remove(r *Record) {
	b.check(b.tx.Bucket(bucketRecords).Delete([]byte(r.JobID)))
	b.check(b.tx.Bucket(bucketBodies).Delete([]byte(r.JobID)))
	b.changed[r.JobID] = r
}

func (b *batch) put(bucket *bbolt.Bucket, key string, value []byte) {
	b.check(bucket.Put([]byte(key), value))
}

func (b *batch) check(err error) bool {
	b.dirty = true
	if err != nil && b.failed == nil {
		b.failed = fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return err == nil
}

// putTotals writes what the records and bodies add up to.
func (b *batch) putTotals() error {
	count, bytes := len(b.ledger.records), b.ledger.bytes
	add := func(r *Record, sign int) {
		if r != nil && r.State != Absent && !r.State.ended() {
			count += sign
			bytes += int64(sign * r.Size)
		}
	}
	for id, r := range b.changed {
		add(b.ledger.records[id], -1)
		add(r, 1)
	}
	b.put(b.tx.Bucket(bucketMeta), keyTotals, totals(count, bytes))
	return b.failed
}

func totals(count int, bytes int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(count)), uint64(bytes))
}

// tombstone is what is left of a job that has ended, or nil.
func tombstone(tx *bbolt.Tx, jobID string) (*Record, error) {
	days := tx.Bucket(bucketTombstones)
	for c, day := days.Cursor(), []byte(nil); ; {
		if day == nil {
			day, _ = c.Last()
		} else {
			day, _ = c.Prev()
		}
		if day == nil {
			return nil, nil
		}
		if value := days.Bucket(day).Get([]byte(jobID)); value != nil {
			return decode(jobID, value)
		}
	}
}

const dayFormat = time.DateOnly

func dayOf(t time.Time) string { return t.UTC().Format(dayFormat) }
