package host_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/control"
	"github.com/conductorquantum/coda/host/outbox"
)

// keep puts outcomes into the outbox of a state directory, the last of them parked.
func keep(t *testing.T, state string, waiting, parked int) {
	t.Helper()
	store, err := outbox.Open(filepath.Join(state, "outbox.db"), outbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for i := range waiting + parked {
		job := "job-" + string(rune('a'+i))
		_, err := store.Decide(t.Context(), outbox.Decision{JobID: job, MessageID: "1-" + job, WebhookID: "w",
			URL: "https://example.com/hook", Kind: outbox.Completed, Body: []byte("{}")})
		if err == nil && i >= waiting {
			err = store.Park(t.Context(), job, "HTTP 410")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDoctorLooksAtTheOutbox(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, state, path string)
		wants   []string
	}{
		"none":    {func(*testing.T, string, string) {}, []string{"ok outbox nothing waits to be delivered"}},
		"empty":   {func(t *testing.T, state, _ string) { keep(t, state, 0, 0) }, []string{"ok outbox nothing waits", "with outbox.db"}},
		"waiting": {func(t *testing.T, state, _ string) { keep(t, state, 2, 0) }, []string{"warning outbox outcomes that wait to be delivered: 2, the oldest since 20", "→ start the node, which delivers them; coda outbox list says more"}},
		"parked":  {func(t *testing.T, state, _ string) { keep(t, state, 0, 1) }, []string{"warning outbox outcomes that are parked, since nobody takes them: 1; ", "→ coda outbox list says why"}},
		"damaged": {func(t *testing.T, _, path string) { write(t, path, "nonsense", 0o600) }, []string{"problem outbox", "damaged", "→ restore "}},
		"locked": {func(t *testing.T, state, path string) {
			keep(t, state, 1, 0)
			store, err := outbox.Open(path, outbox.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { store.Close() })
		}, []string{"problem outbox", "in use by another process", "→ end the program that has "}},
		"open to others": {func(t *testing.T, state, path string) { keep(t, state, 1, 0); chmod(t, path, 0o644) }, []string{"problem state", "outbox.db has mode 0644", "problem outbox"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			state := p.env["CODA_STATE_DIR"]
			mkdir(t, state)
			tt.prepare(t, state, filepath.Join(state, "outbox.db"))
			before, _ := os.ReadFile(filepath.Join(state, "outbox.db"))
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
			if after, _ := os.ReadFile(filepath.Join(state, "outbox.db")); string(after) != string(before) {
				t.Error("it changed the file")
			}
		})
	}
}

func TestDoctorAsksTheNodeAboutItsOutbox(t *testing.T) {
	t.Parallel()
	for said, wants := range map[string][]string{
		`{"waiting":3,"parked":0,"bytes":10,"oldest_at":"2026-01-02T03:04:05Z","oldest_age_sec":2}`:   {"ok outbox outcomes on their way: 3"},
		`{"waiting":3,"parked":0,"bytes":10,"oldest_at":"2026-01-02T03:04:05Z","oldest_age_sec":200}`: {"warning outbox outcomes that wait to be delivered: 3, the oldest since 2026-01-0", "→ the node sends them again by itself"},
		`{"waiting":0,"parked":2,"bytes":10,"oldest_age_sec":0}`:                                      {"warning outbox outcomes that are parked, since nobody takes them: 2; "},
		`null`: {"ok outbox the node that runs has not opened it yet"},
	} {
		p := healthy(t)
		url := cloudThat(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"ready":true,"executor":"noop","outbox":`+said+`}`)
		})
		if err := lock(t, p).Serving(strings.TrimPrefix(url, "http://")); err != nil {
			t.Fatal(err)
		}
		found, _ := p.examine(t.Context(), t)
		expect(t, found, wants...)
	}
}

// A list is read page by page, and nothing else than a place in it is taken for one.
func TestOutboxPages(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	chmod(t, state, 0o700)
	keep(t, state, 3, 2)
	box, err := host.OpenOutbox(t.Context(), state, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	if box.Live {
		t.Error("a node is said to run")
	}
	for chosen, want := range map[string]int{control.Waiting: 3, control.Parked: 2, control.All: 5} {
		q, seen := control.Query{State: chosen, Limit: 2}, 0
		for {
			page, err := box.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				seen++
				if chosen != control.All && e.State != chosen {
					t.Errorf("%s is among those that are %s", e.State, chosen)
				}
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if seen != want {
			t.Errorf("%d are %s, not %d", seen, chosen, want)
		}
	}
	for _, q := range []control.Query{{State: "lost", Limit: 1}, {State: control.All, After: "?", Limit: 1}, {State: control.All, After: "AAAA", Limit: 1}} {
		if _, err := box.List(t.Context(), q); err == nil {
			t.Errorf("%+v is taken", q)
		}
	}
}
