package host_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// allow gives the Redis user of the node these rights, and no others.
func allow(t *testing.T, c *redis.Client, rights ...any) {
	t.Helper()
	set := append([]any{"ACL", "SETUSER", "node", "reset", "on", ">password", "&*"}, rights...)
	if err := c.Do(context.Background(), set...).Err(); err != nil {
		t.Fatal(err)
	}
}

// asNode is a server's URL for that user.
func asNode(url string) string { return strings.Replace(url, "unix://", "unix://node:password@", 1) }

// A server may refuse what a job needs, and be well. The node says so for as long as
// that lasts, and does what it can.
func TestARedisThatRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rights  []any
		cluster bool
		runs    bool     // whether a job comes to its end
		reason  []string // in that of /ready; none: it is ready
		warning string
	}{
		"dead letters": {rights: []any{"~qpu:*:jobs", "~qpu:job:*"}, runs: true, reason: []string{"is buried", "NOPERM"}},
		"decisions":    {rights: []any{"~qpu:*:jobs", "~qpu:*:dead", "~qpu:job:*:status", "~qpu:job:cancelled:*"}, runs: true, warning: "no other node can deliver in this one's place: NOPERM"},
		"scripts":      {rights: []any{"~*", "-@scripting"}, reason: []string{"a message is claimed", "coda doctor", "NOPERM", "evalsha"}},
		"reading":      {rights: []any{"~*", "-xreadgroup"}, reason: []string{"a message is claimed (", "NOPERM", "xreadgroup"}},
		"reclaiming":   {rights: []any{"~*", "-xautoclaim"}, runs: true, reason: []string{"a message is claimed from others", "NOPERM", "xautoclaim"}},
		"cluster":      {cluster: true, reason: []string{"is taken up", "CROSSSLOT"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start, user := redistest.New, asNode
			if tt.cluster { // all rights
				start, user = redistest.Cluster, func(url string) string { return url }
			}
			server := start(t)
			options, err := redis.ParseURL(server.URL())
			if err != nil {
				t.Fatal(err)
			}
			client := redis.NewClient(options)
			defer client.Close()
			allow(t, client, append([]any{"+@all"}, tt.rights...)...)
			l := newLabWith(t, server.URL(), replacing(server.URL(), user(server.URL())))
			l.settings.Executor = "noop"
			n := l.boot(t)
			stream := "qpu:" + n.QPUID + ":jobs"
			nameless := func() {
				if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"no", "job"}}).Err(); err != nil {
					t.Fatal(err)
				}
			}
			if name == "dead letters" {
				nameless()
			}
			job := l.submit(t, circuit(3), 10)
			if tt.runs {
				if got := l.result(t, job); got.Status != "completed" {
					t.Errorf("%+v", got)
				}
			}
			var reason string
			says := func(want int) bool {
				status, body := n.ready(t)
				reason, _ = body["reason"].(string)
				warning, _ := body["warning"].(string)
				for _, word := range tt.reason {
					if want == 503 && !strings.Contains(reason, word) {
						return false
					}
				}
				return status == want && body["redis_healthy"] == true && (warning == "") == (tt.warning == "") && strings.Contains(warning, tt.warning)
			}
			if len(tt.reason) == 0 {
				eventually(t, "it is not ready, with a warning", func() bool { return says(200) })
				return
			}
			eventually(t, "it does not say what is refused", func() bool { return says(503) })
			first := reason // and since when
			for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if !says(503) || reason != first {
					_, body := n.ready(t)
					t.Fatalf("it does not go on saying so: %v", body)
				}
			}
			if name != "scripts" && name != "reading" {
				return
			}
			allow(t, client, "+@all", "~*")
			eventually(t, "it does not see that this is mended", func() bool { return says(200) })
			if got := l.result(t, job); got.Status != "completed" {
				t.Errorf("%+v", got)
			}
		})
	}
}
