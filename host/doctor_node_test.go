package host_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/daemon"
)

// lock makes this process the node of the subject's state directory.
func lock(t *testing.T, p *subject) *daemon.Held {
	t.Helper()
	held, err := daemon.Lock(p.env["CODA_STATE_DIR"], daemon.About{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() })
	return held
}

func TestDoctorSeesTheNode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ready   string // what /ready answers; "": nothing does
		prepare func(h *daemon.Held) error
		wants   []string
	}{
		"ready": {`{"ready":true,"vpn_state":"ready","redis_healthy":true}`, nil, []string{"ok node a node runs (PID ", "and is ready, on 127.0.0.1:", "ok executor not opened, because the node that runs"}},
		"its executor": {`{"ready":true,"executor":"backend"}`, nil, []string{"ok executor backend, in the node that runs", "ok executor not opened",
			"ok executor a node that is started with the settings here would have noop (CODA_EXECUTOR) → start it the next time as", "!warning executor"}},
		"the same one": {`{"ready":true,"executor":"noop","warning":"zeros"}`, nil, []string{"ok executor noop, in the node that runs", "warning node it warns: zeros", "!would have"}},
		"not ready":    {`{"ready":false,"reason":"the queue is gone"}`, nil, []string{"warning node a node runs", "and is not ready: the queue is gone"}},
		"another":      {`hello`, nil, []string{"warning node a node runs", "is none of a node's"}},
		"hangs":        {"", func(h *daemon.Held) error { return h.Serving("127.0.0.1:1") }, []string{"warning node a node runs", "does not answer at 127.0.0.1:1"}},
		"stopping":     {"", (*daemon.Held).Stopping, []string{"ok node a node runs", "is draining"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			held := lock(t, p)
			var err error
			if tt.ready != "" {
				url := cloudThat(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tt.ready) })
				err = held.Serving(strings.TrimPrefix(url, "http://"))
			} else {
				err = tt.prepare(held)
			}
			if err != nil {
				t.Fatal(err)
			}
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
		})
	}
}

// A node was started with an executor that the settings here do not name, or
// whose file they name has gone.
func TestDoctorDoesNotBlameTheNodeForSettingsElsewhere(t *testing.T) {
	t.Parallel()
	for executor, want := range map[string]string{
		"":          "ok executor a node that is started with the settings here would have noop (default)",
		"gone.wasm": "warning executor a node that is started with the settings here would not come up: executor gone.wasm: refused: ",
	} {
		p := healthy(t)
		p.env["CODA_EXECUTOR"] = executor
		url := cloudThat(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"ready":true,"executor":"backend"}`)
		})
		if err := lock(t, p).Serving(strings.TrimPrefix(url, "http://")); err != nil {
			t.Fatal(err)
		}
		found, _ := p.examine(t.Context(), t)
		expect(t, found, want, "!problem executor", "!no executor is configured")
	}
}
