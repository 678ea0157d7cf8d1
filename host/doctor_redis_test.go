package host_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

func TestDoctorAsksRedis(t *testing.T) {
	t.Parallel()
	const stream, group = "qpu:q:jobs", "qpu:q:workers"
	add := func(t *testing.T, c *redis.Client, stream string) {
		t.Helper()
		if err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"job_id", "j"}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	claim := func(t *testing.T, c *redis.Client) {
		t.Helper()
		if err := c.XGroupCreateMkStream(t.Context(), stream, group, "0").Err(); err != nil {
			t.Fatal(err)
		}
		add(t, c, stream)
		if err := c.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: group, Consumer: "c", Streams: []string{stream, ">"}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	as := func(rights ...any) func(*testing.T, *subject, *redis.Client) {
		return func(t *testing.T, p *subject, c *redis.Client) {
			t.Helper()
			allow(t, c, append([]any{"+@all"}, rights...)...)
			p.env["CODA_REDIS_URL"] = asNode(p.env["CODA_REDIS_URL"])
		}
	}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, p *subject, c *redis.Client)
		wants   []string
	}{
		"a new one":   {func(*testing.T, *subject, *redis.Client) {}, []string{"ok redis unix:///", "answers, in ", "ok redis stream qpu:q:jobs is not there yet", "!warning redis", "!problem redis"}},
		"no group":    {func(t *testing.T, _ *subject, c *redis.Client) { add(t, c, stream) }, []string{"ok redis stream qpu:q:jobs has no group qpu:q:workers yet"}},
		"abandoned":   {func(t *testing.T, _ *subject, c *redis.Client) { claim(t, c) }, []string{"warning redis stream qpu:q:jobs with group qpu:q:workers; 1 message claimed", "→ start a node"}},
		"in progress": {func(t *testing.T, p *subject, c *redis.Client) { claim(t, c); lock(t, p) }, []string{"ok redis stream qpu:q:jobs with group qpu:q:workers; 1 message claimed", "ok node a node runs (PID ", "is starting"}},
		"dead letters": {func(t *testing.T, _ *subject, c *redis.Client) {
			add(t, c, "qpu:q:dead")
			add(t, c, "qpu:q:dead")
		}, []string{"warning redis qpu:q:dead holds 2 messages", "→ see why with XRANGE qpu:q:dead - +"}},
		"no stream":  {func(t *testing.T, _ *subject, c *redis.Client) { c.Set(t.Context(), stream, "x", 0) }, []string{"problem redis stream qpu:q:jobs: it is no stream"}},
		"no scripts": {as("-@scripting", "~*"), []string{"problem redis it runs no scripts, without which no job can be taken: NOPERM", "→ have the server let the node use EVAL"}},
		"no jobs":    {as("~qpu:q:*"), []string{"problem redis it does not let the node have the keys of its jobs: NOPERM", "qpu:job:JOB:status, qpu:job:cancelled:JOB, for every JOB"}},
		"the old keys": {as("~qpu:q:jobs", "~qpu:job:*:status", "~qpu:job:cancelled:*"), []string{
			"problem redis messages that cannot be processed, and outcomes that nobody takes, stay pending: NOPERM", "→ have the server let the node write qpu:q:dead",
			"warning redis no other node can deliver in this one's place: NOPERM", "read and write qpu:job:JOB:decision",
		}},
		"all keys": {as("~qpu:q:*", "~qpu:job:*"), []string{"ok redis the node's scripts may run", "!warning redis", "!problem redis"}},
		"a cluster": {func(t *testing.T, p *subject, _ *redis.Client) {
			p.env["CODA_REDIS_URL"] = redistest.Cluster(t).URL()
		}, []string{"problem redis it is a cluster, which keeps the keys of a job apart", "CROSSSLOT", "→ use a server that is no cluster"}},
		"wrong password": {func(t *testing.T, p *subject, c *redis.Client) {
			if err := c.ConfigSet(t.Context(), "requirepass", "another").Err(); err != nil {
				t.Fatal(err)
			}
			p.env["CODA_REDIS_URL"] = strings.Replace(p.env["CODA_REDIS_URL"], "unix://", "unix://:secret-password@", 1)
		}, []string{"problem redis unix://[redacted]@/", "the server refuses the credentials → connect with a new token"}},
		"no password": {func(t *testing.T, _ *subject, c *redis.Client) {
			if err := c.ConfigSet(t.Context(), "requirepass", "another").Err(); err != nil {
				t.Fatal(err)
			}
		}, []string{"problem redis unix:///", "the server refuses the credentials"}},
		"down": {func(_ *testing.T, p *subject, _ *redis.Client) {
			p.env["CODA_REDIS_URL"] = "redis://:secret-password@127.0.0.1:1"
		}, []string{"problem redis redis://[redacted]@127.0.0.1:1: connect: connection refused → see that the server runs"}},
		"database of another kind": {func(_ *testing.T, p *subject, _ *redis.Client) {
			p.env["CODA_REDIS_URL"] = "redis://:secret-password@127.0.0.1:1/first"
		}, []string{"problem redis redis://[redacted]@127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			p.env["CODA_REDIS_URL"], p.env["CODA_QPU_ID"] = redistest.Start(t), "q"
			options, err := redis.ParseURL(p.env["CODA_REDIS_URL"])
			if err != nil {
				t.Fatal(err)
			}
			client := redis.NewClient(options)
			defer client.Close()
			tt.prepare(t, p, client)
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
		})
	}
}

func TestMaskRedisURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"": "not set", "redis://192.0.2.1:6379/0": "redis://192.0.2.1:6379/0", "redis://:p@192.0.2.1": "redis://[redacted]@192.0.2.1",
		"rediss://u:p@example.com:1/2?password=p#p": "rediss://[redacted]@example.com:1/2", "unix:///run/redis.sock": "unix:///run/redis.sock",
		"unix://u:p@/run/redis.sock": "unix://[redacted]@/run/redis.sock", "redis://u:p w@h": "[redacted]", "redis:p@h": "[redacted]", "\x7f": "[redacted]",
	} {
		if got := host.MaskRedisURL(config.Secret(url)); got != want {
			t.Errorf("%q is shown as %q, want %q", url, got, want)
		}
	}
}
