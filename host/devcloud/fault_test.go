package devcloud_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/heartbeat"
)

const (
	healthURL  = "/api/internal/qpu/health"
	webhookURL = "/api/internal/qpu/webhook"
)

// got is an answer as a client met it.
type got struct {
	status int
	header http.Header
	body   string
	err    error // of the exchange, or of reading the body
}

// call asks once, on a connection of its own, and follows nothing.
func call(t *testing.T, method, url string) got {
	t.Helper()
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		return got{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return got{response.StatusCode, response.Header, string(body), err}
}

// What a client meets, for every kind of fault, set both ways.
func TestFaults(t *testing.T) {
	t.Parallel()
	const made = `{"error":"a fault, as it was asked for"}`
	for name, tt := range map[string]struct {
		fault devcloud.Fault
		text  string // the same in JSON
		want  got
		check func(t *testing.T, g got)
	}{
		"status": {
			devcloud.Fault{Endpoint: "health", Status: 503}, `{"endpoint":"health","status":503}`,
			got{status: 503, body: made}, nil,
		},
		"Retry-After": {
			devcloud.Fault{Endpoint: "health", Status: 429, RetryAfter: "7"}, `{"endpoint":"health","status":429,"retry_after":"7"}`,
			got{status: 429, body: made}, header("Retry-After", "7"),
		},
		"Retry-After alone": {
			devcloud.Fault{Endpoint: "health", RetryAfter: "7"}, `{"endpoint":"health","retry_after":"7"}`,
			got{status: 200, body: `{"ok":true}`}, header("Retry-After", "7"),
		},
		"redirect": {
			devcloud.Fault{Endpoint: "health", Location: "http://192.0.2.1/"}, `{"endpoint":"health","location":"http://192.0.2.1/"}`,
			got{status: 307, body: made}, header("Location", "http://192.0.2.1/"),
		},
		"redirect, permanent": {
			devcloud.Fault{Endpoint: "health", Status: 301, Location: "/"}, `{"endpoint":"health","status":301,"location":"/"}`,
			got{status: 301, body: made}, header("Location", "/"),
		},
		"no content": {
			devcloud.Fault{Endpoint: "health", Status: 204}, `{"endpoint":"health","status":204}`,
			got{status: 204}, nil,
		},
		"empty": {
			devcloud.Fault{Endpoint: "health", Body: "empty"}, `{"endpoint":"health","body":"empty"}`,
			got{status: 200}, nil,
		},
		"not JSON": {
			devcloud.Fault{Endpoint: "health", Body: "text"}, `{"endpoint":"health","body":"text"}`,
			got{status: 200, body: "<html><body>The server is being maintained.</body></html>"}, header("Content-Type", "text/html"),
		},
		"not an object": {
			devcloud.Fault{Endpoint: "health", Body: "array"}, `{"endpoint":"health","body":"array"}`,
			got{status: 200, body: `["not", "an", "object"]`}, nil,
		},
		"literal": {
			devcloud.Fault{Endpoint: "health", Status: 400, Text: `{"error":null}`}, `{"endpoint":"health","status":400,"text":"{\"error\":null}"}`,
			got{status: 400, body: `{"error":null}`}, nil,
		},
		"truncated": {
			devcloud.Fault{Endpoint: "health", Taken: true, Body: "truncated"}, `{"endpoint":"health","taken":true,"body":"truncated"}`,
			got{status: 200, body: `{"ok"`, err: io.ErrUnexpectedEOF}, header("Content-Length", "11"),
		},
		"huge": {
			devcloud.Fault{Endpoint: "health", Body: "huge"}, `{"endpoint":"health","body":"huge"}`,
			got{status: 200}, func(t *testing.T, g got) {
				if len(g.body) != 16<<20 || !json.Valid([]byte(g.body)) {
					t.Errorf("%d bytes, beginning with %.20s", len(g.body), g.body)
				}
			},
		},
		"reset": {
			devcloud.Fault{Endpoint: "health", Reset: true}, `{"endpoint":"health","reset":true}`,
			got{err: syscall.ECONNRESET}, nil,
		},
		"delay": {
			devcloud.Fault{Endpoint: "health", Delay: 50 * time.Millisecond}, `{"endpoint":"health","delay":"50ms"}`,
			got{status: 200, body: `{"ok":true}`}, nil,
		},
		"drip": {
			devcloud.Fault{Endpoint: "health", Status: 500, Text: "slow", Drip: 15 * time.Millisecond},
			`{"endpoint":"health","status":500,"text":"slow","drip":"15ms"}`,
			got{status: 500, body: "slow"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := start(t, devcloud.Config{})
			for _, set := range []func(){
				func() {
					if _, err := cloud.Fault(tt.fault); err != nil {
						t.Fatal(err)
					}
				},
				func() {
					if r := request(t, "POST", cloud.URL()+"/api/dev/faults", tt.text); r.StatusCode != 201 {
						t.Fatal(text(t, r))
					}
				},
			} {
				set()
				if f := cloud.Faults()[0].Fault; f != tt.fault {
					t.Errorf("the plan has %+v", f)
				}
				begin := time.Now()
				g := call(t, "GET", cloud.URL()+healthURL)
				if g.status != tt.want.status || !errors.Is(g.err, tt.want.err) || g.body != tt.want.body && tt.fault.Body != "huge" {
					t.Errorf("got %d %.100q, %v", g.status, g.body, g.err)
				}
				if tt.check != nil {
					tt.check(t, g)
				}
				if d := time.Since(begin); d < tt.fault.Delay+time.Duration(len(tt.fault.Text))*tt.fault.Drip {
					t.Errorf("it took %s", d)
				}
				cloud.Mend()
				if g := call(t, "GET", cloud.URL()+healthURL); g.status != 200 || g.body != `{"ok":true}` {
					t.Errorf("mended: %d %q, %v", g.status, g.body, g.err)
				}
			}
		})
	}
}

func header(name, want string) func(*testing.T, got) {
	return func(t *testing.T, g got) {
		if v := g.header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
}

// A result whose answer is lost was recorded; one that was refused was not.
func TestWhatTheCloudTook(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault devcloud.Fault
		taken bool
	}{
		"reset before it was taken": {devcloud.Fault{Reset: true}, false},
		"reset after":               {devcloud.Fault{Reset: true, Taken: true}, true},
		"refused":                   {devcloud.Fault{Status: 500}, false},
		"refused, it seems":         {devcloud.Fault{Status: 500, Taken: true}, true},
		"too slow an answer":        {devcloud.Fault{Delay: time.Hour}, true},
		"broken off":                {devcloud.Fault{Status: 502, Body: "truncated", Taken: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := start(t, devcloud.Config{})
			n, err := connect(t, cloud, t.TempDir(), cloud.Token())
			if err != nil {
				t.Fatal(err)
			}
			tt.fault.Endpoint, tt.fault.Times = "webhook", 1
			if _, err := cloud.Fault(tt.fault); err != nil {
				t.Fatal(err)
			}
			post := func() error {
				return n.sender.Post(t.Context(), cloud.URL()+webhookURL, "id", []byte(`{"job_id":"j","status":"failed","error":"x"}`))
			}
			if tt.fault.Delay > 0 {
				go func() { _ = post() }() // its end is the test's
				for stats := (devcloud.Stats{}); stats.Delivered == 0; time.Sleep(time.Millisecond) {
					stats, _ = cloud.Stats(t.Context())
				}
			} else if e, ok := errors.AsType[*fault.WebhookError](post()); !ok || e.Next != fault.TryAgain {
				t.Errorf("the node met %v", e)
			}
			if err := post(); err != nil {
				t.Errorf("sent again: %v", err)
			}
			want := devcloud.Stats{Delivered: 1, Failed: 1}
			if tt.taken {
				want.Duplicates = 1
			}
			if stats, err := cloud.Stats(t.Context()); err != nil || stats != want {
				t.Errorf("stats %+v, want %+v; %v", stats, want, err)
			}
		})
	}
}

// The one answer with the key is lost: the token is spent.
func TestALostLogOn(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	token := cloud.Token()
	if _, err := cloud.Fault(devcloud.Fault{Endpoint: "connect", Times: 1, Taken: true, Reset: true}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := connect(t, cloud, dir, token); err == nil {
		t.Error("the node did not notice")
	}
	if tokens := cloud.Tokens(); tokens[0].State != "redeemed" {
		t.Errorf("tokens %v", tokens)
	}
	if _, err := connect(t, cloud, dir, token); err == nil || !strings.Contains(err.Error(), "already been used") {
		t.Errorf("got %v", err)
	}
}

func TestHeartbeatFaults(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	n, err := connect(t, cloud, t.TempDir(), cloud.Token())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cloud.Fault(devcloud.Fault{Endpoint: "heartbeat", Times: 1, Status: 409, Text: `{"error":"another topology"}`}); err != nil {
		t.Fatal(err)
	}
	err = n.beat(t.Context(), heartbeat.Facts{})
	if e, ok := errors.AsType[*fault.HeartbeatRejectedError](err); !ok || e.Status != 409 || e.Detail != "another topology" {
		t.Errorf("got %v", err)
	}
	if err := n.beat(t.Context(), heartbeat.Facts{}); err != nil || cloud.Nodes()[0].Heartbeats != 1 {
		t.Errorf("the next: %v, nodes %+v", err, cloud.Nodes())
	}
}

// Which of 12 requests a plan hits.
func TestPlans(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		faults []devcloud.Fault
		want   []int // statuses
	}{
		"nothing":          {nil, repeat(200, 12)},
		"another endpoint": {[]devcloud.Fault{{Endpoint: "webhook", Status: 500}}, repeat(200, 12)},
		"all":              {[]devcloud.Fault{{Endpoint: "health", Status: 500}}, repeat(500, 12)},
		"the next three":   {[]devcloud.Fault{{Endpoint: "health", Status: 500, Times: 3}}, append(repeat(500, 3), repeat(200, 9)...)},
		"all but two":      {[]devcloud.Fault{{Endpoint: "health", Status: 500, Skip: 2}}, append(repeat(200, 2), repeat(500, 10)...)},
		"two of them":      {[]devcloud.Fault{{Endpoint: "health", Status: 500, Skip: 3, Times: 2}}, slices.Concat(repeat(200, 3), repeat(500, 2), repeat(200, 7))},
		"in order": {
			[]devcloud.Fault{{Endpoint: "health", Status: 500, Times: 2}, {Endpoint: "health", Status: 429, Skip: 1, Times: 3}},
			slices.Concat(repeat(500, 2), repeat(200, 1), repeat(429, 3), repeat(200, 6)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := start(t, devcloud.Config{})
			for _, f := range tt.faults {
				if _, err := cloud.Fault(f); err != nil {
					t.Fatal(err)
				}
			}
			var statuses []int
			for range 12 {
				statuses = append(statuses, call(t, "GET", cloud.URL()+healthURL).status)
			}
			if !slices.Equal(statuses, tt.want) {
				t.Errorf("statuses %v, want %v", statuses, tt.want)
			}
			hits := 0
			for _, f := range cloud.Faults() {
				hits += f.Hits
				if f.Over != (f.Fault.Times > 0) {
					t.Errorf("%+v", f)
				}
			}
			if struck := 12 - count(statuses, 200); hits != struck {
				t.Errorf("%d hits are listed, %d were met", hits, struck)
			}
		})
	}
}

func repeat(status, n int) []int { return slices.Repeat([]int{status}, n) }

func count(statuses []int, status int) (n int) {
	for _, s := range statuses {
		if s == status {
			n++
		}
	}
	return n
}

// A slow answer does not keep the cloud from closing, nor is a client that has
// gone waited for.
func TestCloseDoesNotWaitForSlowAnswers(t *testing.T) {
	t.Parallel()
	cloud, err := devcloud.New(devcloud.Config{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cloud.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if _, err := cloud.Fault(devcloud.Fault{Endpoint: "health", Status: 200, Delay: time.Hour, Drip: time.Hour}); err != nil {
		t.Fatal(err)
	}
	met := make(chan got, 1)
	go func() { met <- call(t, "GET", cloud.URL()+healthURL) }()
	for cloud.Faults()[0].Hits == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := cloud.Close(); err != nil {
		t.Error(err)
	}
	if g := <-met; g.err == nil {
		t.Errorf("got %+v", g)
	}
}
