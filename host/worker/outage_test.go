package worker_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/worker"
)

// However long Redis was away, a job goes on within a second of its return; and
// while it is away nothing asks for it again and again.
func TestRedisGoesAndComes(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	var away atomic.Bool
	away.Store(true)
	f.down = away.Load
	f.post = func(_, _ string) error { away.Store(true); return nil } // just before the last write
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) {
		time.Sleep(time.Hour)
		away.Store(false)
		time.Sleep(1100 * time.Millisecond)
		if f.count("post a") != 1 || f.count("completed a") != 0 {
			t.Errorf("journal %q", f.entries())
		}
		time.Sleep(time.Hour)
		away.Store(false)
		time.Sleep(1100 * time.Millisecond)
		if f.count("run a") != 1 || f.count("completed a") != 1 {
			t.Errorf("journal %q", f.entries())
		}
	})
	if n := f.asked(); n > 5 {
		t.Errorf("Redis was asked %d times while it was away", n)
	}
}

func TestARefusalIsAskedAgainEverMoreSeldom(t *testing.T) {
	t.Parallel()
	f := newFake()
	var refused atomic.Bool
	refused.Store(true)
	f.down, f.refuses = refused.Load, true
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) {
		time.Sleep(time.Hour)
		// 1, 2, 4 … 60 s apart: 6 in the first minute, then 50 to 75 an hour.
		if n := f.asked(); n < 54 || n > 82 {
			t.Errorf("asked %d times in an hour", n)
		}
		refused.Store(false)
		f.add(message("a"))
		time.Sleep(72 * time.Second)
	})
	if f.count("completed a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}

func TestLostRepliesAreFound(t *testing.T) {
	t.Parallel()
	f := newFake(message("in hand"))
	f.run = func(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
		if job.ID == "in hand" {
			time.Sleep(10 * time.Second)
		}
		return &abi.Execution{}, nil
	}
	f.strayed = []worker.Message{message("in hand"), message("stray")}
	var away atomic.Bool
	f.down = away.Load
	drive(t, f, 2, func(t *testing.T, _ *worker.Worker) {
		time.Sleep(6 * time.Second) // a claim has returned with nothing
		if f.count("run stray") != 1 {
			t.Errorf("at the start: journal %q", f.entries())
		}
		f.mu.Lock()
		f.strayed = []worker.Message{message("lost")}
		f.mu.Unlock()
		away.Store(true)
		time.Sleep(6 * time.Second)
		away.Store(false)
		time.Sleep(1100 * time.Millisecond)
		if f.count("run lost") != 1 {
			t.Errorf("after the outage: journal %q", f.entries())
		}
	})
	if f.count("run in hand") != 1 || f.count("run stray") != 1 || f.count("run lost") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}

// A read that broke off may go on waiting at the server, which then gives it what
// arrives.
func TestRepliesAreLostAfterAnOutageToo(t *testing.T) {
	t.Parallel()
	f := newFake()
	var away atomic.Bool
	f.down = away.Load
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) {
		time.Sleep(time.Minute)
		away.Store(true)
		for f.asked() == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		failed := time.Now()
		away.Store(false)
		for _, at := range []time.Duration{2 * time.Second, 4900 * time.Millisecond} {
			time.Sleep(at - time.Since(failed))
			lost := message(at.String())
			f.mu.Lock()
			f.strayed = []worker.Message{lost}
			f.mu.Unlock()
			for f.count("run "+lost.JobID) == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			if after := time.Since(failed) - at; after > 600*time.Millisecond {
				t.Errorf("it was found %s after it was lost", after)
			}
		}
	})
}

// A hundred messages may be more than can be read in time, where one is not.
func TestLessIsAskedForAfterAFailure(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.batch, f.most = together, 10
	for i := range 100 {
		f.waiting = append(f.waiting, message(strconv.Itoa(i)))
	}
	drive(t, f, 1, func(*testing.T, *worker.Worker) { time.Sleep(5 * time.Minute) })
	for i := range 100 {
		if f.count("completed "+strconv.Itoa(i)) != 1 {
			t.Errorf("job %d is not completed once", i)
		}
	}
}

// After an outage a node renews its leases at once, and leaves its peers the
// time to do so.
func TestLeasesComeFirstAfterAnOutage(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
		time.Sleep(10 * time.Minute)
		return &abi.Execution{}, nil
	}
	var away atomic.Bool
	f.down = away.Load
	drive(t, f, 2, func(t *testing.T, _ *worker.Worker) {
		time.Sleep(time.Minute)
		away.Store(true)
		time.Sleep(2*time.Minute + 7*time.Second)
		f.mu.Lock()
		f.reclaimed = nil
		f.mu.Unlock()
		back := time.Now()
		away.Store(false)
		time.Sleep(1100 * time.Millisecond)
		f.mu.Lock()
		if f.renewed.Before(back) {
			t.Errorf("the leases were not renewed %s after the outage", time.Since(back))
		}
		f.mu.Unlock()
		time.Sleep(2 * time.Minute)
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.reclaimed) == 0 || f.reclaimed[0].Sub(back) < 30*time.Second {
			t.Errorf("others' messages were claimed %v after %s", f.reclaimed, back)
		}
	})
	if f.count("run a") != 1 || f.count("completed a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}
