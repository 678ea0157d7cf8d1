package webhook_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/webhook"
)

func TestCompleted(t *testing.T) {
	t.Parallel()
	reported := 1500 * time.Microsecond
	for _, tt := range []struct {
		name         string
		measurements int
		execution    abi.Execution
		elapsed      time.Duration
		want         string
	}{
		{
			name: "bit i is character i from the left, keys sorted", measurements: 3, elapsed: 12_345_678 * time.Nanosecond,
			execution: abi.Execution{Outcomes: []abi.Outcome{{Bits: 0b100, Count: 3}, {Bits: 0b001, Count: 5}, {Bits: 0, Count: 2}}, ShotsCompleted: 10},
			want:      `{"job_id":"job-1","status":"completed","counts":{"000":2,"001":3,"100":5},"execution_time_ms":12.345678,"shots_completed":10}`,
		},
		{
			name: "the executor's own time counts", measurements: 1, elapsed: time.Hour,
			execution: abi.Execution{Outcomes: []abi.Outcome{{Bits: 1, Count: 7}}, ShotsCompleted: 7, Elapsed: &reported},
			want:      `{"job_id":"job-1","status":"completed","counts":{"1":7},"execution_time_ms":1.5,"shots_completed":7}`,
		},
		{
			name: "no measurements give the empty key", measurements: 0, elapsed: 0,
			execution: abi.Execution{Outcomes: []abi.Outcome{{Bits: 0, Count: 9}}, ShotsCompleted: 9},
			want:      `{"job_id":"job-1","status":"completed","counts":{"":9},"execution_time_ms":0,"shots_completed":9}`,
		},
		{
			name: "64 measurements", measurements: 64, elapsed: -time.Second,
			execution: abi.Execution{Outcomes: []abi.Outcome{{Bits: 1 << 63, Count: 1}, {Bits: 1, Count: 18446744073709551614}}, ShotsCompleted: 18446744073709551615},
			want: `{"job_id":"job-1","status":"completed","counts":{"` + strings.Repeat("0", 63) + `1":1,"1` + strings.Repeat("0", 63) +
				`":18446744073709551614},"execution_time_ms":0,"shots_completed":18446744073709551615}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := webhook.Completed("job-1", tt.measurements, &tt.execution, tt.elapsed)
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestCompletedLeavesTheExecutionAlone(t *testing.T) {
	t.Parallel()
	e := abi.Execution{Outcomes: []abi.Outcome{{Bits: 1, Count: 1}, {Bits: 0, Count: 1}}, ShotsCompleted: 2}
	webhook.Completed("j", 1, &e, 0)
	if e.Outcomes[0].Bits != 1 || e.Outcomes[1].Bits != 0 {
		t.Errorf("outcomes were changed: %v", e.Outcomes)
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ id, text, want string }{
		{"j", "qubit 7 out of range", `{"job_id":"j","status":"failed","error":"qubit 7 out of range"}`},
		{"j", "", `{"job_id":"j","status":"failed","error":""}`},
		{`a"b`, "<é>\n\x00", `{"job_id":"a\"b","status":"failed","error":"<é>\n\u0000"}`},
		{"j", "\xff", `{"job_id":"j","status":"failed","error":"\ufffd"}`},
		{"j", strings.Repeat("é", 501), `{"job_id":"j","status":"failed","error":"` + strings.Repeat("é", 500) + `"}`},
		{"j", strings.Repeat("x", 500), `{"job_id":"j","status":"failed","error":"` + strings.Repeat("x", 500) + `"}`},
	} {
		if got := webhook.Failed(tt.id, tt.text); string(got) != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func FuzzBodies(f *testing.F) {
	f.Add("job-1", "text", uint64(5), uint8(3), int64(1_500_000))
	f.Add("\xff\"\\ \u2028", strings.Repeat("é", 600), ^uint64(0), uint8(64), int64(-1))
	f.Fuzz(func(t *testing.T, id, text string, word uint64, measurements uint8, nanoseconds int64) {
		m := int(measurements) % 65
		word &= 1<<m - 1
		e := abi.Execution{Outcomes: []abi.Outcome{{Bits: word, Count: 3}}, ShotsCompleted: 3}
		if word != 0 {
			e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: 0, Count: 4})
		}
		var completed struct {
			JobID  string            `json:"job_id"`
			Counts map[string]uint64 `json:"counts"`
			Time   float64           `json:"execution_time_ms"`
		}
		body := webhook.Completed(id, m, &e, time.Duration(nanoseconds))
		if err := json.Unmarshal(body, &completed); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		want := map[string]uint64{}
		for _, o := range e.Outcomes {
			key := ""
			for i := range m {
				key += fmt.Sprint(o.Bits >> i & 1)
			}
			want[key] = o.Count
		}
		if !maps.Equal(completed.Counts, want) || completed.JobID != strings.ToValidUTF8(id, "\ufffd") && utf8.ValidString(id) || completed.Time < 0 {
			t.Fatalf("%s, want counts %v of %q", body, want, id)
		}
		var failed struct {
			Error string `json:"error"`
		}
		body = webhook.Failed(id, text)
		if err := json.Unmarshal(body, &failed); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if n := utf8.RuneCountInString(failed.Error); n > 500 || utf8.ValidString(text) && n != min(500, utf8.RuneCountInString(text)) {
			t.Fatalf("%d code points from %q", n, text)
		}
	})
}

func TestID(t *testing.T) {
	t.Parallel()
	a, b := webhook.ID("job-1"), webhook.ID("job-2")
	if a == b || a != webhook.ID("job-1") || len(a) != 36 || a[14] != '5' {
		t.Errorf("ids %s and %s", a, b)
	}
	// Fixed for ever: nodes of different releases must derive the same.
	if want := "86d97109-2e50-5458-b041-4e71d8786fc4"; a != want {
		t.Errorf("id %s, want %s", a, want)
	}
}

func BenchmarkCompleted(b *testing.B) {
	for _, n := range []int{2, 1024} {
		e := abi.Execution{ShotsCompleted: 1}
		for i := range n {
			e.Outcomes = append(e.Outcomes, abi.Outcome{Bits: uint64(i), Count: 100})
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				webhook.Completed("4f5b6c7d-1111-2222-3333-444455556666", 20, &e, time.Millisecond)
			}
		})
	}
}
