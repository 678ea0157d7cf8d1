package worker_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/worker"
)

const ir = `{"version":"1.0","target":"cz","num_qubits":2,"gates":[],"measurements":[0],` +
	`"metadata":{"source_hash":"h","compiled_at":"now"}}`

func message(job string) worker.Message {
	return worker.Message{ID: "1-" + job, JobID: job, CallbackURL: "https://example.com/hook", IR: ir, Shots: "10"}
}

// drive runs a worker in a bubble until the test ends it, then drains it.
func drive(t *testing.T, f *fake, concurrency int, test func(t *testing.T, w *worker.Worker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f.arrived = make(chan struct{}, 1) // a channel of the bubble's own
		w := worker.New(worker.Config{
			Queue: f, Executor: f, Webhook: f, OwnWebhook: "https://cloud.example.com/own",
			Concurrency: concurrency, Log: slog.New(slog.DiscardHandler),
			Batch: f.batcher(), MaxBatch: 100, Line: f.way(), Store: f.store,
		})
		if f.random != nil {
			w.SetRandom(f.random)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.Run(ctx)
		}()
		test(t, w)
		stop()
		<-done
		drain, cancel := context.WithTimeout(t.Context(), cmp.Or(f.drain, 1000*time.Hour))
		defer cancel()
		w.Drain(drain)
		if n := w.InHand(); n != 0 {
			t.Errorf("%d messages are in hand after the drain", n)
		}
	})
}

func TestTheLifeOfAJob(t *testing.T) {
	t.Parallel()
	f := newFake()
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		if !w.LastJobAt().IsZero() || w.CurrentJob() != "" {
			t.Error("a worker that has done nothing reports a job")
		}
		f.run = func(_ context.Context, job *abi.Job) (*abi.Execution, error) {
			if w.CurrentJob() != "a" {
				t.Errorf("current job %q", w.CurrentJob())
			}
			if job.Shots != 10 || job.Circuit.NumQubits != 2 {
				t.Errorf("job %+v", job)
			}
			return &abi.Execution{}, nil
		}
		f.add(message("a"))
		synctest.Wait()
		if w.LastJobAt().IsZero() || w.CurrentJob() != "" {
			t.Error("the worker does not know that it has delivered")
		}
	})
	if want := []string{"run a", "post a", "completed a"}; !slices.Equal(f.entries(), want) {
		t.Errorf("journal %q, want %q", f.entries(), want)
	}
	if want := "https://example.com/hook <- result of a"; f.bodies[0] != want {
		t.Errorf("body %q, want %q", f.bodies[0], want)
	}
}

func TestMessagesThatCannotRun(t *testing.T) {
	t.Parallel()
	with := func(change func(*worker.Message)) worker.Message {
		m := message("a")
		change(&m)
		return m
	}
	const hook, own = "https://example.com/hook", "https://cloud.example.com/own"
	for name, tt := range map[string]struct {
		message worker.Message
		journal []string
		url     string
		text    string // in the body
	}{
		"no job id":     {with(func(m *worker.Message) { m.JobID = "" }), []string{"buried (the message has no job_id) "}, "", ""},
		"nameless job":  {with(func(m *worker.Message) { m.JobID = "\xff" }), []string{"buried (the message's job_id is not UTF-8) \xff"}, "", ""},
		"a long id":     {with(func(m *worker.Message) { m.JobID = strings.Repeat("j", 1025) }), []string{"buried (the message's job_id has 1025 bytes; 1024 are the most) " + strings.Repeat("j", 1025)}, "", ""},
		"no circuit":    {with(func(m *worker.Message) { m.IR = "" }), []string{"post a", "failed a"}, hook, "ir_json"},
		"bad circuit":   {with(func(m *worker.Message) { m.IR = strings.Replace(ir, `"cz"`, `"xx"`, 1) }), []string{"post a", "failed a"}, hook, "target"},
		"no shots":      {with(func(m *worker.Message) { m.Shots = "" }), []string{"post a", "failed a"}, hook, "no shots"},
		"zero shots":    {with(func(m *worker.Message) { m.Shots = "0" }), []string{"post a", "failed a"}, hook, "whole number"},
		"all the shots": {with(func(m *worker.Message) { m.Shots = "18446744073709551616" }), []string{"post a", "failed a"}, hook, "whole number"},
		"signed shots":  {with(func(m *worker.Message) { m.Shots = "+5" }), []string{"post a", "failed a"}, hook, "whole number"},
		"no callback":   {with(func(m *worker.Message) { m.CallbackURL = "" }), []string{"post a", "failed a"}, own, "callback_url"},
		"long callback": {with(func(m *worker.Message) { m.CallbackURL = "https://example.com/" + strings.Repeat("x", 1<<16) }), []string{"post a", "failed a"}, own, "callback_url: it has 65556 bytes"},
		"evil callback": {with(func(m *worker.Message) { m.CallbackURL = "https://evil.example" }), []string{"post a", "failed a"}, own, "callback_url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(tt.message)
			f.reject = func(url string) error {
				if url == "https://evil.example" {
					return errors.New("not an allowed origin")
				}
				return nil
			}
			drive(t, f, 1, func(*testing.T, *worker.Worker) { synctest.Wait() })
			if !slices.Equal(f.entries(), tt.journal) {
				t.Errorf("journal %q, want %q", f.entries(), tt.journal)
			}
			if tt.url == "" {
				return
			}
			if b := f.bodies[0]; !strings.HasPrefix(b, tt.url+" <- failure of a") || !strings.Contains(b, tt.text) {
				t.Errorf("body %q", b)
			}
		})
	}
}

func TestSettledJobsAreLeftAlone(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[worker.Verdict][]string{
		worker.Completed: nil,
		worker.Cancelled: nil,
		worker.Lost:      nil,
		worker.Failed:    {"post a", "failed a"}, // sent again, not run again
	} {
		f := newFake(message("a"))
		f.verdicts["a"] = verdict
		drive(t, f, 1, func(*testing.T, *worker.Worker) { synctest.Wait() })
		if !slices.Equal(f.entries(), want) {
			t.Errorf("%s: journal %q, want %q", verdict, f.entries(), want)
		}
	}
}

func TestDeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	var times []time.Time
	f.post = func(_, _ string) error {
		times = append(times, time.Now())
		switch len(times) {
		case 1:
			return &fault.WebhookError{Status: 503, Retry: true, Next: fault.TryAgain}
		case 2:
			return &fault.WebhookError{Status: 429, Retry: true, Next: fault.TryAgain, RetryAfter: time.Minute}
		case 3:
			return errors.New("something else")
		}
		return nil
	}
	drive(t, f, 1, func(*testing.T, *worker.Worker) { time.Sleep(10 * time.Minute) })
	if f.count("run a") != 1 || f.count("post a") != 4 || f.count("completed a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
	if f.bodies[0] != f.bodies[3] {
		t.Errorf("bodies differ: %q", f.bodies)
	}
	for i, want := range []time.Duration{time.Second, time.Minute, 5 * time.Second} {
		if got := times[i+1].Sub(times[i]); got < want*8/10 || got > want*12/10 {
			t.Errorf("wait %d was %s, want about %s", i+1, got, want)
		}
	}
}

func TestWhatNobodyTakesIsBuried(t *testing.T) {
	t.Parallel()
	for next, posts := range map[fault.Disposition]int{fault.Rejected: 5, fault.Park: 1} {
		f := newFake(message("a"))
		var last time.Time
		f.post = func(_, _ string) error {
			last = time.Now()
			return &fault.WebhookError{URL: "u", Status: 422, Next: next}
		}
		drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
			synctest.Wait()
			for w.InHand() > 0 {
				time.Sleep(10 * time.Millisecond)
			}
			if waited := time.Since(last); waited > 10*time.Millisecond {
				t.Errorf("%s: %s went by after the last attempt", next, waited)
			}
		})
		if f.count("post a") != posts || f.count("buried (webhook u: HTTP 422) a") != 1 || f.count("run a") != 1 {
			t.Errorf("%s: journal %q", next, f.entries())
		}
	}
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	t.Run("during the run", func(t *testing.T) {
		t.Parallel()
		f := newFake(message("a"))
		f.run = func(ctx context.Context, _ *abi.Job) (*abi.Execution, error) {
			select {
			case <-ctx.Done():
				return nil, &fault.ExecutorError{Cause: fault.Cancelled}
			case <-time.After(time.Minute):
				return &abi.Execution{}, nil
			}
		}
		drive(t, f, 1, func(t *testing.T, _ *worker.Worker) {
			time.Sleep(time.Second)
			f.cancel("a")
			at := time.Now()
			for f.count("cancelled a") == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			if d := time.Since(at); d > 300*time.Millisecond {
				t.Errorf("the cancellation took %s", d)
			}
		})
		if f.count("post a") != 0 {
			t.Errorf("journal %q", f.entries())
		}
	})
	t.Run("after the run", func(t *testing.T) {
		t.Parallel()
		f := newFake(message("a"))
		f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
			f.cancel("a")
			return &abi.Execution{}, nil
		}
		drive(t, f, 1, func(*testing.T, *worker.Worker) { synctest.Wait() })
		if want := []string{"run a", "cancelled a"}; !slices.Equal(f.entries(), want) {
			t.Errorf("journal %q, want %q", f.entries(), want)
		}
	})
	t.Run("what cannot be read is not cancelled", func(t *testing.T) {
		t.Parallel()
		f := newFake(message("a"))
		var away atomic.Bool
		f.down = away.Load
		f.run = func(ctx context.Context, _ *abi.Job) (*abi.Execution, error) {
			away.Store(true)
			time.Sleep(10 * time.Second)
			away.Store(false)
			return &abi.Execution{}, ctx.Err()
		}
		drive(t, f, 1, func(*testing.T, *worker.Worker) { time.Sleep(time.Minute) })
		if want := []string{"run a", "post a", "completed a"}; !slices.Equal(f.entries(), want) {
			t.Errorf("journal %q, want %q", f.entries(), want)
		}
	})
}

func TestTheExecutorIsTriedAgain(t *testing.T) {
	t.Parallel()
	for cause, tt := range map[fault.Cause]struct{ fails, runs int }{
		fault.Unavailable: {2, 3}, // the third time it works
		fault.Lost:        {9, 3},
		fault.Unsupported: {9, 1},
		fault.Limit:       {9, 1},
	} {
		f := newFake(message("a"))
		fails := tt.fails
		f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
			if fails--; fails >= 0 {
				return nil, &fault.ExecutorError{Executor: "e", Cause: cause, Reason: "why"}
			}
			return &abi.Execution{}, nil
		}
		drive(t, f, 1, func(*testing.T, *worker.Worker) { time.Sleep(time.Minute) })
		end := "failed a"
		if tt.fails < 3 {
			end = "completed a"
		}
		if f.count("run a") != tt.runs || f.count("post a") != 1 || f.count(end) != 1 {
			t.Errorf("%s: journal %q", cause, f.entries())
		}
	}
}

func TestALostLeaseEndsTheJob(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	f.run = func(ctx context.Context, _ *abi.Job) (*abi.Execution, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.lost["1-a"] = true
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(21 * time.Second)
		if w.InHand() != 0 {
			t.Error("the job goes on")
		}
	})
	if want := []string{"run a"}; !slices.Equal(f.entries(), want) {
		t.Errorf("journal %q, want %q", f.entries(), want)
	}
}

// The second message of a job waits for the first, without holding up others.
func TestAJobThatCameTwice(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[worker.Verdict][]string{
		worker.Completed: {"run b", "post b", "completed b"},
		worker.Run:       {"run b", "post b", "completed b", "run a", "post a", "completed a"},
	} {
		f := newFake(message("a"), message("b"))
		f.decide("a", worker.Elsewhere)
		f.strayed = []worker.Message{message("a")} // once it is put down
		drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
			time.Sleep(time.Minute)
			if !slices.Equal(f.entries(), []string{"run b", "post b", "completed b"}) || w.InHand() != 1 {
				t.Errorf("journal %q, %d in hand", f.entries(), w.InHand())
			}
			f.decide("a", verdict)
			time.Sleep(2 * time.Second)
			if w.InHand() != 0 {
				t.Errorf("%s: the second message is still in hand", verdict)
			}
			if verdict == worker.Completed {
				f.mu.Lock()
				f.strayed = nil // it was acknowledged
				f.mu.Unlock()
			}
			time.Sleep(time.Minute)
		})
		if !slices.Equal(f.entries(), want) {
			t.Errorf("%s: journal %q, want %q", verdict, f.entries(), want)
		}
	}
}

func TestAFailureIsNoResult(t *testing.T) {
	t.Parallel()
	bad := message("a")
	bad.Shots = "0"
	f := newFake(bad)
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		synctest.Wait()
		if f.count("failed a") != 1 || !w.LastJobAt().IsZero() {
			t.Errorf("journal %q, a result at %s", f.entries(), w.LastJobAt())
		}
	})
}

func TestASlowCallbackHoldsUpNobody(t *testing.T) {
	t.Parallel()
	f := newFake(message("slow"), message("b"), message("c"))
	f.post = func(_, jobID string) error {
		if jobID == "slow" {
			time.Sleep(time.Hour)
		}
		return nil
	}
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) {
		synctest.Wait()
		if f.count("completed b") != 1 || f.count("completed c") != 1 || f.count("completed slow") != 0 {
			t.Errorf("journal %q", f.entries())
		}
	})
	if f.count("completed slow") != 1 {
		t.Error("the drain did not wait for the slow one")
	}
}

func TestConcurrencyIsKept(t *testing.T) {
	t.Parallel()
	f := newFake()
	for i := range 12 {
		f.waiting = append(f.waiting, message(string(rune('a'+i))))
	}
	var running, most atomic.Int32
	f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
		n := running.Add(1)
		for {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(time.Second)
		running.Add(-1)
		return &abi.Execution{}, nil
	}
	drive(t, f, 3, func(t *testing.T, _ *worker.Worker) {
		start := time.Now()
		for f.count("completed l") == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if d := time.Since(start); d > 4100*time.Millisecond {
			t.Errorf("12 jobs of a second, 3 at a time, took %s", d)
		}
	})
	if most.Load() != 3 {
		t.Errorf("%d jobs ran at once", most.Load())
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wait    time.Duration
		drained bool
		journal []string
	}{
		"in time":  {time.Minute, true, []string{"run a", "post a", "completed a"}},
		"too late": {10 * time.Second, false, []string{"run a", "given back a"}}, // the message stays pending
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake(message("a"), message("never read"))
				f.run = func(ctx context.Context, _ *abi.Job) (*abi.Execution, error) {
					select {
					case <-ctx.Done():
						return nil, &fault.ExecutorError{Cause: fault.Cancelled}
					case <-time.After(30 * time.Second):
						return &abi.Execution{}, nil
					}
				}
				w := worker.New(worker.Config{Queue: f, Executor: f, Webhook: f, Log: slog.New(slog.DiscardHandler)})
				ctx, stop := context.WithCancel(t.Context())
				go func() {
					time.Sleep(time.Second)
					stop()
				}()
				w.Run(ctx)
				limit, cancel := context.WithTimeout(t.Context(), tt.wait)
				defer cancel()
				if got := w.Drain(limit); got != tt.drained {
					t.Errorf("drained: %t", got)
				}
				if !slices.Equal(f.entries(), tt.journal) {
					t.Errorf("journal %q, want %q", f.entries(), tt.journal)
				}
			})
		})
	}
}

func TestARepeatedMessageHasOneLife(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"), message("a"))
	f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
		time.Sleep(time.Second)
		return &abi.Execution{}, nil
	}
	drive(t, f, 2, func(*testing.T, *worker.Worker) { time.Sleep(time.Minute) })
	if f.count("run a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}

// A drain that has no time says that it put jobs down where it did, and only there.
func TestADrainWithoutTime(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]bool{"nothing is in hand": false, "a job runs": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				if busy {
					f.waiting = append(f.waiting, message("a"))
				}
				f.run = func(ctx context.Context, _ *abi.Job) (*abi.Execution, error) {
					<-ctx.Done()
					return nil, &fault.ExecutorError{Cause: fault.Cancelled}
				}
				w := worker.New(worker.Config{Queue: f, Executor: f, Webhook: f, Log: slog.New(slog.DiscardHandler)})
				ctx, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				w.Run(ctx)
				if w.Drain(ctx) == busy {
					t.Errorf("drained: %t", !busy)
				}
			})
		})
	}
}

// Guests are asked to stop before the drain is over. What one of them has measured by
// then is delivered, and so is what was measured before.
func TestGuestsAreAskedToStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(message("done"), message("measures"), message("gives up"), message("is lost"))
		f.run = func(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
			if job.ID == "done" {
				return &abi.Execution{}, nil
			}
			<-ctx.Done()
			switch job.ID {
			case "measures":
				return &abi.Execution{}, nil
			case "gives up":
				return nil, &fault.ExecutorError{Cause: fault.Cancelled}
			}
			return nil, &fault.ExecutorError{Cause: fault.Lost} // else it would be tried again
		}
		f.post = func(_, _ string) error {
			time.Sleep(8 * time.Second)
			return nil
		}
		w := worker.New(worker.Config{Queue: f, Executor: f, Webhook: f, Concurrency: 4, Log: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		w.Run(ctx)
		time.AfterFunc(time.Second, w.StopRuns)
		if w.Drain(t.Context()) {
			t.Error("nothing was put down")
		}
		for _, entry := range []string{"completed done", "completed measures", "given back gives up", "given back is lost", "run is lost"} {
			if f.count(entry) != 1 {
				t.Errorf("%d times %q: %q", f.count(entry), entry, f.entries())
			}
		}
	})
}
