package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// scene is a node at work, watched from all sides.
type scene struct {
	*lab
	*running
	server *redistest.Server
	relay  *redistest.Relay // between the node and the server
	redis  *redis.Client    // beside the node's and the cloud's

	mu      sync.Mutex
	starts  map[string]int // of guests, by job
	changes []change       // of what /ready says
}

// change is a new answer of /ready, and when it was complete.
type change struct {
	at     time.Time
	status int
}

func newScene(t *testing.T) *scene {
	t.Helper()
	server := redistest.New(t)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	relay := redistest.NewRelay(t, server)
	s := &scene{
		lab: newLabWith(t, server.URL(), replacing(server.URL(), relay.URL())), server: server, relay: relay,
		redis: redis.NewClient(options), starts: map[string]int{},
	}
	t.Cleanup(func() { s.redis.Close() })
	s.settings.Executor = guestFile(t, napping)
	s.device.Concurrency = 2
	s.settings.HeartbeatInterval = time.Second
	s.log = slog.New(starts{s})
	s.running = s.boot(t)
	s.watch(t)
	return s
}

// replacing changes what the cloud tells a node that logs on.
func replacing(old, by string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/connect") {
				next.ServeHTTP(w, r)
				return
			}
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			maps.Copy(w.Header(), answer.Header())
			w.Header().Del("Content-Length")
			w.WriteHeader(answer.Code)
			_, _ = w.Write(bytes.ReplaceAll(answer.Body.Bytes(), []byte(old), []byte(by)))
		})
	}
}

// starts hears guests say that they start.
type starts struct{ s *scene }

func (h starts) Enabled(context.Context, slog.Level) bool { return true }
func (h starts) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h starts) WithGroup(string) slog.Handler            { return h }
func (h starts) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "fake" {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "job" {
			h.s.mu.Lock()
			h.s.starts[a.Value.String()]++
			h.s.mu.Unlock()
		}
		return true
	})
	return nil
}

// watch asks /ready all the time.
func (s *scene) watch(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
			s.look(t)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

func (s *scene) look(t *testing.T) {
	response, err := http.Get("http://" + s.HTTP + "/ready")
	if err != nil {
		t.Errorf("/ready: %v", err)
		return
	}
	defer response.Body.Close()
	var body struct {
		Ready   bool `json:"ready"`
		Healthy bool `json:"redis_healthy"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body.Ready != (response.StatusCode == 200) || body.Healthy != body.Ready {
		t.Errorf("/ready: %d %+v, %v", response.StatusCode, body, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.changes); n == 0 || s.changes[n-1].status != response.StatusCode {
		s.changes = append(s.changes, change{time.Now(), response.StatusCode})
	}
}

// observed waits for /ready to answer with a status, and returns since when it
// does.
func (s *scene) observed(t *testing.T, status int) time.Time {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		s.mu.Lock()
		last := s.changes[max(len(s.changes), 1)-1:]
		s.mu.Unlock()
		if len(last) == 1 && last[0].status == status {
			return last[0].at
		}
	}
	t.Fatalf("/ready does not answer %d", status)
	panic("unreachable")
}

// heard waits for a heartbeat that says how Redis is.
func (s *scene) heard(t *testing.T, healthy bool) {
	t.Helper()
	after := time.Now()
	for deadline := after.Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if report := s.cloud.Nodes()[0].LastReport; report != nil && report.At.After(after) {
			if report.RedisHealthy != healthy {
				t.Errorf("a heartbeat says %t about Redis", report.RedisHealthy)
			}
			return
		}
	}
	t.Error("there are no heartbeats")
}

func (s *scene) statuses() (list []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.changes {
		list = append(list, c.status)
	}
	return list
}

// story checks what /ready has said, from the beginning.
func (s *scene) story(t *testing.T, want []int) {
	t.Helper()
	if got := s.statuses(); !slices.Equal(got, want) {
		t.Errorf("/ready answered %v, want %v", got, want)
	}
}

// result is the lab's, within a minute.
func (s *scene) result(t *testing.T, id string) (r result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	body, err := s.cloud.Wait(ctx, id)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// nap submits a job of so many milliseconds.
func (s *scene) nap(t *testing.T, ms int64) string {
	t.Helper()
	return s.submit(t, circuit(13), ms)
}

// hands puts two messages into the node's hands: one whose outcome the cloud does
// not take yet, and one that runs.
func (s *scene) hands(t *testing.T) (delivering, executing string) {
	t.Helper()
	id, err := s.cloud.Fault(devcloud.Fault{Endpoint: "webhook", Times: 1, Status: 503, RetryAfter: "2"})
	if err != nil {
		t.Fatal(err)
	}
	delivering = s.nap(t, 1)
	for hit := false; !hit; time.Sleep(time.Millisecond) {
		hit = s.cloud.Faults()[id-1].Over
	}
	executing = s.nap(t, 4000)
	for body := map[string]any{}; body["current_job"] != executing; _, body = s.ready(t) {
		time.Sleep(time.Millisecond)
	}
	return delivering, executing
}

// trickle submits a job every now and then.
type trickle struct {
	ids  []string // of those that Redis has taken for certain; to be read after stop
	stop func()
}

func (s *scene) trickle(t *testing.T) *trickle {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	tr := &trickle{stop: func() {
		stop()
		<-done
	}}
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			id := fmt.Sprintf("trickle-%d", i)
			if _, err := s.cloud.Submit(t.Context(), devcloud.Job{ID: id, IRText: circuit(13), Shots: 2}); err == nil {
				tr.ids = append(tr.ids, id)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	t.Cleanup(tr.stop)
	return tr
}

// accountFor checks that these jobs were delivered, each after one run, that no
// other job ran more often, and that nothing is left.
func (s *scene) accountFor(t *testing.T, ids []string) {
	t.Helper()
	if len(ids) < 3 {
		t.Errorf("only %v were submitted", ids)
	}
	for _, id := range ids {
		if got := s.result(t, id); got.Status != "completed" {
			t.Errorf("%s: %+v", id, got)
		}
	}
	var stats devcloud.Stats
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var err error
		if stats, err = s.cloud.Stats(t.Context()); err != nil {
			t.Fatal(err)
		}
		if stats.Pending == 0 {
			break
		}
	}
	if stats.Duplicates+stats.Contradictions+stats.SignatureFailures+stats.Malformed+stats.Failed != 0 || stats.Pending != 0 {
		t.Errorf("stats %+v", stats)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if s.starts[id] != 1 {
			t.Errorf("%s ran %d times", id, s.starts[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.starts)) {
		if s.starts[id] > 1 {
			t.Errorf("%s ran %d times", id, s.starts[id])
		}
	}
}
