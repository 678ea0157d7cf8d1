package devcloud_test

import (
	"bufio"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/devcloud"
)

func TestFaultInterface(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	for _, tt := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"GET", "", "", 200, `{"faults":[]}`},
		{"POST", "", `[{"endpoint":"webhook","status":503,"times":3},{"endpoint":"connect","delay":"1m30s","share":0.5,"seed":7}]`, 201, `{"ids":[1,2]}`},
		{"POST", "", `{"endpoint":"health","reset":true}`, 201, `{"ids":[3]}`},
		{"DELETE", "/1", "", 204, ""},
		{"DELETE", "/1", "", 404, `{"error":"fault \"1\" is not in the plan"}`},
		{"DELETE", "/all", "", 404, `{"error":"fault \"all\" is not in the plan"}`},
		{"GET", "", "", 200, `{"faults":[` +
			`{"id":2,"fault":{"endpoint":"connect","share":0.5,"seed":7,"delay":"1m30s"},"hits":0,"over":false},` +
			`{"id":3,"fault":{"endpoint":"health","reset":true},"hits":0,"over":false}]}`},
		{"DELETE", "", "", 204, ""},
		{"GET", "", "", 200, `{"faults":[]}`},
		{"GET", "/help", "", 200, devcloud.FaultHelp},
		{"PUT", "", "", 405, `{"error":"method not allowed"}`},
	} {
		r := request(t, tt.method, cloud.URL()+"/api/dev/faults"+tt.path, tt.body)
		if got := text(t, r); r.StatusCode != tt.status || got != tt.answer {
			t.Errorf("%s %s: %d %s\nwant %d %s", tt.method, tt.path, r.StatusCode, got, tt.status, tt.answer)
		}
	}
	for body, want := range map[string]string{
		`{"endpoint":"jobs","status":500}`:                               `endpoint \"jobs\" is none of connect, heartbeat, webhook, health`,
		`{"endpoint":"health"}`:                                          "it does nothing",
		`{"endpoint":"health","taken":true}`:                             "it does nothing",
		`{"endpoint":"health","status":100}`:                             "status 100",
		`{"endpoint":"health","status":"500"}`:                           "this is no fault",
		`{"endpoint":"health","code":500}`:                               "unknown field",
		`{"endpoint":"health","delay":1}`:                                "this is no fault",
		`{"endpoint":"health","delay":"soon"}`:                           "is no time",
		`{"endpoint":"health","delay":"-1s"}`:                            "negative",
		`{"endpoint":"health","status":500,"times":-1}`:                  "negative",
		`{"endpoint":"health","status":500,"share":1.5}`:                 "share",
		`{"endpoint":"health","body":"nonsense"}`:                        `body \"nonsense\" is none of`,
		`{"endpoint":"health","body":"text","text":"x"}`:                 "not both",
		`{"endpoint":"health","reset":true,"status":500}`:                "reset",
		`[{"endpoint":"health","reset":true},{"endpoint":"x"}]`:          "fault 2 of 2",
		`[{"endpoint":"health","reset":true},{"endpoint":"health"},"x"]`: "these are no faults",
		``: "the body cannot be used",
	} {
		r := request(t, "POST", cloud.URL()+"/api/dev/faults", body)
		if answer := text(t, r); r.StatusCode != 400 || !strings.Contains(answer, want) || !strings.Contains(answer, "faults/help") {
			t.Errorf("%s: %d %s, want %q", body, r.StatusCode, answer, want)
		}
	}
	if faults := cloud.Faults(); len(faults) != 0 {
		t.Errorf("a refused request left %+v", faults)
	}
}

// Whatever stands in the help as an example can be asked for.
func TestHelpExamples(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	examples := 0
	for lines := bufio.NewScanner(strings.NewReader(devcloud.FaultHelp)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if _, quoted, ok := strings.Cut(line, "curl -d '"); ok {
			line, _, _ = strings.Cut(quoted, "'")
		}
		if !strings.HasPrefix(line, "{") {
			continue
		}
		examples++
		if r := request(t, "POST", cloud.URL()+"/api/dev/faults", line); r.StatusCode != 201 {
			t.Errorf("%s: %d %s", line, r.StatusCode, text(t, r))
		}
	}
	if examples != 5 {
		t.Errorf("%d examples were found", examples)
	}
}
