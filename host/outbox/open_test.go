package outbox_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/outbox"
)

// fails opens what cannot be opened. The error is one of the family and names
// the file.
func fails(t *testing.T, path string, cause error, says string) {
	t.Helper()
	s, err := outbox.Open(path, outbox.Config{LockWait: 50 * time.Millisecond})
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	if e, ok := errors.AsType[fault.Error](err); !ok || e.CanRetry() != errors.Is(cause, outbox.ErrLocked) {
		t.Errorf("%v: not of the family, or CanRetry is wrong", err)
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("%v: not %v", err, cause)
	}
	if !strings.Contains(err.Error(), filepath.Dir(path)) || !strings.Contains(err.Error(), says) {
		t.Errorf("%v: it does not name the file, or does not say %q", err, says)
	}
}

func TestAnotherProcessHasItOpen(t *testing.T) {
	t.Parallel()
	path := storePath(t)
	s, err := outbox.Open(path, outbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	fails(t, path, outbox.ErrLocked, "another process")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openStore(t, path)
}

// edit changes a closed store behind its back.
func edit(t *testing.T, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestAFileOfAnotherVersion(t *testing.T) {
	t.Parallel()
	for version, cause := range map[uint32]error{0: outbox.ErrDamaged, 2: outbox.ErrNewer, 1 << 31: outbox.ErrNewer} {
		path := storePath(t)
		fill(t, path, 3)
		edit(t, path, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("format"), binary.BigEndian.AppendUint32(nil, version))
		})
		fails(t, path, cause, fmt.Sprint(version))
	}
}

func TestAFileThatIsNoOutbox(t *testing.T) {
	t.Parallel()
	path := storePath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("something else"))
		return err
	})
	fails(t, path, outbox.ErrDamaged, "it is no outbox")
	for name, content := range map[string]string{"empty": "", "text": strings.Repeat("text\n", 10_000)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { fails(t, path, outbox.ErrDamaged, "does not begin like") })
	}
}

// A record that vanished, or a body that is not the record's, is not passed over.
func TestNoRecordIsMissedSilently(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*bbolt.Tx) error{
		"a record is gone": func(tx *bbolt.Tx) error {
			return errors.Join(tx.Bucket([]byte("records")).Delete([]byte("job-1")), tx.Bucket([]byte("bodies")).Delete([]byte("job-1")))
		},
		"a body is gone": func(tx *bbolt.Tx) error { return tx.Bucket([]byte("bodies")).Delete([]byte("job-1")) },
		"a body is shorter": func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("bodies")).Put([]byte("job-1"), []byte("x"))
		},
		"a record under another name": func(tx *bbolt.Tx) error {
			records := tx.Bucket([]byte("records"))
			return records.Put([]byte("job-2"), append([]byte(nil), records.Get([]byte("job-1"))...))
		},
		"no totals": func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("totals")) },
		"no format": func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("format")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := storePath(t)
			fill(t, path, 3)
			edit(t, path, change)
			fails(t, path, outbox.ErrDamaged, "move it away")
		})
	}
}

// A body of the right length that is not the one decided is found on reading.
func TestABodyIsCheckedOnReading(t *testing.T) {
	t.Parallel()
	path := storePath(t)
	fill(t, path, 2)
	edit(t, path, func(tx *bbolt.Tx) error {
		bodies := tx.Bucket([]byte("bodies"))
		body := append([]byte(nil), bodies.Get([]byte("job-1"))...)
		body[len(body)/2] ^= 1
		return bodies.Put([]byte("job-1"), body)
	})
	s := openStore(t, path)
	if body, err := s.Body("job-1"); !errors.Is(err, outbox.ErrDamaged) || body != nil || !strings.Contains(err.Error(), "job-1") {
		t.Errorf("a body that was changed: %d bytes, %v", len(body), err)
	}
	if _, err := s.Body("job-0"); err != nil {
		t.Error(err)
	}
}

// fill makes a store with n decided jobs, job-0 and so on.
func fill(t testing.TB, path string, n int) {
	t.Helper()
	s, err := outbox.Open(path, outbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		id := fmt.Sprintf("job-%d", i)
		if _, err := s.Decide(t.Context(), completed(id, bodyOf(id))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// What an interrupted start or rewrite left beside the file is no harm.
func TestWhatLiesBeside(t *testing.T) {
	t.Parallel()
	path := storePath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(filepath.Dir(path), ".outbox.db.tmp")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	openStore(t, path)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left is still there: %v", err)
	}
}

func TestAClosedStore(t *testing.T) {
	t.Parallel()
	s, err := outbox.Open(storePath(t), outbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	reach(t, s, "job", outbox.Decided)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, get := s.Get("job")
	_, body := s.Body("job")
	_, sweep := s.Sweep(t.Context(), time.Now())
	for _, err := range []error{get, body, sweep, s.Published(t.Context(), "job"), s.Probe(t.Context())} {
		if !errors.Is(err, outbox.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// Due leaves out what is in hand, and says when it is worth to ask again.
func TestDue(t *testing.T) {
	t.Parallel()
	s := openStore(t, storePath(t))
	begin := time.Now().Truncate(time.Second)
	second := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Second) }
	for i, wait := range []int{30, 10, 20, 50, 40} {
		id := fmt.Sprintf("job-%d", i)
		reach(t, s, id, outbox.Decided)
		if err := s.Attempted(t.Context(), id, outbox.Try{Number: 1, Next: second(wait)}); err != nil {
			t.Fatal(err)
		}
	}
	inHand := func(id string) bool { return id == "job-2" || id == "job-4" }
	for _, tt := range []struct {
		after  int // seconds, as next
		n      int
		inHand func(string) bool
		want   string
		next   int
	}{
		{9, 9, nil, "", 10},
		{10, 9, nil, "job-1", 20},
		{30, 9, nil, "job-1 job-2 job-0", 40},
		{30, 2, nil, "job-1 job-2", 40},
		{30, 9, inHand, "job-1 job-0", 50},
		{60, 9, inHand, "job-1 job-0 job-3", 0},
	} {
		due, next := s.Due(second(tt.after), tt.n, tt.inHand)
		var ids []string
		for _, r := range due {
			ids = append(ids, r.JobID)
		}
		if strings.Join(ids, " ") != tt.want || next.IsZero() != (tt.next == 0) || tt.next != 0 && !next.Equal(second(tt.next)) {
			t.Errorf("due after %d s, at most %d: %v, next %s", tt.after, tt.n, ids, next)
		}
	}
}

// A page after the other, while jobs come and go, shows what stays once.
func TestList(t *testing.T) {
	t.Parallel()
	s := openStore(t, storePath(t))
	for i := range 10 {
		reach(t, s, fmt.Sprintf("job-%d", i), []outbox.State{outbox.Decided, outbox.Parked, outbox.Begun}[i%3])
	}
	f := outbox.Filter{States: []outbox.State{outbox.Decided, outbox.Parked}, Limit: 3}
	var got []string
	for n := 0; ; n++ {
		page, next := s.List(f)
		for _, r := range page {
			got = append(got, r.JobID)
		}
		if n == 0 { // the record that the cursor was made of goes
			if err := s.Delivered(t.Context(), "job-3"); err != nil {
				t.Fatal(err)
			}
			reach(t, s, "late", outbox.Parked)
		}
		if f.After = next; next == (outbox.Cursor{}) {
			break
		}
	}
	if want := "job-0 job-1 job-3 job-4 job-6 job-7 job-9 late"; strings.Join(got, " ") != want {
		t.Errorf("listed %v, want %s", got, want)
	}
	if page, next := s.List(outbox.Filter{}); len(page) != 10 || next != (outbox.Cursor{}) {
		t.Errorf("all of them: %d, %+v", len(page), next)
	}
}

// A file that grew is written anew once it holds little, and stays what it was.
func TestAFileThatIsMostlyFreeIsWrittenAnew(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"sweep", "open"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			path := storePath(t)
			s, err := outbox.OpenSmall(path, outbox.Config{}, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			for i := range 40 {
				id := fmt.Sprintf("job-%d", i)
				if _, err := s.Decide(ctx, completed(id, make([]byte, 100_000))); err != nil {
					t.Fatal(err)
				}
			}
			large := size(t, path)
			for i := range 39 {
				if err := s.Delivered(ctx, fmt.Sprintf("job-%d", i)); err != nil {
					t.Fatal(err)
				}
			}
			// The pages that became free are used again: as much once more does not grow it.
			for i := range 30 {
				id := fmt.Sprintf("more-%d", i)
				if _, err := s.Decide(ctx, completed(id, make([]byte, 100_000))); err != nil {
					t.Fatal(err)
				}
				if err := s.Delivered(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
			if got := size(t, path); got > large+large/4 {
				t.Errorf("it grew from %d to %d bytes, and holds one body", large, got)
			}
			if at == "sweep" {
				if _, err := s.Sweep(ctx, time.Now()); err != nil {
					t.Fatal(err)
				}
			} else {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = outbox.OpenSmall(path, outbox.Config{}, 1<<20); err != nil {
					t.Fatal(err)
				}
			}
			defer s.Close()
			if got := size(t, path); got > 1<<20 {
				t.Errorf("it still has %d bytes (%d before)", got, large)
			}
			if body, err := s.Body("job-39"); err != nil || len(body) != 100_000 {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			if r, err := s.Get("more-29"); err != nil || r.State != outbox.Delivered {
				t.Errorf("%+v, %v", r, err)
			}
			if err := s.Delivered(ctx, "job-39"); err != nil {
				t.Error(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestFree(t *testing.T) {
	t.Parallel()
	percent, err := outbox.Free(t.TempDir())
	if err != nil || percent <= 0 || percent > 100 {
		t.Errorf("%v %% are free, %v", percent, err)
	}
	if _, err := outbox.Free(filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
}
