package heartbeat_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/heartbeat"
)

type signer struct {
	err     error
	learned []time.Time
}

func (s *signer) Token(time.Time) (string, error) { return "a.signed.token", s.err }
func (s *signer) Learn(date, _ time.Time) bool    { s.learned = append(s.learned, date); return true }

// cloud answers reports, the last answer again and again.
type cloud struct {
	answers  []func(*http.Request) (*http.Response, error)
	requests []*http.Request
	bodies   []string
	times    []time.Time
}

func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	c.requests = append(c.requests, r)
	c.bodies = append(c.bodies, string(body))
	c.times = append(c.times, time.Now())
	return c.answers[min(len(c.requests), len(c.answers))-1](r)
}

func answer(status int, body string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		header := http.Header{"Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func reporter(c *cloud, facts func() heartbeat.Facts, log io.Writer) (*heartbeat.Reporter, *signer) {
	s := &signer{}
	if facts == nil {
		facts = func() heartbeat.Facts { return heartbeat.Facts{} }
	}
	return heartbeat.New(heartbeat.Config{
		URL: "https://cloud.example.com/api/internal/qpu/heartbeat", Interval: 30 * time.Second,
		Headers: map[string]config.Secret{"X-Deploy": "secret", "Authorization": "Bearer forged"}, UserAgent: "coda/1.2.3",
		Signer: s, Facts: facts, Transport: c, Log: slog.New(slog.NewTextHandler(log, nil)),
	}), s
}

func TestBody(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 4, 4, 5, 678_901_234, time.FixedZone("", 3600))
	whole := at.Truncate(time.Second)
	for want, facts := range map[string]heartbeat.Facts{
		`{"current_job":null,"last_job_at":null,"redis_healthy":false,"connectivity":null}`: {},
		`{"current_job":"j","last_job_at":"2026-01-02T03:04:05.678901+00:00","redis_healthy":true,"connectivity":[[0,1],[1,2]]}`: {
			CurrentJob: "j", LastJobAt: &at, RedisHealthy: true, Connectivity: [][2]uint16{{0, 1}, {1, 2}}},
		`{"current_job":null,"last_job_at":"2026-01-02T03:04:05+00:00","redis_healthy":true,"connectivity":[]}`: {
			LastJobAt: &whole, RedisHealthy: true, Connectivity: [][2]uint16{}},
	} {
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(204, "")}}
		r, _ := reporter(c, func() heartbeat.Facts { return facts }, io.Discard)
		if err := r.Report(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.bodies[0] != want {
			t.Errorf("got  %s\nwant %s", c.bodies[0], want)
		}
		request := c.requests[0]
		for name, value := range map[string]string{"Authorization": "Bearer a.signed.token", "Content-Type": "application/json", "X-Deploy": "secret", "User-Agent": "coda/1.2.3"} {
			if got := request.Header.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%s: %q", name, got)
			}
		}
		if request.Method != http.MethodPost || request.URL.Path != "/api/internal/qpu/heartbeat" {
			t.Errorf("%s %s", request.Method, request.URL)
		}
	}
}

func TestRejected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status       int
		body, detail string
	}{
		{400, `{"error": "edge [0,9] does not fit"}`, "edge [0,9] does not fit"},
		{400, `{"error": {"code": 7}}`, `{"code": 7}`},
		{400, `{"error": "a.signed.token has expired"}`, "[redacted] has expired"},
		{400, `{"error": null}`, `{"error": null}`},
		{400, `{"detail": "x"}`, `{"detail": "x"}`},
		{409, "  plain words \n", "plain words"},
		{500, "", "Internal Server Error"},
		{599, "", "unknown error"},
		{302, "", "Found"},
		{500, strings.Repeat("é", 900), strings.Repeat("é", 800)},
		{400, `{"error": "` + strings.Repeat("é", 900) + `"}`, strings.Repeat("é", 800)},
	} {
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(tt.status, tt.body)}}
		r, s := reporter(c, nil, io.Discard)
		err := r.Report(t.Context())
		e, ok := errors.AsType[*fault.HeartbeatRejectedError](err)
		if !ok || e.Status != tt.status || e.Detail != tt.detail {
			t.Errorf("%d %q: got %v", tt.status, tt.body, err)
		}
		if len(s.learned) != 0 || len(c.requests) != 1 {
			t.Errorf("%d: learned %v, %d requests", tt.status, s.learned, len(c.requests))
		}
	}
	for _, status := range []int{401, 403} {
		r, s := reporter(&cloud{answers: []func(*http.Request) (*http.Response, error){answer(status, "")}}, nil, io.Discard)
		_ = r.Report(t.Context())
		if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); len(s.learned) != 1 || !s.learned[0].Equal(want) {
			t.Errorf("%d: learned %v", status, s.learned)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}}
		r, _ := reporter(c, nil, io.Discard)
		start := time.Now()
		err := r.Report(t.Context())
		if e, ok := errors.AsType[*fault.NodeError](err); !ok || !e.Retry || !strings.Contains(err.Error(), "within 10s") || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
	c := &cloud{}
	r, s := reporter(c, nil, io.Discard)
	s.err = &fault.AuthError{Reason: "broken"}
	if err := r.Report(t.Context()); !errors.Is(err, s.err) || len(c.requests) != 0 {
		t.Errorf("%v, %d requests", err, len(c.requests))
	}
}

func TestRunReportsAtOnceAndThenEachInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{answers: []func(*http.Request) (*http.Response, error){answer(200, ""), answer(500, "down"), answer(500, "down"), answer(200, "")}}
		var log bytes.Buffer
		r, _ := reporter(c, nil, &log)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		start := time.Now()
		r.Run(ctx)
		if time.Since(start) != 100*time.Second {
			t.Errorf("ran %s", time.Since(start))
		}
		if len(c.times) != 4 {
			t.Fatalf("%d reports", len(c.times))
		}
		for i, at := range c.times {
			if want := time.Duration(i) * 30 * time.Second; at.Sub(start) != want {
				t.Errorf("report %d after %s, want %s", i, at.Sub(start), want)
			}
		}
		if text := log.String(); strings.Count(text, "heartbeat failed") != 1 || strings.Count(text, "taken again") != 1 {
			t.Errorf("log:\n%s", text)
		}
	})
}

func TestAdviceOnTopology(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r, _ := reporter(&cloud{answers: []func(*http.Request) (*http.Response, error){answer(400, `{"error":"bad edge"}`)}}, nil, &log)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r.Run(ctx)
		if !strings.Contains(log.String(), "connectivity fits the device registered") || !strings.Contains(log.String(), "bad edge") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}
