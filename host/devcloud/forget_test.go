package devcloud

import (
	"fmt"
	"testing"
)

// A cloud that stays up for days must not keep every result, and must not lose
// a job that somebody may still wait for.
func TestFinishedJobsAreForgotten(t *testing.T) {
	t.Parallel()
	j := newJobs()
	finish := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			id := fmt.Sprint(i)
			if err := j.add(id, "q"); err != nil {
				t.Fatal(err)
			}
			if v, err := j.deliver(id, "q", "completed", []byte("{}")); v != first || err != nil {
				t.Fatalf("%v, %v", v, err)
			}
		}
	}
	finish(0, maxJobs)
	finish(maxJobs, maxJobs+10)
	if _, ok := j.get("9"); ok || len(j.records) != maxJobs {
		t.Errorf("%d jobs are kept, the oldest still among them: %v", len(j.records), ok)
	}
	if err := j.add("waiting", "q"); err != nil {
		t.Fatal(err)
	}
	finish(maxJobs+10, 2*maxJobs+20)
	if _, ok := j.get("waiting"); !ok {
		t.Error("a job without an outcome was forgotten")
	}
	if stats := j.counts(); stats.Delivered != 2*maxJobs+20 {
		t.Errorf("%d delivered", stats.Delivered)
	}
}
