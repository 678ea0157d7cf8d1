package worker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/worker"
)

// line is a way to the cloud that a test takes down and brings up.
type line struct {
	mu       sync.Mutex
	up, down chan struct{}
}

// lineThatIs gives the worker a line.
func (f *fake) lineThatIs(up bool) *line {
	l := new(line)
	f.line = func() worker.Line { // its channels are the bubble's own
		l.up, l.down = make(chan struct{}), make(chan struct{})
		if up {
			close(l.up)
		} else {
			close(l.down)
		}
		return l
	}
	return l
}

func (l *line) set(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if up {
		l.down = make(chan struct{})
		close(l.up)
	} else {
		l.up = make(chan struct{})
		close(l.down)
	}
}

func (l *line) Up() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up
}

func (l *line) Down() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

func TestNothingIsTakenWhileTheLineIsDown(t *testing.T) {
	t.Parallel()
	f := newFake(message("early"))
	l := f.lineThatIs(false)
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(time.Hour)
		if got := f.entries(); len(got) != 0 {
			t.Errorf("journal %q", got)
		}
		l.set(true)
		synctest.Wait()
		if f.count("completed early") != 1 {
			t.Errorf("journal %q", f.entries())
		}
		l.set(false) // in the middle of a claim
		synctest.Wait()
		f.add(message("late"))
		f.mu.Lock()
		f.strayed = append(f.strayed, message("the reply was lost"))
		f.mu.Unlock()
		time.Sleep(time.Hour)
		if f.count("run late") != 0 {
			t.Errorf("journal %q", f.entries())
		}
		l.set(true)
		time.Sleep(time.Millisecond)
		for _, job := range []string{"late", "the reply was lost"} {
			if f.count("completed "+job) != 1 {
				t.Errorf("%s: journal %q", job, f.entries())
			}
		}
	})
}

// A job that runs goes on; what came of it is delivered as soon as that can be,
// and the attempts that the line called off do not count.
func TestDeliveriesWaitForTheLine(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	l := f.lineThatIs(true)
	f.run = func(_ context.Context, job *abi.Job) (*abi.Execution, error) {
		l.set(false)
		time.Sleep(time.Minute)
		return &abi.Execution{ShotsCompleted: job.Shots}, nil
	}
	flaps := 0
	f.postIn = func(ctx context.Context) error {
		if flaps++; flaps <= 10 { // more than a body may be refused
			go l.set(false)
			<-ctx.Done()
			return errors.New("the connection is gone")
		}
		return nil
	}
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) {
		time.Sleep(time.Hour)
		if f.count("post a") != 0 {
			t.Errorf("journal %q", f.entries())
		}
		for range 11 {
			began := time.Now()
			l.set(true)
			synctest.Wait()
			if took := time.Since(began); took != 0 {
				t.Errorf("%s passed", took)
			}
		}
		if f.count("run a") != 1 || f.count("post a") != 11 || f.count("completed a") != 1 {
			t.Errorf("journal %q", f.entries())
		}
	})
}

func TestDrainWhileTheLineIsDown(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	f.drain = 30 * time.Second
	l := f.lineThatIs(true)
	f.run = func(_ context.Context, job *abi.Job) (*abi.Execution, error) {
		l.set(false)
		return &abi.Execution{ShotsCompleted: job.Shots}, nil
	}
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) { time.Sleep(time.Minute) })
	if f.count("post a") != 0 || f.count("completed a") != 0 || f.count("given back a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}
