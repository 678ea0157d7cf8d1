package devcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

func TestJobInterface(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	client := devcloud.NewClient(cloud.URL() + "/")
	n, err := connect(t, cloud, t.TempDir(), cloud.Token())
	if err != nil {
		t.Fatal(err)
	}
	const id = "folder/job 1%2F?"
	ids, err := client.Submit(t.Context(), devcloud.Job{ID: id, IRText: "{}", Shots: 3}, devcloud.Job{ID: "stopped", IRText: "{}", Shots: 3})
	if err != nil || ids[0] != id {
		t.Fatalf("%v, %v", ids, err)
	}
	for _, path := range []string{"/api/dev/jobs/stopped", "/api/dev/jobs/stopped?wait=10ms"} {
		var state devcloud.State
		if err := json.Unmarshal([]byte(text(t, request(t, "GET", cloud.URL()+path, ""))), &state); err != nil || state.State != "queued" || state.DeliveredAt != nil {
			t.Errorf("%s: %+v, %v", path, state, err)
		}
	}
	if r := request(t, "DELETE", cloud.URL()+"/api/dev/jobs/stopped", ""); r.StatusCode != 202 {
		t.Fatalf("cancelling: %d %s", r.StatusCode, text(t, r))
	}
	n.run(t, 1)
	if state, err := client.Wait(t.Context(), "stopped"); err != nil || state.State != "cancelled" || state.Result != nil {
		t.Errorf("%+v, %v", state, err)
	}
	if _, err := cloud.Wait(t.Context(), "stopped"); !errors.Is(err, devcloud.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	state, err := client.Wait(t.Context(), id)
	if err != nil || state.State != "completed" || state.DeliveredAt == nil || !strings.Contains(string(state.Result), `"shots_completed":3`) {
		t.Errorf("%+v, %v", state, err)
	}
	if stats, err := client.Stats(t.Context()); err != nil || stats.Submitted != 2 || stats.Delivered != 1 {
		t.Errorf("%+v, %v", stats, err)
	}

	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/api/dev/jobs/unknown", "", 404},
		{"DELETE", "/api/dev/jobs/unknown", "", 404},
		{"GET", "/api/dev/jobs/stopped?wait=soon", "", 400},
		{"POST", "/api/dev/jobs", `{"job_id":"one","ir":{"a":1},"shots":5}`, 202},
		{"POST", "/api/dev/jobs", `{"job_id":"one","ir":{"a":1},"shots":5}`, 400},
		{"POST", "/api/dev/jobs", `[{"job_id":"two","ir_json":"{}","shots":5},{"job_id":"two","ir_json":"{}","shots":5}]`, 400},
		{"POST", "/api/dev/jobs", `{"job_id":"two","ir_json":"{}","shots":5}`, 202}, // the refused pair left nothing
		{"POST", "/api/dev/jobs", `{"shots":5}`, 400},
		{"POST", "/api/dev/jobs", `{"ir":{},"ir_json":"{}","shots":5}`, 400},
		{"POST", "/api/dev/jobs", `{"ir_json":"{}","shots":5,"qpu_id":"unknown"}`, 400},
		{"POST", "/api/dev/jobs", `{"ir_json":"{}","shots":"5"}`, 400},
		{"POST", "/api/dev/jobs", `not JSON`, 400},
		{"PUT", "/api/dev/jobs", "", 405},
		{"GET", "/nowhere", "", 404},
		{"GET", "/api/dev/nodes", "", 200},
	} {
		r := request(t, tt.method, cloud.URL()+tt.path, tt.body)
		if r.StatusCode != tt.want {
			t.Errorf("%s %s %s: %d %s, want %d", tt.method, tt.path, tt.body, r.StatusCode, text(t, r), tt.want)
		}
	}
	if r := request(t, "POST", cloud.URL()+"/api/dev/jobs", `{"ir_json":"{}","shots":5}`, "Sec-Fetch-Site", "cross-site"); r.StatusCode != 403 {
		t.Errorf("a web page submitted a job: %d", r.StatusCode)
	}
	if _, err := client.Wait(t.Context(), "unknown"); err == nil || !strings.Contains(err.Error(), `job "unknown" is not known`) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	ids, err = client.Submit(t.Context(), devcloud.Job{IRText: "{}", QPU: "dev", Shots: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cloud.Wait(ctx, ids[0]); err != nil && !errors.Is(err, context.DeadlineExceeded) { // the node may be as quick
		t.Errorf("got %v", err)
	}
}

func TestMessageFields(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	if _, err := cloud.Submit(t.Context(), devcloud.Job{ID: "j", IR: json.RawMessage(`{"a": 1.0}`), Shots: -3},
		devcloud.Job{ID: "k", IRText: "x", Shots: 1, Callback: "https://hooks.example.com/x"}); err != nil {
		t.Fatal(err)
	}
	options, err := redis.ParseURL(cloud.RedisURL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	got, err := client.XRange(t.Context(), "qpu:dev:jobs", "-", "+").Result()
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	want := []map[string]any{
		{"job_id": "j", "callback_url": cloud.URL() + "/api/internal/qpu/webhook", "ir_json": `{"a": 1.0}`, "shots": "-3"},
		{"job_id": "k", "callback_url": "https://hooks.example.com/x", "ir_json": "x", "shots": "1"},
	}
	for i := range want {
		if fmt.Sprint(got[i].Values) != fmt.Sprint(want[i]) {
			t.Errorf("message %v, want %v", got[i].Values, want[i])
		}
	}
}

func TestSubmitNeedsAnAddress(t *testing.T) {
	t.Parallel()
	cloud, err := devcloud.New(devcloud.Config{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	if _, err := cloud.Submit(t.Context(), devcloud.Job{IRText: "{}", Shots: 1}); err == nil {
		t.Error("jobs were submitted that cannot be answered")
	}
}

func TestRedisIsGone(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	cloud := start(t, devcloud.Config{RedisURL: server.URL()})
	if _, err := cloud.Submit(t.Context(), devcloud.Job{ID: "before", IRText: "{}", Shots: 1}); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	for _, call := range [][3]string{
		{"POST", "/api/dev/jobs", `{"job_id":"lost","ir_json":"{}","shots":5}`},
		{"GET", "/api/dev/jobs/before", ""},
		{"DELETE", "/api/dev/jobs/before", ""},
		{"GET", "/api/dev/stats", ""},
	} {
		if r := request(t, call[0], cloud.URL()+call[1], call[2]); r.StatusCode != 502 {
			t.Errorf("%v: %d %s", call, r.StatusCode, text(t, r))
		}
	}
	server.Restart(t)
	// What Redis did not take is not remembered either: it may be sent again.
	if r := request(t, "POST", cloud.URL()+"/api/dev/jobs", `{"job_id":"lost","ir_json":"{}","shots":5}`); r.StatusCode != 202 {
		t.Errorf("sent again: %d %s", r.StatusCode, text(t, r))
	}
	if stats, err := cloud.Stats(t.Context()); err != nil || stats.Submitted != 2 {
		t.Errorf("%+v, %v", stats, err)
	}
}
