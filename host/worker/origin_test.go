package worker_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/worker"
)

// The log says what each execution came from and when it was made; the body does not.
func TestAnExecutionIsNoted(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
		time.Sleep(3 * time.Second)
		return &abi.Execution{}, nil
	}
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		f.arrived = make(chan struct{}, 1) // a channel of the bubble's own
		w := worker.New(worker.Config{
			Queue: f, Executor: f, Webhook: f, Log: slog.New(slog.NewTextHandler(&log, nil)),
			Origin: map[string]string{"executor": "fake", "sha256": "5eed"},
		})
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		w.Run(ctx)
		w.Drain(t.Context())
	})
	want := `msg="job executed" job=a message=1-a outcome=completed ` +
		"from.ended_at=2000-01-01T00:00:03Z from.executor=fake from.sha256=5eed from.started_at=2000-01-01T00:00:00Z"
	if !strings.Contains(log.String(), want) {
		t.Errorf("%s\nis not in\n%s", want, &log)
	}
	if len(f.bodies) != 1 || strings.Contains(f.bodies[0], "5eed") {
		t.Errorf("bodies %q", f.bodies)
	}
}

// A job that is not started any more may have nothing to be blamed for, and the line
// that says so ends without an error.
func TestASpentJobIsNotBlamed(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"))
	f.charged["a"] = 3
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		f.arrived = make(chan struct{}, 1) // a channel of the bubble's own
		w := worker.New(worker.Config{Queue: f, Executor: f, Webhook: f, Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		w.Run(ctx)
		w.Drain(t.Context())
	})
	if want := "msg=\"a job is not started any more\" job=a message=1-a executions=3\n"; !strings.Contains(log.String(), want) {
		t.Errorf("%s\nis not in\n%s", want, &log)
	}
	if len(f.bodies) != 1 || !strings.Contains(f.bodies[0], "its node is stopped counts as well") {
		t.Errorf("bodies %q", f.bodies)
	}
}

// Nothing is taken while the executor's hardware may not be at rest, not even into the
// slot that the job before gave back.
func TestNothingIsTakenWhileHalted(t *testing.T) {
	t.Parallel()
	f := newFake(message("a"), message("b"))
	var halted atomic.Bool
	f.run = func(_ context.Context, job *abi.Job) (*abi.Execution, error) {
		time.Sleep(time.Second)
		halted.Store(job.ID == "a")
		return &abi.Execution{}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		f.arrived = make(chan struct{}, 1) // a channel of the bubble's own
		w := worker.New(worker.Config{
			Queue: f, Executor: f, Webhook: f, Log: slog.New(slog.DiscardHandler),
			Halt: func() string {
				if halted.Load() {
					return "the hardware is on fire"
				}
				return ""
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		go w.Run(ctx)
		time.Sleep(time.Hour)
		if f.count("run a") != 1 || f.count("run b") != 0 || w.Full() != "the hardware is on fire" {
			t.Errorf("journal %q, reason %q", f.entries(), w.Full())
		}
		halted.Store(false)
		time.Sleep(time.Minute)
		if f.count("run b") != 1 || w.Full() != "" {
			t.Errorf("journal %q, reason %q", f.entries(), w.Full())
		}
		stop()
		synctest.Wait()
		w.Drain(t.Context())
	})
}
