package host

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/outbox"
	"github.com/conductorquantum/coda/host/queue"
	"github.com/conductorquantum/coda/host/testkit/redistest"
	"github.com/conductorquantum/coda/host/webhook"
	"github.com/conductorquantum/coda/host/worker"
)

const benchCircuit = `{"version":"1.0","target":"cnot","num_qubits":2,"gates":[],"measurements":[0,1],` +
	`"metadata":{"source_hash":"","compiled_at":""}}`

// BenchmarkOutbox is what the outbox costs, on the disk that holds TMPDIR: the
// throughput of a node that keeps its decisions there in relation to one that does
// not, and the time from XADD to the body at the cloud of a job with nobody else
// about. Both nodes take turns, so that whatever else the machine does hits both.
func BenchmarkOutbox(b *testing.B) {
	b.Run("cloud beside", func(b *testing.B) { benchOutbox(b, 0) })
	b.Run("cloud 10 ms away", func(b *testing.B) { benchOutbox(b, 10*time.Millisecond) })
}

func benchOutbox(b *testing.B, away time.Duration) {
	const many, few = 1000, 50
	with, without := newRig(b, true, away), newRig(b, false, away)
	for _, r := range []*rig{with, without} {
		r.run(b, many) // caches fill, connections open
	}
	var ratios, delays []float64
	var rates, medians [2][]float64
	for turn := 0; b.Loop(); turn++ {
		var rate, median [2]float64
		order := []int{turn % 2, 1 - turn%2}
		for _, i := range order {
			r := []*rig{with, without}[i]
			rate[i] = many / r.run(b, many).Seconds()
			median[i] = r.lone(b, few).Seconds() * 1000
			rates[i], medians[i] = append(rates[i], rate[i]), append(medians[i], median[i])
		}
		ratios = append(ratios, rate[0]/rate[1])
		delays = append(delays, median[0]/median[1])
	}
	for i, name := range []string{"with", "without"} {
		b.ReportMetric(middle(rates[i]), "jobs/s-"+name)
		b.ReportMetric(middle(medians[i]), "ms-"+name)
	}
	b.ReportMetric(middle(ratios), "throughput-ratio")
	b.ReportMetric(middle(delays), "latency-ratio")
	b.ReportMetric(0, "ns/op") // of no meaning
}

func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// rig is a node, reduced to what a job passes through, with a cloud and a Redis of
// its own.
type rig struct{ cloud *devcloud.Cloud }

func newRig(b *testing.B, kept bool, away time.Duration) *rig {
	b.Helper()
	quiet := slog.New(slog.DiscardHandler)
	cloud, err := devcloud.New(devcloud.Config{RedisURL: redistest.Start(b), Log: quiet,
		Intercept: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(away)
				next.ServeHTTP(w, r)
			})
		}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cloud.Close() })
	url, err := cloud.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := config.Defaults()
	s.WebappURL, s.NodeToken, s.Executor = url, config.Secret(cloud.Token()), "noop"
	s.StateDir = filepath.Join(b.TempDir(), "state")
	choice, err := Choose(s, config.Device{})
	if err != nil {
		b.Fatal(err)
	}
	exec, err := openExecutor(b.Context(), choice.Program, config.Device{Concurrency: 1}, quiet)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { exec.Close() })
	s, _, signer, err := connect(b.Context(), s, nil, "bench", Config{Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	options, err := queueOptions(s.RedisURL, exec.Executor)
	if err != nil {
		b.Fatal(err)
	}
	q := queue.New(options, s.QPUID, s.Fingerprint, "boot")
	b.Cleanup(q.Close)
	sender, err := webhook.New(webhook.Config{Cloud: s.WebappURL, Signer: signer, Dial: new(net.Dialer).DialContext})
	if err != nil {
		b.Fatal(err)
	}
	cfg := worker.Config{
		Queue: jobs{q}, Executor: exec, Batch: batches(exec.Executor), MaxBatch: executor.MaxBatch,
		Webhook: outcomes{sender}, OwnWebhook: s.WebhookURL(), Log: quiet,
	}
	if kept {
		store, err := outbox.Open(filepath.Join(s.StateDir, outboxFile), outbox.Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = store.Close() })
		cfg.Store = decisions{store, s.StateDir}
	}
	w := worker.New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	b.Cleanup(func() {
		stop()
		<-ended
		if !w.Drain(context.Background()) {
			b.Error("jobs were put down unfinished")
		}
	})
	return &rig{cloud}
}

// run is how long so many jobs take from the first XADD until all are
// acknowledged.
func (r *rig) run(b *testing.B, n int) time.Duration {
	b.Helper()
	jobs := make([]devcloud.Job, n)
	for i := range jobs {
		jobs[i] = devcloud.Job{IR: []byte(benchCircuit), Shots: 100}
	}
	began := time.Now()
	ids, err := r.cloud.Submit(b.Context(), jobs...)
	if err != nil {
		b.Fatal(err)
	}
	for _, id := range ids {
		if _, err := r.cloud.Wait(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
	r.settled(b)
	return time.Since(began)
}

func (r *rig) settled(b *testing.B) {
	b.Helper()
	for {
		stats, err := r.cloud.Stats(b.Context())
		if err != nil || stats.Failed > 0 {
			b.Fatal(fmt.Sprintf("%+v", stats), err)
		}
		if stats.Pending == 0 {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// lone is the median of the times that single jobs take from XADD to the body at
// the cloud. Each comes to a node that has been idle, with or without an outbox: one
// that follows hot on the last finds all caches warm where there is none to wait for.
func (r *rig) lone(b *testing.B, n int) time.Duration {
	b.Helper()
	var took []float64
	for range n {
		time.Sleep(10 * time.Millisecond)
		ids, err := r.cloud.Submit(b.Context(), devcloud.Job{IR: []byte(benchCircuit), Shots: 100})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.cloud.Wait(b.Context(), ids[0]); err != nil {
			b.Fatal(err)
		}
		state, _, err := r.cloud.State(b.Context(), ids[0])
		if err != nil || state.DeliveredAt == nil {
			b.Fatal(state, err)
		}
		took = append(took, state.DeliveredAt.Sub(state.SubmittedAt).Seconds())
		r.settled(b)
	}
	return time.Duration(middle(took) * float64(time.Second))
}
