package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/outbox"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// The names of the queue in Redis.
const (
	jobStream = "qpu:dev:jobs"
	jobGroup  = "qpu:dev:workers"
)

// pair is two nodes of one QPU, the Redis between them and the cloud, and the
// cloud. Nothing of it is simulated: the nodes are processes.
type pair struct {
	t      *testing.T
	server *redistest.Server
	redis  *redis.Client
	cloud  *devcloud.Cloud
	nodes  [2]*machine

	mu    sync.Mutex
	posts map[string][]post // by job
}

// post is a webhook that reached the cloud.
type post struct {
	body    string
	charged int // executions, by the job's status at that moment
	at      time.Time
}

// machine is where one of the nodes runs: what is left of it when it is killed.
type machine struct {
	name    string
	program string
	dir     string
	state   string
	env     []string
	runs    []*process
}

// newPair makes the surroundings. Before stands in front of the cloud, if it is
// not nil.
func newPair(t *testing.T, program string, before func(http.Handler) http.Handler) *pair {
	t.Helper()
	p := &pair{t: t, server: redistest.New(t), posts: map[string][]post{}}
	options, err := redis.ParseURL(p.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	p.redis = redis.NewClient(options)
	t.Cleanup(func() { _ = p.redis.Close() })
	p.cloud, err = devcloud.New(devcloud.Config{
		RedisURL: p.server.URL(), Log: slog.New(slog.DiscardHandler),
		Intercept: func(next http.Handler) http.Handler {
			if before != nil {
				next = before(next)
			}
			return p.listen(next)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cloud.Close() })
	url, err := p.cloud.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	code := backend(t)
	for i, name := range []string{"a", "b"} {
		m := &machine{name: name, program: program, dir: t.TempDir()}
		m.state = filepath.Join(m.dir, "state")
		if err := os.WriteFile(filepath.Join(m.dir, "backend.wasm"), code, 0o600); err != nil {
			t.Fatal(err)
		}
		// Executions are counted in the log, which is to hold a line of each.
		if err := os.WriteFile(filepath.Join(m.dir, "device.toml"), []byte("[limits]\nlog_lines = 100000\nlog_bytes = \"64MiB\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		m.env = []string{
			"CODA_WEBAPP_URL=" + url, "CODA_VPN_REQUIRED=false", "CODA_HOST=127.0.0.1",
			"CODA_EXECUTOR=backend.wasm", "CODA_DEVICE_CONFIG=device.toml",
			"CODA_PORT=" + freePort(t), "CODA_STATE_DIR=" + m.state, "CODA_NODE_MACHINE_FINGERPRINT=node-" + name,
		}
		p.nodes[i] = m
	}
	return p
}

// listen notes the webhooks.
func (p *pair) listen(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/webhook") {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		var outcome struct {
			JobID string `json:"job_id"`
		}
		if err != nil || json.Unmarshal(body, &outcome) != nil {
			p.t.Errorf("a webhook cannot be read: %q, %v", body, err)
		}
		at := time.Now()
		charged, _ := p.redis.HGet(r.Context(), "qpu:job:"+outcome.JobID+":status", "attempts").Int()
		p.mu.Lock()
		p.posts[outcome.JobID] = append(p.posts[outcome.JobID], post{string(body), charged, at})
		p.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// postsOf are the webhooks about a job so far.
func (p *pair) postsOf(job string) []post {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.posts[job]
}

// submit puts jobs of one kind into the stream.
func (p *pair) submit(n int, what string) []string {
	p.t.Helper()
	jobs := make([]devcloud.Job, n)
	for i := range jobs {
		jobs[i] = devcloud.Job{Shots: 1000, IR: json.RawMessage(`{"version":"1.0","target":"cnot","num_qubits":2,"gates":[],` +
			`"measurements":[0,1],"metadata":{"source_hash":"` + what + `","compiled_at":""}}`)}
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		ids, err := p.cloud.Submit(p.t.Context(), jobs...)
		if err == nil {
			return ids
		}
		if time.Since(began) > time.Minute {
			p.t.Fatal(err)
		}
	}
}

// start starts a node, which logs on with a token as long as it has no identity.
func (p *pair) start(m *machine, env ...string) *process {
	p.t.Helper()
	args := []string{"start"}
	if _, err := os.Stat(filepath.Join(m.state, "coda.config")); err != nil {
		args = append(args, "--token", p.cloud.Token())
	}
	node := launchProgram(p.t, m.program, nil, nil, m.dir, append(m.env, env...), args...)
	m.runs = append(m.runs, node)
	return node
}

// stop ends a node as an operator does.
func (p *pair) stop(node *process) {
	p.t.Helper()
	node.signal(p.t, os.Interrupt)
	node.exits(p.t, exitOK)
}

// age lets the time of a lease pass for all that is pending.
func (p *pair) age() {
	p.t.Helper()
	entries, err := p.redis.XPendingExt(p.t.Context(), &redis.XPendingExtArgs{Stream: jobStream, Group: jobGroup, Start: "-", End: "+", Count: 1000}).Result()
	for _, e := range entries {
		err = p.redis.Do(p.t.Context(), "XCLAIM", jobStream, jobGroup, e.Consumer, 0, e.ID, "IDLE", time.Minute.Milliseconds(), "JUSTID").Err()
		if err != nil {
			break
		}
	}
	if err != nil && !redis.HasErrorPrefix(err, "NOGROUP") && !redis.HasErrorPrefix(err, "ERR no such key") {
		p.t.Fatal(err)
	}
}

// settled waits until nothing is pending and the job's status says what became of
// it.
func (p *pair) settled(job, want string) {
	p.t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		state, err := p.redis.HGet(p.t.Context(), "qpu:job:"+job+":status", "state").Result()
		if err == nil && state == want && p.pending() == 0 {
			return
		}
		if time.Since(began) > time.Minute {
			p.t.Fatalf("after a minute job %s is %q (%v), and %d messages are pending", job, state, err, p.pending())
		}
	}
}

func (p *pair) pending() int64 {
	p.t.Helper()
	pending, err := p.redis.XPending(p.t.Context(), jobStream, jobGroup).Result()
	if err != nil {
		if !redis.HasErrorPrefix(err, "NOGROUP") {
			p.t.Fatal(err)
		}
		return 0
	}
	return pending.Count
}

// executions counts how often the guest was started for a job, by any node.
func (p *pair) executions(job string) int {
	n := 0
	for _, m := range p.nodes {
		for _, run := range m.runs {
			run.mu.Lock()
			for _, line := range run.stderr {
				if strings.Contains(line, `msg="the backend `) && strings.Contains(line, job) {
					n++
				}
			}
			run.mu.Unlock()
		}
	}
	return n
}

// ended asks what must be so when nobody works any more: each job has one body and
// none contradicts it, and nothing waits anywhere.
func (p *pair) ended(delivered int) {
	p.t.Helper()
	stats, err := p.cloud.Stats(p.t.Context())
	if err != nil || stats.Delivered != delivered || stats.Contradictions != 0 || stats.Pending != 0 || stats.Malformed != 0 {
		p.t.Errorf("the cloud has %+v, %v; want %d delivered", stats, err, delivered)
	}
	for _, m := range p.nodes {
		path := filepath.Join(m.state, "outbox.db")
		if _, err := os.Stat(path); err != nil {
			continue // it was never started
		}
		store, err := outbox.Open(path, outbox.Config{})
		if err != nil {
			p.t.Error(err)
			continue
		}
		if stats := store.Stats(); stats.Waiting != 0 || stats.Parked != 0 {
			p.t.Errorf("the outbox of %s holds %+v", m.name, stats)
		}
		_ = store.Close()
	}
}

// mortal is coda with failpoints.
var mortal struct {
	once    sync.Once
	program string
	err     error
}

// mortalProgram builds coda with failpoints, once.
func mortalProgram(t *testing.T) string {
	t.Helper()
	mortal.once.Do(func() {
		mortal.program = filepath.Join(cacheDir, "coda-failpoint")
		out, err := exec.Command("go", "build", "-tags", "failpoint", "-o", mortal.program, ".").CombinedOutput()
		if err != nil {
			mortal.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if mortal.err != nil {
		t.Fatal(mortal.err)
	}
	return mortal.program
}

// Programs that are not built for these tests cannot be killed by their
// environment.
func TestNoFailpointsInReleases(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "coda")
	if out, err := exec.Command("go", "build", "-o", plain, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for program, armed := range map[string]bool{plain: false, mortalProgram(t): true} {
		code, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, sign := range []string{"CODA_FAILPOINT", "host/failpoint.kill"} {
			if bytes.Contains(code, []byte(sign)) != armed {
				t.Errorf("%s: that it has %q is %s", program, sign, strconv.FormatBool(!armed))
			}
		}
	}
}
