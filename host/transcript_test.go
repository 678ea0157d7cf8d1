package host_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/testkit/fakeguest"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const goldenTranscript = "testdata/transcript.golden"

// obedient makes a guest that runs jobs together. By itself, it takes a job of 13
// qubits to its end only when that is cancelled, if it has but one shot; else it
// sleeps a millisecond for each.
var obedient = map[string]string{
	"imports": napping["imports"] + `(import "coda:executor/context@0.1.0" "cancelled" (func $cancelled (result i32)))`,
	"exports": fakeguest.Batch,
	"bad": `(if (i64.eq (local.get 10) (i64.const 1))
		(then (block $stop (loop $again (br_if $stop (call $cancelled)) (br $again))))
		(else ` + napping["bad"] + `))`,
}

// TestTranscript runs a node through its life, on a real Redis, and compares
// everything that the cloud and Redis see of it with a recorded transcript. What
// changes from run to run (ids, keys, times) is written as what it is.
func TestTranscript(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	redisURL := redistest.Start(t)
	l := newLabWith(t, redisURL, r.intercept)
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	r.cloud, r.redis, r.token = l.cloud, redis.NewClient(options), string(l.settings.NodeToken)
	defer r.redis.Close()

	l.settings.Executor = guestFile(t, obedient)
	l.settings.HeartbeatInterval = time.Hour // one report for each start
	l.settings.Headers = map[string]config.Secret{"X-Lab": "one"}

	r.chapter("the node logs on with its token")
	n := l.boot(t)
	r.beats(t, 1)
	r.close(t)

	r.chapter("one job, and one that is none")
	r.submit(t, "single", circuit(5), 100)
	r.submit(t, "malformed", `{"gates":`, 100)
	r.delivered(t, "single", "malformed")
	r.close(t)

	r.chapter("the node stops")
	n.wait(t)
	r.close(t)

	r.chapter("the node comes back without the token")
	held, err := config.Load([]string{
		"CODA_STATE_DIR=" + l.settings.StateDir, "CODA_EXECUTOR=" + l.settings.Executor, "CODA_HOST=127.0.0.1",
		"CODA_HEARTBEAT_INTERVAL_SEC=3600", `CODA_NODE_CONNECT_HEADERS={"X-Lab":"one"}`,
	}, identity.Held)
	if err != nil {
		t.Fatal(err)
	}
	held.Port = 0
	l.settings = held
	n = l.boot(t)
	r.beats(t, 2)
	r.close(t)

	r.chapter("while a job runs others arrive, of which one is cancelled")
	r.submit(t, "during", circuit(13), 1)
	executing(t, n, "during")
	for i, id := range []string{"batch-0", "batch-1", "batch-2", "before"} {
		r.submit(t, id, circuit([]uint16{5, 13, 2, 5}[i]), int64(100+i)) // 13 qubits fail in a batch, and nowhere else
	}
	r.cancel(t, "before")
	r.close(t)

	r.chapter("the one that runs is cancelled too, and the others run together")
	r.cancel(t, "during")
	r.cancelled(t, "during")
	r.cancelled(t, "before")
	r.delivered(t, "batch-0", "batch-1", "batch-2")
	r.close(t)

	r.chapter("a job has run, and the cloud does not take its outcome yet")
	release := r.hold("after", 2)
	if _, err := l.cloud.Fault(devcloud.Fault{Endpoint: "webhook", Times: 1, Status: 503, RetryAfter: "1"}); err != nil {
		t.Fatal(err)
	}
	r.submit(t, "after", circuit(5), 100)
	r.arrived(t, "after", 2)
	r.close(t)
	r.chapter("it is cancelled: too late")
	r.cancel(t, "after")
	release()
	r.delivered(t, "after")
	r.close(t)

	r.chapter("the node is told to stop while a job runs")
	release = r.hold("last", 1)
	r.submit(t, "last", circuit(13), 300)
	executing(t, n, "last")
	n.stop()
	for status := 200; status != 503; {
		var body map[string]any
		if status, body = n.ready(t); status == 503 && !strings.Contains(body["reason"].(string), "draining") {
			t.Errorf("/ready %v", body)
		}
	}
	r.arrived(t, "last", 1)
	release()
	n.wait(t)
	r.close(t)

	compare(t, r.String())
}

// executing waits until a job runs.
func executing(t *testing.T, n *running, job string) {
	t.Helper()
	for body := map[string]any{}; body["current_job"] != job; _, body = n.ready(t) {
		time.Sleep(time.Millisecond)
	}
}

func compare(t *testing.T, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(goldenTranscript, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(goldenTranscript)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	want, have := strings.Split(string(text), "\n"), strings.Split(got, "\n")
	for i := range max(len(want), len(have)) {
		if i < len(want) && i < len(have) && want[i] == have[i] {
			continue
		}
		part := func(lines []string) string {
			return strings.Join(lines[min(max(i-3, 0), len(lines)):min(i+6, len(lines))], "\n")
		}
		t.Fatalf("%s, line %d, has\n%s\n\nand the run has\n%s\n\nIf that is meant: go test -update", goldenTranscript, i+1, part(want), part(have))
	}
}
