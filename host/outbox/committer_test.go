package outbox

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slow is a commit that takes a second, and notes the size of each group.
type slow struct{ groups []int }

func (s *slow) commit(group []*request) {
	time.Sleep(time.Second)
	s.groups = append(s.groups, len(group))
	for _, r := range group {
		r.err = r.apply(nil)
		close(r.done)
	}
}

func succeed(*batch) error { return nil }

// What is queued while a group is being synced is the next group: two waits for
// the disk, however many callers.
func TestWhatGathersIsOneCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		c := newCommitter(s.commit)
		begin := time.Now()
		lone := make(chan error)
		go func() { lone <- c.do(t.Context(), &request{apply: succeed}) }()
		synctest.Wait()
		others := make(chan error)
		for range 50 {
			go func() { others <- c.do(t.Context(), &request{apply: succeed}) }()
		}
		if err := <-lone; err != nil || time.Since(begin) != time.Second {
			t.Errorf("a lone write took %s: %v", time.Since(begin), err)
		}
		for range 50 {
			if err := <-others; err != nil || time.Since(begin) != 2*time.Second {
				t.Errorf("the others took %s: %v", time.Since(begin), err)
			}
		}
		c.close()
		if len(s.groups) != 2 || s.groups[1] != 50 {
			t.Errorf("groups of %v, want 1 and 50", s.groups)
		}
	})
}

func TestAGroupHasABound(t *testing.T) {
	t.Parallel()
	c := &committer{wake: make(chan struct{}, 1)}
	for _, size := range []int{maxGroup + 1, maxGroup - 2, 1, 1, 1} {
		c.push(&request{size: size})
	}
	var got []int
	for {
		group, _ := c.gather()
		if len(group) == 0 {
			break
		}
		got = append(got, len(group))
	}
	if len(got) != 3 || got[0] != 1 || got[1] != 3 || got[2] != 1 {
		t.Errorf("groups of %v, want 1, 3 and 1", got)
	}
}

// A context that ends leaves no doubt: either its error is returned and nothing
// is written, or the outcome of the write is.
func TestNoDoubtAfterCancellation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		c := newCommitter(s.commit)
		applied := map[string]bool{}
		do := func(ctx context.Context, name string) chan error {
			result := make(chan error, 1)
			go func() {
				result <- c.do(ctx, &request{apply: func(*batch) error { applied[name] = true; return nil }})
			}()
			synctest.Wait()
			return result
		}
		stop := errors.New("the node stops")
		ctx, cancel := context.WithCancelCause(t.Context())
		committing, waiting, other := do(ctx, "committing"), do(ctx, "waiting"), do(t.Context(), "other")
		cancel(stop)
		synctest.Wait()
		select {
		case err := <-waiting:
			if !errors.Is(err, stop) {
				t.Errorf("what waited: %v", err)
			}
		default:
			t.Error("what waited is not taken back")
		}
		if err := <-committing; err != nil {
			t.Errorf("what was being written: %v", err)
		}
		if err := <-other; err != nil {
			t.Errorf("what others wrote: %v", err)
		}
		if err := <-do(ctx, "late"); !errors.Is(err, stop) {
			t.Errorf("what came later: %v", err)
		}
		c.close()
		if !applied["committing"] || !applied["other"] || applied["waiting"] || applied["late"] {
			t.Errorf("written: %v", applied)
		}
	})
}

// Close finishes what was let in, and lets in nothing more.
func TestCloseFinishesWhatIsQueued(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		c := newCommitter(s.commit)
		results := make(chan error, 2)
		for range 2 {
			go func() { results <- c.do(t.Context(), &request{apply: succeed}) }()
			synctest.Wait()
		}
		go c.close()
		synctest.Wait()
		if err := c.do(t.Context(), &request{apply: succeed}); !errors.Is(err, ErrClosed) {
			t.Errorf("a write after Close: %v", err)
		}
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		c.close()
	})
}
