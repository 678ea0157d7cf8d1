package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// lab is a node in the making: its cloud, and the settings to boot it with.
type lab struct {
	cloud    *devcloud.Cloud
	settings config.Settings
	device   config.Device
	log      *slog.Logger // of the node
}

// newLab starts a cloud on a real Redis.
func newLab(tb testing.TB) *lab {
	tb.Helper()
	return newLabWith(tb, redistest.Start(tb), nil)
}

// newLabWith is given a Redis, and puts something before the cloud's answers.
func newLabWith(tb testing.TB, redisURL string, intercept func(http.Handler) http.Handler) *lab {
	tb.Helper()
	cloud, err := devcloud.New(devcloud.Config{
		RedisURL: redisURL, Log: slog.New(slog.DiscardHandler), Intercept: intercept,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cloud.Close() })
	url, err := cloud.Start("127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := config.Defaults()
	s.WebappURL, s.NodeToken = url, config.Secret(cloud.Token())
	s.StateDir = filepath.Join(tb.TempDir(), "state")
	s.Host, s.Port = "127.0.0.1", 0
	s.VPN.Required = false
	return &lab{cloud: cloud, settings: s, device: config.Device{Concurrency: 1}, log: slog.New(slog.DiscardHandler)}
}

// running is a booted node.
type running struct {
	host.Address
	stop context.CancelFunc
	kill chan struct{}
	end  func() error // waits for the node and returns what Run did
}

// boot starts the node and returns when it takes jobs. The test's end stops it.
func (l *lab) boot(tb testing.TB) *running {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	r := &running{stop: stop, kill: make(chan struct{}), end: sync.OnceValue(func() error { return <-done })}
	ready := make(chan host.Address, 1)
	go func() {
		done <- host.Run(ctx, host.Config{
			Settings: l.settings, Device: l.device, Version: "v1.2.3", Log: l.log,
			Ready: func(a host.Address) { ready <- a }, Kill: r.kill,
		})
	}()
	select {
	case r.Address = <-ready:
	case err := <-done:
		stop()
		tb.Fatalf("the node does not boot: %v", err)
	}
	tb.Cleanup(func() { r.wait(tb) })
	return r
}

// wait stops the node, if it runs, and waits for its end.
func (r *running) wait(tb testing.TB) {
	tb.Helper()
	r.stop()
	if err := r.end(); err != nil {
		tb.Errorf("the node ends with %v", err)
	}
}

// ready asks /ready.
func (r *running) ready(tb testing.TB) (int, map[string]any) {
	tb.Helper()
	res, err := http.Get("http://" + r.HTTP + "/ready")
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		tb.Fatal(err)
	}
	return res.StatusCode, body
}

// submit queues a circuit and returns the job's id.
func (l *lab) submit(tb testing.TB, ir string, shots int64) string {
	tb.Helper()
	ids, err := l.cloud.Submit(tb.Context(), devcloud.Job{IRText: ir, Shots: shots})
	if err != nil {
		tb.Fatal(err)
	}
	return ids[0]
}

// result waits for what the cloud was told of a job.
func (l *lab) result(tb testing.TB, id string) (r result) {
	tb.Helper()
	body, err := l.cloud.Wait(tb.Context(), id)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		tb.Fatal(err)
	}
	return r
}

type result struct {
	Status string            `json:"status"`
	Error  string            `json:"error"`
	Counts map[string]uint64 `json:"counts"`
	Shots  uint64            `json:"shots_completed"`
}

// circuit is the IR of n qubits with all of them measured.
func circuit(n uint16) string {
	c := abi.Circuit{NumQubits: n, Metadata: abi.Metadata{SourceHash: "sha256:00", CompiledAt: "2026-01-02T03:04:05Z"}}
	for q := range n {
		c.Operations = append(c.Operations, abi.Operation{Gate: abi.RX, Q0: q, Q1: q, Param: 1})
		c.Measurements = append(c.Measurements, q)
	}
	return string(c.AppendIR(nil))
}

// loopingGuest is the path of an executor that never returns from a job of 13
// qubits.
func loopingGuest(t *testing.T) string {
	t.Helper()
	return guestFile(t, map[string]string{"bad": fakeguest.Loop})
}

// guestFile is the path of a fake executor.
func guestFile(t *testing.T, places map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fake.wasm")
	if err := os.WriteFile(path, fakeguest.Assemble(t, places), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// settled checks that nothing is pending and everything was delivered once, with
// good signatures.
func (l *lab) settled(t *testing.T, jobs int) {
	t.Helper()
	var stats devcloud.Stats
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); { // the acknowledgement follows the webhook
		var err error
		if stats, err = l.cloud.Stats(t.Context()); err != nil {
			t.Fatal(err)
		}
		if stats.Pending == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if stats.Delivered != jobs || stats.Duplicates+stats.Contradictions+stats.SignatureFailures+stats.Malformed != 0 || stats.Pending != 0 {
		t.Errorf("of %d jobs: %+v", jobs, stats)
	}
}

func TestANodeFromTokenToResult(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	early := l.submit(t, circuit(3), 100) // before the node ever starts
	l.settings.Executor = "noop"
	n := l.boot(t)
	if got := l.result(t, early); got.Status != "completed" || got.Counts["000"] != 100 {
		t.Errorf("result %+v", got)
	}
	if bad := l.result(t, l.submit(t, `{"gates":`, 1)); bad.Status != "failed" || !strings.Contains(bad.Error, "ir_json") {
		t.Errorf("result %+v", bad)
	}
	l.settled(t, 2)
	status, body := n.ready(t)
	if status != 200 || body["vpn_state"] != "ready" || body["redis_healthy"] != true || body["executor"] != "noop" {
		t.Errorf("/ready %d %v", status, body)
	}

	// The token is spent; the node comes back with what it kept.
	n.wait(t)
	held, err := config.Load([]string{
		"CODA_STATE_DIR=" + l.settings.StateDir, "CODA_EXECUTOR=noop", "CODA_HOST=127.0.0.1", "CODA_PORT=18999",
	}, identity.Held)
	if err != nil {
		t.Fatal(err)
	}
	held.Port = 0
	l.settings = held
	l.boot(t)
	if got := l.result(t, l.submit(t, circuit(1), 7)); got.Counts["0"] != 7 {
		t.Errorf("after the restart: %+v", got)
	}
}

func TestWithoutAnExecutorTheNodeWarns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	n := l.boot(t)
	if _, body := n.ready(t); body["executor"] != "noop" || !strings.Contains(fmt.Sprint(body["warning"]), "--executor") {
		t.Errorf("/ready %v", body)
	}
}

func TestBootFailures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(l *lab)
		want   string
	}{
		"no such executor": {func(l *lab) { l.settings.Executor = "./missing.wasm" }, "no such file"},
		"no executor":      {func(l *lab) { l.settings.Executor = os.Args[0] }, "ELF"},
		"a spent token": {func(l *lab) {
			l.cloud.Revoke(string(l.settings.NodeToken))
		}, "revoked"},
		"a cloud that is away": {func(l *lab) {
			l.settings.WebappURL, l.settings.ConnectRetries = "http://127.0.0.1:1", 1
		}, "connect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.settings.Executor = "noop"
			tt.change(l)
			err := host.Run(t.Context(), host.Config{Settings: l.settings, Device: l.device, Log: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestEndlessGuest is the promise to the operator: a guest that loops for ever
// costs its job and nothing else.
func TestEndlessGuest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.settings.Executor = loopingGuest(t)
	l.device.Limits.JobTime = time.Second
	n := l.boot(t)

	probing, stop := context.WithCancel(t.Context())
	answers := 0
	var probes sync.WaitGroup
	probes.Go(func() {
		for probing.Err() == nil {
			if status, _ := n.ready(t); status != 200 {
				t.Errorf("/ready answers %d while a guest loops", status)
			}
			answers++
			time.Sleep(5 * time.Millisecond)
		}
	})
	begin := time.Now()
	bad := l.result(t, l.submit(t, circuit(13), 1))
	took := time.Since(begin)
	if bad.Status != "failed" || !strings.Contains(bad.Error, "limits.job_time = 1s") {
		t.Errorf("result %+v", bad)
	}
	if good := l.result(t, l.submit(t, circuit(2), 10)); good.Counts["00"] != 10 {
		t.Errorf("the next job: %+v", good)
	}
	stop()
	probes.Wait()
	t.Logf("the job failed after %s, with %d answers of /ready", took, answers)
	if took < time.Second || answers == 0 {
		t.Error("that is too early, or the probes had to wait for the guest")
	}
	l.settled(t, 2)
}

func TestABatchThroughTheNode(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.settings.Executor = guestFile(t, map[string]string{"exports": fakeguest.Batch, "bad": "unreachable"})
	var ids []string
	for i := range 10 {
		ir := circuit(5)
		switch i {
		case 3:
			ir = circuit(13) // fails in the batch, with the guest's own words
		case 7:
			ir = "{}"
		}
		ids = append(ids, l.submit(t, ir, int64(100+i))) // before the boot: one claim takes all
	}
	l.boot(t)
	for i, id := range ids {
		got := l.result(t, id)
		switch {
		case i == 3 && got.Error != "executor fake: unsupported: fake",
			i == 7 && !strings.Contains(got.Error, "ir_json"),
			i != 3 && i != 7 && got.Counts["00000"] != uint64(100+i):
			t.Errorf("job %d: %+v", i, got)
		}
	}
	l.settled(t, len(ids))
}

// A job may be queued twice: by two messages of one claim, or by one that comes
// while the other is delivered.
func TestAJobThatCameTwice(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]string{
		"in a batch":   {"exports": fakeguest.Batch},
		"side by side": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redisURL := redistest.Start(t)
			options, err := redis.ParseURL(redisURL)
			if err != nil {
				t.Fatal(err)
			}
			rdb := redis.NewClient(options)
			defer rdb.Close()
			l := newLabWith(t, redisURL, nil)
			l.settings.Executor, l.device.Concurrency = guestFile(t, change), 4
			if _, err := l.cloud.Fault(devcloud.Fault{Endpoint: "webhook", Times: 1, Status: 503, RetryAfter: "1"}); err != nil {
				t.Fatal(err)
			}
			id := l.submit(t, circuit(5), 100)
			stream := rdb.Keys(t.Context(), "qpu:*:jobs").Val()[0]
			message := rdb.XRange(t.Context(), stream, "-", "+").Val()[0]
			for range 3 {
				if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: message.Values}).Err(); err != nil {
					t.Fatal(err)
				}
			}
			l.boot(t)
			if got := l.result(t, id); got.Counts["00000"] != 100 {
				t.Errorf("%+v", got)
			}
			l.settled(t, 1)
		})
	}
}

// TestFull: where nobody takes the outcomes, intake stops and /ready says why.
func TestFull(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	var once sync.Once
	l := newLabWith(t, redistest.Start(t), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/webhook") {
				select {
				case <-closed:
				default:
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	})
	open := func() { once.Do(func() { close(closed) }) }
	t.Cleanup(open)
	l.settings.Executor = "noop"
	n := l.boot(t)
	const many = 1100 // more than may wait
	jobs := make([]devcloud.Job, many)
	for i := range jobs {
		jobs[i] = devcloud.Job{IR: json.RawMessage(circuit(1)), Shots: 1}
	}
	ids, err := l.cloud.Submit(t.Context(), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for {
		if status, body := n.ready(t); status == 503 {
			reason := fmt.Sprint(body["reason"])
			if strings.Contains(reason, "wait to be delivered") {
				break
			}
			if !strings.Contains(reason, "on their way to the cloud") { // as many as may be for the first time
				t.Fatalf("/ready says %s", reason)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	open()
	for _, id := range ids {
		l.result(t, id)
	}
	if status, body := n.ready(t); status != 200 {
		t.Errorf("afterwards /ready says %d %v", status, body)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.settings.Executor = loopingGuest(t)
	l.settings.DrainTimeout = time.Hour
	l.settings.HeartbeatInterval = 10 * time.Millisecond
	l.device.Limits.JobTime, l.device.Limits.CPUTime, l.device.Limits.CancelTime = time.Hour, time.Hour, time.Hour
	n := l.boot(t)
	id := l.submit(t, circuit(13), 1)
	for body := map[string]any{}; body["current_job"] != id; _, body = n.ready(t) {
		time.Sleep(5 * time.Millisecond)
	}
	n.stop()
	for status := 200; status != 503; {
		var body map[string]any
		if status, body = n.ready(t); status == 503 && !strings.Contains(fmt.Sprint(body["reason"]), "draining") {
			t.Errorf("/ready %v", body)
		}
	}
	draining := time.Now()
	for last := draining; !last.After(draining); { // heartbeats go on
		stats, err := l.cloud.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if stats.LastHeartbeat != nil {
			last = *stats.LastHeartbeat
		}
		time.Sleep(time.Millisecond)
	}
	close(n.kill) // the second signal
	n.wait(t)
	stats, err := l.cloud.Stats(t.Context())
	if err != nil || stats.Pending != 1 || stats.Delivered != 0 {
		t.Errorf("after the kill: %+v, %v", stats, err)
	}
}
