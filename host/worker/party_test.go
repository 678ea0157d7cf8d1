package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/worker"
)

// together answers each job of a batch with an execution.
func together(_ context.Context, jobs []*abi.Job) ([]worker.Result, error) {
	results := make([]worker.Result, len(jobs))
	for i := range results {
		results[i].Execution = &abi.Execution{}
	}
	return results, nil
}

func TestMessagesOfOneClaimRunTogether(t *testing.T) {
	t.Parallel()
	bad, settled := message("bad"), message("settled")
	bad.IR = "{"
	f := newFake(message("a"), bad, message("b"), settled, message("c"))
	f.verdicts["settled"] = worker.Completed
	f.batch = func(ctx context.Context, jobs []*abi.Job) ([]worker.Result, error) {
		time.Sleep(time.Second)
		results, err := together(ctx, jobs)
		for i, job := range jobs {
			if job.ID == "b" {
				results[i] = worker.Result{Err: &fault.ExecutorError{Executor: "e", Cause: fault.Unsupported}}
			}
		}
		return results, err
	}
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		synctest.Wait()
		if job := w.CurrentJob(); !strings.Contains("abc", job) || job == "" {
			t.Errorf("the current job of a batch is %q", job)
		}
		time.Sleep(10 * time.Second)
	})
	for entry, want := range map[string]int{
		"batch a b c": 1, "run a": 0, "run b": 0, "run c": 0, "post settled": 0,
		"completed a": 1, "failed b": 1, "completed c": 1, "failed bad": 1,
	} {
		if got := f.count(entry); got != want {
			t.Errorf("%q happened %d times, want %d: %q", entry, got, want, f.entries())
		}
	}
}

func TestABatchThatFailsRunsOneByOne(t *testing.T) {
	t.Parallel()
	for name, batch := range map[string]func(context.Context, []*abi.Job) ([]worker.Result, error){
		"as a whole": func(context.Context, []*abi.Job) ([]worker.Result, error) {
			return nil, &fault.ExecutorError{Cause: fault.Trapped}
		},
		"with too few results": func(context.Context, []*abi.Job) ([]worker.Result, error) {
			return make([]worker.Result, 1), nil
		},
	} {
		f := newFake(message("a"), message("b"), message("c"))
		f.batch = batch
		running := 0
		f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
			if running++; running > 1 {
				t.Errorf("%s: two jobs run in one slot", name)
			}
			time.Sleep(time.Second)
			running--
			return &abi.Execution{}, nil
		}
		drive(t, f, 1, func(t *testing.T, _ *worker.Worker) { time.Sleep(10 * time.Second) })
		for _, job := range []string{"a", "b", "c"} {
			if f.count("run "+job) != 1 || f.count("completed "+job) != 1 {
				t.Errorf("%s: journal %q", name, f.entries())
			}
		}
	}
}

func TestCancellationInABatch(t *testing.T) {
	t.Parallel()
	ended := errors.New("the batch was ended")
	slow := func(ctx context.Context, jobs []*abi.Job) ([]worker.Result, error) {
		select {
		case <-time.After(time.Minute):
			return together(ctx, jobs)
		case <-ctx.Done():
			return nil, ended
		}
	}
	for name, tt := range map[string]struct {
		cancel []string
		done   string // of the job that goes on, if one does
		within time.Duration
	}{
		"one of two": {[]string{"a"}, "completed b", 2 * time.Minute},
		"all":        {[]string{"a", "b"}, "cancelled b", 2 * time.Second},
	} {
		f := newFake(message("a"), message("b"))
		f.batch = slow
		drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
			time.Sleep(time.Second)
			for _, job := range tt.cancel {
				f.cancel(job)
			}
			time.Sleep(time.Second)
			if f.count("cancelled a") != 1 {
				t.Errorf("%s: journal %q", name, f.entries())
			}
			begin := time.Now()
			for f.count(tt.done) == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			if d := time.Since(begin); d > tt.within {
				t.Errorf("%s: %s came after %s", name, tt.done, d)
			}
			// The slot is free again.
			f.add(message("next"))
			f.add(message("and one more"))
			time.Sleep(2 * time.Minute)
		})
		if f.count("post a") != 0 || f.count("completed next") != 1 || strings.Contains(strings.Join(f.entries(), ","), "run a") {
			t.Errorf("%s: journal %q", name, f.entries())
		}
	}
}

func TestADeliveryOfABatchHarmsNoOther(t *testing.T) {
	t.Parallel()
	f := newFake(message("slow"), message("refused"), message("b"))
	f.batch = together
	f.post = func(_, jobID string) error {
		switch jobID {
		case "slow":
			time.Sleep(time.Hour)
		case "refused":
			return &fault.WebhookError{URL: "u", Status: 410, Next: fault.Park}
		}
		return nil
	}
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) {
		synctest.Wait()
		f.add(message("c"))
		synctest.Wait()
		for _, entry := range []string{"completed b", "completed c", "buried (webhook u: HTTP 410) refused"} {
			if f.count(entry) != 1 {
				t.Errorf("journal %q", f.entries())
			}
		}
	})
	if f.count("completed slow") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}

// A batch that answers once it is asked to stop is delivered, job by job; what it did
// not get to is given back when it has ended, and not before.
func TestABatchIsAskedToStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(message("measures"), message("gives up"))
		var early bool
		f.batch = func(ctx context.Context, jobs []*abi.Job) ([]worker.Result, error) {
			<-ctx.Done()
			time.Sleep(5 * time.Second)
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, entry := range f.journal {
				early = early || strings.HasPrefix(entry, "given back")
			}
			results := make([]worker.Result, len(jobs))
			for i, job := range jobs {
				if job.ID == "measures" {
					results[i].Execution = &abi.Execution{}
				} else {
					results[i].Err = &fault.ExecutorError{Cause: fault.Cancelled}
				}
			}
			return results, nil
		}
		w := worker.New(worker.Config{Queue: f, Executor: f, Webhook: f, Batch: f, MaxBatch: 2, Log: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		w.Run(ctx)
		time.AfterFunc(time.Second, w.StopRuns)
		w.Drain(t.Context())
		if early {
			t.Error("a message was given back while the batch ran")
		}
		for _, entry := range []string{"batch gives up measures", "completed measures", "given back gives up"} {
			if f.count(entry) != 1 {
				t.Errorf("%d times %q: %q", f.count(entry), entry, f.entries())
			}
		}
	})
}
