package outbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/conductorquantum/coda/host/outbox"
)

// syncs is how often per second this disk syncs a page, over so many tries.
func syncs(b *testing.B, n int) float64 {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	begin := time.Now()
	for range n {
		if _, err := f.WriteAt(page, 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(begin).Seconds()
}

// BenchmarkLone is the life of one job with nobody else about: what D2 and D4
// cost, in syncs of the same disk in the same run.
func BenchmarkLone(b *testing.B) {
	s := openStore(b, filepath.Join(b.TempDir(), "outbox.db"))
	body := make([]byte, 1024)
	raw := time.Duration(float64(time.Second) / syncs(b, 200))
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("job-%d", i)
		begin := time.Now()
		if _, err := s.Decide(b.Context(), completed(id, body)); err != nil {
			b.Fatal(err)
		}
		if err := s.Delivered(b.Context(), id); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.ReportMetric(float64(median.Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(median)/float64(raw), "syncs")
}

// BenchmarkWriters is Decide and Delivered from several callers at once, in
// writes for each sync that the disk could do in the same time.
func BenchmarkWriters(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			s := openStore(b, filepath.Join(b.TempDir(), "outbox.db"))
			body := make([]byte, 1024)
			measure(b, writers, func(id string) error {
				if _, err := s.Decide(b.Context(), completed(id, body)); err != nil {
					return err
				}
				return s.Delivered(b.Context(), id)
			})
		})
	}
}

// BenchmarkOpen is a start with a week of 100,000 jobs, and 1,000 that wait.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "outbox.db")
	s, err := outbox.Open(path, outbox.Config{})
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for n := next.Add(1); n <= 101_000; n = next.Add(1) {
				id := fmt.Sprintf("job-%d", n)
				_, err := s.Decide(b.Context(), completed(id, make([]byte, 1024)))
				if err == nil && n > 1000 {
					err = s.Delivered(b.Context(), id)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		s, err := outbox.Open(path, outbox.Config{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
}

// BenchmarkBatch is the same work through bbolt's own grouping, to compare. A
// batch begins as soon as all writers are in it, which is the best it can do.
func BenchmarkBatch(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "batch.db"), 0o600, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			db.MaxBatchSize = writers
			names := [][]byte{[]byte("records"), []byte("bodies"), []byte("tombstones")}
			if err := db.Update(func(tx *bbolt.Tx) error {
				for _, name := range names {
					if _, err := tx.CreateBucket(name); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			record, body := make([]byte, 256), make([]byte, 1024)
			measure(b, writers, func(id string) error {
				key := []byte(id)
				err := db.Batch(func(tx *bbolt.Tx) error {
					if err := tx.Bucket(names[0]).Put(key, record); err != nil {
						return err
					}
					return tx.Bucket(names[1]).Put(key, body)
				})
				if err != nil {
					return err
				}
				return db.Batch(func(tx *bbolt.Tx) error {
					if err := tx.Bucket(names[0]).Delete(key); err != nil {
						return err
					}
					if err := tx.Bucket(names[1]).Delete(key); err != nil {
						return err
					}
					return tx.Bucket(names[2]).Put(key, record)
				})
			})
		})
	}
}

// measure lets writers work through jobs, of which each is two writes.
func measure(b *testing.B, writers int, job func(id string) error) {
	raw := syncs(b, 200)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range writers {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := job(fmt.Sprintf("job-%d", n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	rate := 2 * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "writes/s")
	b.ReportMetric(rate/raw, "writes/sync")
	b.ReportMetric(raw, "disk-syncs/s")
}
