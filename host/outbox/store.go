package outbox

import (
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/conductorquantum/coda/host/failpoint"
)

// Config is how a store is kept. Its zero value is the default.
type Config struct {
	// LockWait is how long Open waits for another process to close the file.
	// Default 2 s.
	LockWait time.Duration
	// Keep is how long tombstones are kept at least, and records of jobs that
	// were begun and never decided. Default 7 days.
	Keep time.Duration
	// AsItIs keeps the file from being written anew, however little it holds.
	AsItIs bool
}

// A file is written anew when it is larger than this, and three quarters of it
// hold nothing.
const sparse = 64 << 20

// Store is an open outbox. Its methods may be called from several goroutines.
type Store struct {
	path    string
	cfg     Config
	compact int64 // the size from which a file that is mostly free is written anew
	writes  *committer

	// mu guards what follows. Only the committer changes it, and Open before it.
	mu     sync.RWMutex
	db     *bbolt.DB // nil once closed, and while the file cannot be opened
	file   *os.File  // that of db
	ledger *ledger
	broken error // the file is read anew before the next commit; not nil where db is
	err    error // of the last write
	closed bool

	stuck bool // the committer's: a transaction of db could not be ended
}

// Open opens the store at path, and makes it, and its directory, if they are not
// there. The error is a *fault.NodeError; see ErrLocked, ErrNewer, ErrDamaged.
// The caller holds the lock of the state directory: two processes that make the
// same store at the same moment are not told apart.
func Open(path string, cfg Config) (*Store, error) {
	if cfg.AsItIs {
		return open(path, cfg, math.MaxInt64)
	}
	return open(path, cfg, sparse)
}

func open(path string, cfg Config, compact int64) (*Store, error) {
	if cfg.LockWait <= 0 {
		cfg.LockWait = 2 * time.Second
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 7 * 24 * time.Hour
	}
	s := &Store{path: path, cfg: cfg, compact: compact, ledger: newLedger()}
	if err := s.start(); err != nil {
		return nil, s.wrap(err)
	}
	failpoint.Synced(path)
	s.writes = newCommitter(s.commit)
	return s, nil
}

func (s *Store) start() error {
	if err := s.create(); err != nil {
		return err
	}
	if err := s.attach(); err != nil {
		return err
	}
	if s.isSparse() {
		// A disk too full for the copy is no reason not to start; Sweep tries again.
		_ = s.rewrite()
		if s.db == nil {
			return s.broken
		}
	}
	return nil
}

// Close waits for the writes in hand and closes the file. Further calls do
// nothing; other methods fail with ErrClosed.
func (s *Store) Close() error {
	s.writes.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.wrap(s.detach())
}

// Err is why the last write failed, or nil. While it is set no new work should
// be taken up. The next write that succeeds clears it; see Probe.
func (s *Store) Err() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.wrap(s.err)
}

// Stats is what a store holds.
type Stats struct {
	Begun   int       // jobs begun and not decided
	Waiting int       // outcomes to be delivered
	Parked  int       // outcomes that nobody took
	Bytes   int64     // of the bodies of both
	Oldest  time.Time // when the oldest of those that wait was decided; zero if none does
}

// Stats counts without looking at the disk.
func (s *Store) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.ledger
	return Stats{
		Begun:   len(l.all) - len(l.waiting) - l.parked,
		Waiting: len(l.waiting),
		Parked:  l.parked,
		Bytes:   l.bytes,
		Oldest:  l.waiting.first(),
	}
}

// view reads the file.
func (s *Store) view(f func(*bbolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.db == nil:
		return s.broken
	}
	return guard(func() error { return s.db.View(f) })
}

// commit writes what several callers want in one transaction, and tells each
// what came of it. What a caller may not do fails alone; what the disk does
// fails for all.
func (s *Store) commit(requests []*request) {
	err := s.heal()
	var b *batch
	if err == nil {
		b = &batch{ledger: s.ledger, changed: map[string]*Record{}}
		err = s.transact(b, requests)
	}
	s.mu.Lock()
	s.broken = err
	if err != nil || b.dirty { // what wrote nothing says nothing about the disk
		s.err = err
	}
	if err == nil {
		for _, r := range b.changed {
			s.ledger.set(r)
		}
	}
	s.mu.Unlock()
	if err == nil && b.sweep != nil && s.isSparse() {
		b.sweep.err = s.rewrite()
	}
	for _, r := range requests {
		if err != nil {
			r.err = err
		}
		close(r.done)
	}
}

func (s *Store) transact(b *batch, requests []*request) error {
	return guard(func() (err error) {
		tx, err := s.db.Begin(true)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDisk, err)
		}
		defer func() {
			s.stuck = true
			_ = tx.Rollback() // of what was not committed, for whatever reason
			s.stuck = false
		}()
		b.tx = tx
		for _, r := range requests {
			if r.err = r.apply(b); r.sweeps {
				b.sweep = r
			}
			if b.failed != nil {
				return b.failed
			}
		}
		if !b.dirty {
			return nil // nothing to wait for: what they found is on disk
		}
		if err := b.putTotals(); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("%w: %w", ErrDisk, err)
		}
		failpoint.Synced(s.path)
		return nil
	})
}
