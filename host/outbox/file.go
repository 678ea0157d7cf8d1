package outbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/conductorquantum/coda/host/private"
)

const format = 1

var (
	bucketMeta       = []byte("meta")
	bucketRecords    = []byte("records")
	bucketBodies     = []byte("bodies")
	bucketTombstones = []byte("tombstones")

	keyFormat = []byte("format")
	keyTotals = "totals"
)

// create makes an empty store, if there is no file yet.
func (s *Store) create() error {
	if err := private.MakeDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	if _, err := os.Lstat(s.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	between, err := s.build(func(db *bbolt.DB) error {
		return db.Update(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{bucketMeta, bucketRecords, bucketBodies, bucketTombstones} {
				if _, err := tx.CreateBucket(name); err != nil {
					return err
				}
			}
			meta := tx.Bucket(bucketMeta)
			return errors.Join(
				meta.Put(keyFormat, binary.BigEndian.AppendUint32(nil, format)),
				meta.Put([]byte(keyTotals), totals(0, 0)))
		})
	})
	if err != nil {
		return err
	}
	return os.Rename(between, s.path)
}

// build writes a new file under another name, and returns the name once all of
// it is on disk. What an interrupted build left there is removed.
func (s *Store) build(fill func(*bbolt.DB) error) (between string, err error) {
	between = filepath.Join(filepath.Dir(s.path), "."+filepath.Base(s.path)+".tmp")
	if err := os.Remove(between); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(between)
			err = fmt.Errorf("%w: %w", ErrDisk, err)
		}
	}()
	f, err := os.OpenFile(between, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	err = guard(func() error {
		db, err := bbolt.Open(between, 0o600, s.options(f, true))
		if err != nil {
			f.Close()
			return err
		}
		return errors.Join(fill(db), db.Sync(), db.Close())
	})
	return between, err
}

func (s *Store) options(f *os.File, unsynced bool) *bbolt.Options {
	return &bbolt.Options{
		Timeout:      s.cfg.LockWait,
		FreelistType: bbolt.FreelistMapType,
		NoSync:       unsynced,
		NoGrowSync:   unsynced,
		OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return f, nil },
	}
}

// attach opens the file and reads the records. The directory is synced first:
// whatever brought the file there may have been interrupted before it did that.
func (s *Store) attach() error {
	if err := private.SyncDir(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	f, err := private.Open(s.path, os.O_RDWR)
	if err != nil {
		return err
	}
	var db *bbolt.DB
	var l *ledger
	err = guard(func() error {
		if err := lock(f, s.cfg.LockWait); err != nil {
			return err
		}
		if err := checkPages(f); err != nil {
			return err
		}
		db, err = bbolt.Open(s.path, 0o600, s.options(f, false))
		if errors.Is(err, bbolterrors.ErrTimeout) {
			return ErrLocked
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDisk, err)
		}
		return db.View(func(tx *bbolt.Tx) (err error) {
			l, err = read(tx)
			return err
		})
	})
	if err != nil {
		if db != nil {
			_ = guard(db.Close)
		}
		f.Close()
		return err
	}
	s.db, s.file, s.ledger, s.stuck = db, f, l, false
	return nil
}

// detach closes the file.
func (s *Store) detach() error {
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	if s.stuck { // its locks are held for ever; what is mapped stays mapped
		return s.file.Close()
	}
	return guard(db.Close)
}

// heal reads the file anew after a commit that failed, and where the file is no
// longer the one under its name, so that nothing is written to one that was
// removed. A commit that failed may have left meta pages that are in memory and
// not on disk, although later syncs succeed; a commit on top of them could then
// overwrite what the disk still refers to. So they are written and synced once
// more first.
func (s *Store) heal() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil && inPlace(s.file) {
		return nil
	}
	defer func() { s.broken = err }()
	if s.db != nil {
		if err := guard(s.syncMeta); err != nil {
			return err
		}
		if err := s.detach(); err != nil {
			return fmt.Errorf("%w: %w", ErrDisk, err)
		}
	}
	err = s.attach()
	if err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) || errors.Is(err, ErrDisk) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDisk, err)
}

func (s *Store) syncMeta() error {
	pages := make([]byte, 2*s.db.Info().PageSize)
	_, err := s.file.ReadAt(pages, 0)
	if errors.Is(err, io.EOF) {
		return damaged("the file was cut short")
	}
	if err == nil {
		_, err = s.file.WriteAt(pages, 0)
	}
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return nil
}

// isSparse reports whether most of a large file holds nothing.
func (s *Store) isSparse() bool {
	info, err := s.file.Stat()
	if err != nil || info.Size() <= s.compact {
		return false
	}
	var used int64
	err = guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil })
	})
	stats := s.db.Stats()
	used -= int64(stats.FreePageN+stats.PendingPageN) * int64(s.db.Info().PageSize)
	return err == nil && used < info.Size()/4
}

// rewrite puts a file without free pages in the place of this one. If it fails
// the file stays as it was. Readers wait only while one takes the other's place.
func (s *Store) rewrite() error {
	between, err := s.build(func(db *bbolt.DB) error { return bbolt.Compact(db, s.db, 1<<20) })
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err = s.detach(); err == nil {
		err = os.Rename(between, s.path)
	}
	if err != nil {
		os.Remove(between)
		err = fmt.Errorf("%w: %w", ErrDisk, err)
	}
	if s.broken = s.attach(); s.broken != nil {
		s.err = s.broken
		return s.broken
	}
	return err
}

// read is all that has not ended. It holds the records against the bodies and
// the totals, so that none is missing.
func read(tx *bbolt.Tx) (*ledger, error) {
	meta, records, bodies := tx.Bucket(bucketMeta), tx.Bucket(bucketRecords), tx.Bucket(bucketBodies)
	if meta == nil || records == nil || bodies == nil || tx.Bucket(bucketTombstones) == nil {
		return nil, damaged("it is no outbox")
	}
	version := meta.Get(keyFormat)
	if len(version) != 4 {
		return nil, damaged("its format is not given")
	}
	switch v := binary.BigEndian.Uint32(version); {
	case v > format:
		return nil, fmt.Errorf("%w: its format is %d, and this version knows %d", ErrNewer, v, format)
	case v < format:
		return nil, damaged("there is no format %d", v)
	}
	l := newLedger()
	err := records.ForEach(func(key, value []byte) error {
		r, err := decode(string(key), value)
		if err != nil {
			return err
		}
		if r.State.ended() || (r.Size > 0) != (bodies.Get(key) != nil) || r.Size != len(bodies.Get(key)) {
			return damaged("record and body of job %q do not fit", key)
		}
		l.set(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(meta.Get([]byte(keyTotals)), totals(len(l.records), l.bytes)) {
		return nil, damaged("there are %d records with %d bytes, which is not what was written", len(l.records), l.bytes)
	}
	return l, nil
}
