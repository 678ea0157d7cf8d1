package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/outbox"
)

var all = []outbox.State{outbox.Absent, outbox.Begun, outbox.Decided, outbox.Published, outbox.Parked, outbox.Delivered, outbox.Dropped}

// reach brings a job into a state.
func reach(t *testing.T, s *outbox.Store, id string, state outbox.State) {
	t.Helper()
	ctx := t.Context()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if state == outbox.Absent {
		return
	}
	_, err := s.Begin(ctx, outbox.Attempt{JobID: id, MessageID: "1-0"})
	do(err)
	if state == outbox.Begun {
		return
	}
	_, err = s.Decide(ctx, completed(id, []byte("body")))
	do(err)
	switch state {
	case outbox.Published:
		do(s.Published(ctx, id))
	case outbox.Parked:
		do(s.Park(ctx, id, "HTTP 410"))
	case outbox.Delivered:
		do(s.Delivered(ctx, id))
	case outbox.Dropped:
		do(s.Park(ctx, id, "HTTP 410"))
		do(s.Drop(ctx, id))
	}
}

// Every verb in every state, against a table that was written by hand: the state
// that follows, "." where it is illegal, "?" where the job is unknown.
func TestEveryVerbInEveryState(t *testing.T) {
	t.Parallel()
	table := []struct {
		verb    string
		do      func(ctx context.Context, s *outbox.Store, id string) error
		follows [7]string // after absent, begun, decided, published, parked, delivered, dropped
	}{
		{"begin", func(ctx context.Context, s *outbox.Store, id string) error {
			_, err := s.Begin(ctx, outbox.Attempt{JobID: id, MessageID: "2-0"})
			return err
		}, [7]string{"begun", "begun", ".", ".", ".", ".", "."}},
		{"decide", func(ctx context.Context, s *outbox.Store, id string) error {
			_, err := s.Decide(ctx, failed(id, "no"))
			return err
		}, [7]string{"decided", "decided", "decided", "published", "parked", "delivered", "dropped"}},
		{"adopt another", func(ctx context.Context, s *outbox.Store, id string) error {
			_, err := s.Adopt(ctx, failed(id, "no"))
			return err
		}, [7]string{"published", "published", "published", ".", ".", ".", "."}},
		{"adopt the same", func(ctx context.Context, s *outbox.Store, id string) error {
			_, err := s.Adopt(ctx, completed(id, []byte("body")))
			return err
		}, [7]string{"published", "published", "published", "published", ".", ".", "."}},
		{"published", func(ctx context.Context, s *outbox.Store, id string) error {
			return s.Published(ctx, id)
		}, [7]string{"?", ".", "published", "published", "parked", "delivered", "dropped"}},
		{"attempted", func(ctx context.Context, s *outbox.Store, id string) error {
			return s.Attempted(ctx, id, outbox.Try{Number: 1, Next: time.Now().Add(time.Second), Error: "HTTP 503"})
		}, [7]string{"?", ".", "decided", "published", ".", ".", "."}},
		{"delivered", func(ctx context.Context, s *outbox.Store, id string) error {
			return s.Delivered(ctx, id)
		}, [7]string{"?", ".", "delivered", "delivered", ".", "delivered", "."}},
		{"park", func(ctx context.Context, s *outbox.Store, id string) error {
			return s.Park(ctx, id, "HTTP 422")
		}, [7]string{"?", ".", "parked", "parked", "parked", ".", "."}},
		{"retry", func(ctx context.Context, s *outbox.Store, id string) error {
			return s.Retry(ctx, id)
		}, [7]string{"?", ".", "decided", "published", "decided", ".", "."}},
		{"drop", func(ctx context.Context, s *outbox.Store, id string) error {
			return s.Drop(ctx, id)
		}, [7]string{"?", ".", ".", ".", "dropped", ".", "dropped"}},
	}
	path := storePath(t)
	s, err := outbox.Open(path, outbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]outbox.Record{}
	for _, row := range table {
		for i, state := range all {
			id := fmt.Sprintf("%s after %s", row.verb, state)
			reach(t, s, id, state)
			before, _ := s.Get(id)
			err := row.do(t.Context(), s, id)
			after, getErr := s.Get(id)
			switch follows := row.follows[i]; {
			case follows == "?":
				if !errors.Is(err, outbox.ErrUnknown) || !errors.Is(getErr, outbox.ErrUnknown) {
					t.Errorf("%s: error %v, then %v", id, err, getErr)
				}
			case follows == ".":
				if !errors.Is(err, outbox.ErrIllegal) || !same(before, after) {
					t.Errorf("%s: error %v, and %+v became %+v", id, err, before, after)
				}
				if e, ok := errors.AsType[*fault.NodeError](err); !ok || e.CanRetry() {
					t.Errorf("%s: %v is no lasting NodeError", id, err)
				}
			case err != nil || getErr != nil || after.State.String() != follows:
				t.Errorf("%s: it is %s, want %s (%v, %v)", id, after.State, follows, err, getErr)
			}
			if getErr == nil {
				want[id] = after
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path)
	for id, record := range want {
		if got, err := s.Get(id); err != nil || !same(got, record) {
			t.Errorf("%s: reopened as %+v (%v), want %+v", id, got, err, record)
		}
	}
}

func TestFailedNeverReplacesCompleted(t *testing.T) {
	t.Parallel()
	s := openStore(t, storePath(t))
	first, err := s.Decide(t.Context(), completed("job", []byte("counts")))
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Decide(t.Context(), failed("job", "the executor was lost"))
	if err != nil || !same(first, second) || second.Kind != outbox.Completed {
		t.Errorf("the second decision got %+v (%v), want the first, %+v", second, err, first)
	}
	if body, err := s.Body("job"); err != nil || string(body) != "counts" {
		t.Errorf("body %q, %v", body, err)
	}
}

// A decision of ours that nobody knows gives way to the published one, body and
// all; one that may have been posted does not.
func TestAdopt(t *testing.T) {
	t.Parallel()
	s := openStore(t, storePath(t))
	ctx := t.Context()
	for _, theirs := range []outbox.Decision{
		failed("to a failure", "no"),
		completed("to a longer one", bytes.Repeat([]byte("x"), 20_000)),
		{JobID: "to a cancellation", MessageID: "1-0", Kind: outbox.Cancelled},
	} {
		if _, err := s.Decide(ctx, completed(theirs.JobID, []byte("ours"))); err != nil {
			t.Fatal(err)
		}
		r, err := s.Adopt(ctx, theirs)
		if err != nil || r.State != outbox.Published || r.Kind != theirs.Kind || r.Failure != theirs.Failure {
			t.Errorf("%s: %+v, %v", theirs.JobID, r, err)
		}
		body, err := s.Body(theirs.JobID)
		if (err == nil) != (theirs.Kind != outbox.Cancelled) || !bytes.Equal(body, theirs.Body) {
			t.Errorf("%s: body of %d bytes, %v", theirs.JobID, len(body), err)
		}
	}
	if _, err := s.Decide(ctx, completed("posted", []byte("ours"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Attempted(ctx, "posted", outbox.Try{Number: 1, Next: time.Now(), Error: "EOF"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Adopt(ctx, failed("posted", "no")); !errors.Is(err, outbox.ErrIllegal) {
		t.Errorf("a decision that was posted was replaced: %v", err)
	}
	if want := int64(len(failed("", "no").Body) + 20_000 + len("ours")); s.Stats().Bytes != want {
		t.Errorf("%d bytes are held, want %d", s.Stats().Bytes, want)
	}
}

// What was parked after it was published goes back to there, with a new schedule.
func TestRetryBeginsANewSchedule(t *testing.T) {
	t.Parallel()
	s := openStore(t, storePath(t))
	ctx := t.Context()
	reach(t, s, "job", outbox.Published)
	for n := 1; n <= 5; n++ {
		try := outbox.Try{Number: n, Rejected: n > 3, Next: time.Now().Add(time.Hour), Error: "HTTP 422"}
		if err := errors.Join(s.Attempted(ctx, "job", try), s.Attempted(ctx, "job", try)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Attempted(ctx, "job", outbox.Try{Number: 7}); !errors.Is(err, outbox.ErrIllegal) {
		t.Errorf("a try was left out: %v", err)
	}
	if err := s.Attempted(ctx, "job", outbox.Try{Number: 4}); !errors.Is(err, outbox.ErrIllegal) {
		t.Errorf("a try came late: %v", err)
	}
	if err := s.Park(ctx, "job", "HTTP 422"); err != nil {
		t.Fatal(err)
	}
	if due, next := s.Due(time.Now().Add(24*time.Hour), 10, nil); len(due) != 0 || !next.IsZero() {
		t.Errorf("what is parked is due: %v, %v", due, next)
	}
	parked, err := s.Get("job")
	if err != nil || parked.Tries != 5 || parked.Rejections != 2 || parked.LastError != "HTTP 422" || parked.Ended.IsZero() {
		t.Errorf("parked: %+v, %v", parked, err)
	}
	if err := s.Retry(ctx, "job"); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get("job")
	if err != nil || r.State != outbox.Published || r.Tries+r.Rejections != 0 || !r.Ended.IsZero() ||
		!r.Scheduled.After(parked.Scheduled) || !r.Due.Equal(r.Scheduled) || !r.Decided.Equal(parked.Decided) {
		t.Errorf("after Retry: %+v, %v", r, err)
	}
	if body, err := s.Body("job"); err != nil || string(body) != "body" {
		t.Errorf("body %q, %v", body, err)
	}
}

func TestWhatCannotBeKept(t *testing.T) {
	t.Parallel()
	s := openStore(t, storePath(t))
	ctx := t.Context()
	long := string(make([]byte, 1<<16+1))
	decision := func(edit func(*outbox.Decision)) outbox.Decision {
		d := completed("job", []byte("body"))
		edit(&d)
		return d
	}
	for name, d := range map[string]outbox.Decision{
		"no job":              decision(func(d *outbox.Decision) { d.JobID = "" }),
		"a long job id":       decision(func(d *outbox.Decision) { d.JobID = string(make([]byte, 1025)) }),
		"a long message id":   decision(func(d *outbox.Decision) { d.MessageID = long }),
		"a long URL":          decision(func(d *outbox.Decision) { d.URL = long }),
		"a long provenance":   decision(func(d *outbox.Decision) { d.Provenance = map[string]string{"key": long} }),
		"no kind":             decision(func(d *outbox.Decision) { d.Kind = 0 }),
		"an unknown kind":     decision(func(d *outbox.Decision) { d.Kind = 4 }),
		"no body":             decision(func(d *outbox.Decision) { d.Body = nil }),
		"a cancelled body":    decision(func(d *outbox.Decision) { d.Kind = outbox.Cancelled }),
		"a failure too wordy": decision(func(d *outbox.Decision) { d.Failure = long }),
	} {
		_, err := s.Decide(ctx, d)
		_, err2 := s.Adopt(ctx, d)
		if !errors.Is(err, outbox.ErrInvalid) || !errors.Is(err2, outbox.ErrInvalid) {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
	}
	if _, err := s.Begin(ctx, outbox.Attempt{JobID: ""}); !errors.Is(err, outbox.ErrInvalid) {
		t.Errorf("an attempt at no job: %v", err)
	}
	if stats := s.Stats(); stats != (outbox.Stats{}) {
		t.Errorf("something was kept: %+v", stats)
	}
	if err := s.Err(); err != nil {
		t.Errorf("the store is out of order: %v", err)
	}
}

// same compares records as a whole.
func same(a, b outbox.Record) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) }
