package worker_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/worker"
)

// denying refuses some things for want of a right, whatever the job or about one.
func denying(whats ...string) func(string) error {
	return func(what string) error {
		word, _, _ := strings.Cut(what, " ")
		if slices.Contains(whats, what) || slices.Contains(whats, word) {
			return errRefused
		}
		return nil
	}
}

// until is deny for as long as it is not lifted.
func until(lifted *atomic.Bool, deny func(string) error) func(string) error {
	return func(what string) error {
		if lifted.Load() {
			return nil
		}
		return deny(what)
	}
}

// saysRefused checks what the worker says of Redis: all of the words, or nothing.
func saysRefused(t *testing.T, w *worker.Worker, words ...string) {
	t.Helper()
	got := w.Refused()
	if (got == "") != (len(words) == 0) {
		t.Errorf("what Redis refuses: %q, want %q", got, words)
	}
	for _, word := range words {
		if !strings.Contains(got, word) {
			t.Errorf("what Redis refuses: %q does not say %q", got, word)
		}
	}
}

// One message that Redis lets nobody bury keeps no other from its execution. It
// stays pending, is tried ever more seldom, and is buried once it may be.
func TestARefusedMessageHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]worker.Message{
		"that names no job": {ID: "7-0"},
		"that was parked":   {ID: "7-0", JobID: "parked"},
		"that is spent":     {ID: "7-0", JobID: "spent", CallbackURL: "https://example.com/hook", IR: ir, Shots: "10"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mended atomic.Bool
			d := newDisk()
			d.held["parked"] = &worker.Held{JobID: "parked", Parked: true, Decision: &worker.Decision{Body: []byte("x")}}
			f := newFake(message("a"))
			f.store, f.strayed, f.deny = d, []worker.Message{bad}, until(&mended, denying("buried", "copied"))
			f.charged["spent"] = 3
			f.post = func(_, jobID string) error {
				if jobID == "spent" {
					time.Sleep(90 * time.Second)
				}
				return nil
			}
			drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
				time.Sleep(time.Second)
				if f.count("completed a") != 1 {
					t.Errorf("the next job waits: journal %q", f.entries())
				}
				if bad.JobID == "spent" { // the copy is for the operator; the cloud is told all the same
					time.Sleep(time.Minute)
					saysRefused(t, w)
					time.Sleep(time.Minute)
					if f.count("failed spent") != 1 {
						t.Errorf("journal %q", f.entries())
					}
					return
				}
				saysRefused(t, w)
				time.Sleep(10 * time.Second)
				saysRefused(t, w, "message 7-0", "is ", "no permission", "since 2000-01-01T00:00")
				time.Sleep(24 * time.Hour)
				// 4 at first, 5 in the first half an hour, and then one in 8 to 10 minutes and a sweep.
				if n := f.refusals("buried"); n < 100 || n > 200 {
					t.Errorf("asked %d times in a day", n)
				}
				mended.Store(true)
				time.Sleep(13 * time.Minute)
				saysRefused(t, w)
			})
			if n := len(f.strayed); n != 0 && bad.JobID != "spent" {
				t.Errorf("journal %q", f.entries())
			}
		})
	}
}

// Where no job can be taken up, as in a cluster, the node says so, and does not
// gather the whole queue. All of it runs once it may.
func TestNothingCanBeTakenUp(t *testing.T) {
	t.Parallel()
	const jobs = 1000
	var mended atomic.Bool
	f := newFake()
	for i := range jobs {
		f.waiting = append(f.waiting, message(strconv.Itoa(i)))
	}
	f.strayed = []worker.Message{message("x"), message("y"), message("z")}
	f.deny = until(&mended, denying("begin"))
	drive(t, f, 2, func(t *testing.T, w *worker.Worker) {
		time.Sleep(10 * time.Hour)
		saysRefused(t, w, "is taken up", "no permission")
		f.mu.Lock()
		if n := jobs - len(f.waiting); n < 50 || n > 100 { // one in 8 to 10 minutes, in the end
			t.Errorf("%d messages were claimed in 10 hours", n)
		}
		f.mu.Unlock()
		mended.Store(true)
		time.Sleep(30 * time.Minute)
		for _, id := range []string{"x", "y", "z", strconv.Itoa(jobs - 1)} {
			if f.count("completed "+id) != 1 {
				t.Errorf("%s is completed %d times", id, f.count("completed "+id))
			}
		}
		saysRefused(t, w)
	})
}

// One message that cannot be taken up counts once, however often it is tried: it says
// nothing about those that come.
func TestARefusedMessageMakesNobodyWary(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.strayed, f.deny = []worker.Message{message("bad")}, denying("begin bad")
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(3 * time.Hour)
		saysRefused(t, w, "message 1-bad is taken up")
		f.add(message("good"))
		time.Sleep(time.Second)
		if f.count("completed good") != 1 {
			t.Errorf("the next job waits: journal %q", f.entries())
		}
	})
}

// While nothing can be taken up the node does not seem ready between two tries, though
// they be as far apart as they can: what is due just after a sweep waits for the next.
func TestARefusalIsNotForgottenBetweenTries(t *testing.T) {
	t.Parallel()
	f := newFake()
	for i := range 10 {
		f.strayed = append(f.strayed, message(strconv.Itoa(i)))
	}
	f.deny = denying("begin")
	var drawn atomic.Int32
	f.random = func() float64 { // a message's time, then that of a sweep just before it, and of the next
		return []float64{0.99, 0.47, 0.99}[drawn.Add(1)%3]
	}
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(time.Hour)
		f.mu.Lock()
		f.strayed = f.strayed[:1] // the others are settled elsewhere
		f.mu.Unlock()
		for range 24 * 60 * 60 {
			if time.Sleep(time.Second); w.Refused() == "" {
				t.Errorf("it seems ready at %s", time.Now())
				return
			}
		}
	})
}

// An outcome that was delivered and cannot be recorded is posted no second time, and
// its message is no peer's meanwhile: no other node may know what was decided.
func TestAnEndThatIsRefused(t *testing.T) {
	t.Parallel()
	var mended atomic.Bool
	f := newFake()
	f.store, f.strayed = newDisk(), []worker.Message{message("a")}
	f.deny = until(&mended, denying("publish", "completed"))
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		for range 12 {
			time.Sleep(10 * time.Minute)
			f.mu.Lock()
			if time.Since(f.renewed) > 20*time.Second || !slices.Contains(f.extended, "1-a") {
				t.Errorf("at %s the lease is renewed of %v, at %s", time.Now(), f.extended, f.renewed)
			}
			f.mu.Unlock()
		}
		saysRefused(t, w, "message 1-a is completed")
		mended.Store(true)
		time.Sleep(13 * time.Minute)
		saysRefused(t, w)
		time.Sleep(time.Minute)
		f.mu.Lock()
		if time.Since(f.renewed) < 30*time.Second {
			t.Errorf("the lease of %v is still renewed", f.extended)
		}
		f.mu.Unlock()
	})
	if f.count("run a") != 1 || f.count("post a") != 1 || f.count("completed a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}

// What the operator dropped and Redis lets nobody bury is no peer's either: it would
// deliver the outcome after all, or run the job again.
func TestADroppedJobThatIsRefused(t *testing.T) {
	t.Parallel()
	d := newDisk()
	d.held["a"] = &worker.Held{JobID: "a", Dropped: true}
	f := newFake()
	f.store, f.strayed, f.deny = d, []worker.Message{message("a")}, denying("buried")
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(time.Hour)
		saysRefused(t, w, "message 1-a is buried")
		f.mu.Lock()
		defer f.mu.Unlock()
		if time.Since(f.renewed) > 20*time.Second || !slices.Contains(f.extended, "1-a") {
			t.Errorf("at %s the lease is renewed of %v, at %s", time.Now(), f.extended, f.renewed)
		}
	})
}

// A further start that cannot be counted is not made; the message comes again.
func TestAStartThatCannotBeCounted(t *testing.T) {
	t.Parallel()
	f := newFake(message("b"))
	f.strayed, f.deny = []worker.Message{message("a")}, denying("charge")
	f.run = func(_ context.Context, job *abi.Job) (*abi.Execution, error) {
		if job.ID == "a" {
			return nil, &fault.ExecutorError{Executor: "e", Cause: fault.Unavailable, Reason: "why"}
		}
		return &abi.Execution{}, nil
	}
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(30 * time.Second)
		if f.count("run a") != 1 || f.count("completed b") != 1 {
			t.Errorf("journal %q", f.entries())
		}
		saysRefused(t, w, "is started again")
		time.Sleep(10 * time.Minute)
	})
	if f.count("run a") != 3 || f.count("failed a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}

// Where a node may not look after its earlier boots it takes jobs all the same.
func TestEarlierBootsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	f.deny = denying("inherit", "retire")
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(10 * time.Second)
		saysRefused(t, w)
	})
	if f.count("completed a") != 1 || f.refusals("inherit") != 1 || f.refusals("retire") != 1 {
		t.Errorf("journal %q, refused %v", f.entries(), f.denied)
	}
}

// A server that refuses scripts hands out nothing, and is well all the same: the node
// says so for as long as it lasts.
func TestNothingIsHandedOut(t *testing.T) {
	t.Parallel()
	var mended atomic.Bool
	f := newFake(message("a"))
	f.deny = until(&mended, denying("inherit", "retire", "strays"))
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		for range 100 {
			time.Sleep(97 * time.Second)
			saysRefused(t, w, "a message is claimed", "since 2000-01-01T00:00:00Z")
		}
		mended.Store(true)
		time.Sleep(73 * time.Second)
		saysRefused(t, w)
	})
	if f.count("completed a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}

// Whether Redis takes decisions by now is asked every ten minutes.
func TestANodeIsNotAloneForEver(t *testing.T) {
	t.Parallel()
	var mended atomic.Bool
	f := newFake(message("a"))
	f.store, f.deny = newDisk(), until(&mended, denying("publish"))
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(time.Second)
		if f.count("completed a") != 1 || !strings.Contains(w.Alone(), "no permission") {
			t.Errorf("alone: %q; journal %q", w.Alone(), f.entries())
		}
		time.Sleep(10 * time.Minute)
		f.add(message("b"))
		time.Sleep(time.Second)
		if f.refusals("publish") != 2 || w.Alone() == "" {
			t.Errorf("asked %d times; alone: %q", f.refusals("publish"), w.Alone())
		}
		mended.Store(true)
		time.Sleep(9 * time.Minute)
		f.add(message("c"))
		time.Sleep(2 * time.Minute)
		f.add(message("d"))
		time.Sleep(time.Second)
		saysRefused(t, w)
		if w.Alone() != "" {
			t.Errorf("alone: %q", w.Alone())
		}
	})
	for _, id := range []string{"a", "b", "c", "d"} {
		if f.count("completed "+id) != 1 || (f.published[id] != nil) != (id == "d") {
			t.Errorf("%s: published %v; journal %q", id, f.published[id], f.entries())
		}
	}
}

// A decision whose key is of another kind is delivered from the disk. It says
// nothing about others.
func TestOneDecisionThatIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	var another atomic.Bool
	f.store, f.deny = newDisk(), until(&another, func(what string) error {
		if what == "publish" {
			return errors.New("WRONGTYPE Operation against a key holding the wrong kind of value")
		}
		return nil
	})
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(10 * time.Second)
		another.Store(true)
		f.add(message("b"))
		time.Sleep(time.Second)
		if w.Alone() != "" {
			t.Errorf("alone: %q", w.Alone())
		}
	})
	for _, id := range []string{"a", "b"} {
		if f.count("completed "+id) != 1 || (f.published[id] != nil) != (id == "b") {
			t.Errorf("%s: published %v; journal %q", id, f.published[id], f.entries())
		}
	}
}

// Commands that go unanswered, without an outage, as while a large answer takes up the
// line, are no refusal: a decision that Redis may not know is not sent.
func TestSilenceIsNoRefusal(t *testing.T) {
	t.Parallel()
	var silent atomic.Bool
	f := newFake(message("a"))
	f.store, f.down, f.refuses = newDisk(), silent.Load, true
	f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
		silent.Store(true)
		return &abi.Execution{}, nil
	}
	f.post = func(_, _ string) error { silent.Store(true); return nil }
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		for range 2 {
			time.Sleep(10 * time.Minute)
			saysRefused(t, w)
			silent.Store(false)
			time.Sleep(73 * time.Second)
		}
	})
	if want := []string{"run a", "post a", "completed a"}; !slices.Equal(f.entries(), want) || f.published["a"] == nil {
		t.Errorf("journal %q", f.entries())
	}
}

// A failure too long to be kept is kept in short; the cloud has all of it.
func TestALongFailure(t *testing.T) {
	t.Parallel()
	d := newDisk()
	f := newFake(message("a"))
	f.store = d
	f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
		return nil, errors.New(strings.Repeat("ä", 50_000))
	}
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) { time.Sleep(time.Second) })
	h, _ := d.Find("a")
	if n := len(h.Decision.Failure); n != worker.MaxText || len(f.bodies[0]) < 100_000 {
		t.Errorf("kept %d bytes, posted %d", n, len(f.bodies[0]))
	}
}
