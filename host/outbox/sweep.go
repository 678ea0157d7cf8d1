package outbox

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// Swept is what a Sweep removed.
type Swept struct {
	Tombstones int
	Begun      int
}

// Sweep removes what ended, or was begun and never decided, longer than
// Config.Keep before now. Tombstones go by the day on which the job ended, once
// all of the day is so old. Where little is left of a large file it is written
// anew.
func (s *Store) Sweep(ctx context.Context, now time.Time) (Swept, error) {
	var swept Swept
	before := now.Add(-s.cfg.Keep)
	err := s.writes.do(ctx, &request{sweeps: true, apply: func(b *batch) error {
		swept = Swept{}
		var days [][]byte
		tombstones := b.tx.Bucket(bucketTombstones)
		for c, day := tombstones.Cursor(), []byte(nil); ; {
			if day == nil {
				day, _ = c.First()
			} else {
				day, _ = c.Next()
			}
			if day == nil || string(day) >= dayOf(before) {
				break
			}
			days = append(days, slices.Clone(day))
		}
		for _, day := range days {
			count, err := countKeys(tombstones.Bucket(day))
			if err != nil {
				return err
			}
			swept.Tombstones += count
			b.check(tombstones.DeleteBucket(day))
		}
		for _, p := range b.ledger.all {
			r, err := b.load(p.job)
			if err != nil {
				return err
			}
			if r.State == Begun && r.Started.Before(before) {
				b.remove(&Record{JobID: r.JobID})
				swept.Begun++
			}
		}
		return b.failed
	}})
	if err != nil {
		return swept, s.wrap(err)
	}
	return swept, nil
}

func countKeys(b *bbolt.Bucket) (n int, err error) {
	err = b.ForEach(func(_, _ []byte) error { n++; return nil })
	return n, err
}

// Probe writes, and thereby finds out whether the disk takes writes again.
func (s *Store) Probe(ctx context.Context) error {
	return s.wrap(s.writes.do(ctx, &request{apply: func(b *batch) error {
		b.dirty = true
		return nil
	}}))
}
