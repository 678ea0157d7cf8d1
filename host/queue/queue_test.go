package queue_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/queue"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// servers are the Redis that nodes use, and the one that coda dev embeds.
var servers = map[string]func(*testing.T) string{
	"redis-server": func(t *testing.T) string { return redistest.Start(t) },
	"embedded":     func(t *testing.T) string { return "redis://" + miniredis.RunT(t).Addr() },
}

// each runs a test against every kind of server.
func each(t *testing.T, test func(t *testing.T, rdb *redis.Client)) {
	for name := range servers {
		on(t, name, test)
	}
}

// on runs a test against one kind of server.
func on(t *testing.T, name string, test func(t *testing.T, rdb *redis.Client)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		options, err := redis.ParseURL(servers[name](t))
		if err != nil {
			t.Fatal(err)
		}
		rdb := redis.NewClient(options)
		t.Cleanup(func() { rdb.Close() })
		test(t, rdb)
	})
}

// newQueue makes a queue on the server of a client.
func newQueue(t *testing.T, rdb *redis.Client, node, boot string) *queue.Queue {
	t.Helper()
	options := *rdb.Options()
	options.MaxRetries, options.DialerRetries, options.ContextTimeoutEnabled = -1, 1, true
	options.ReadTimeout, options.PushNotificationProcessor = queue.ProbeLimit, nil // each client has its own
	q := queue.New(&options, "q1", node, boot)
	t.Cleanup(q.Close)
	return q
}

func join(t *testing.T, rdb *redis.Client, node, boot string) *queue.Queue {
	t.Helper()
	q := newQueue(t, rdb, node, boot)
	if err := q.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	return q
}

func add(t *testing.T, rdb *redis.Client, fields ...string) {
	t.Helper()
	if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "qpu:q1:jobs", Values: fields}).Err(); err != nil {
		t.Fatal(err)
	}
}

func claim(t *testing.T, q *queue.Queue) *queue.Message {
	t.Helper()
	messages, err := q.Claim(t.Context(), 1, queue.Block)
	if err != nil || len(messages) != 1 {
		t.Fatalf("claimed %d messages, %v", len(messages), err)
	}
	return &messages[0]
}

func status(t *testing.T, rdb *redis.Client, job string) map[string]string {
	t.Helper()
	m, err := rdb.HGetAll(t.Context(), "qpu:job:"+job+":status").Result()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func pending(t *testing.T, rdb *redis.Client) int64 {
	t.Helper()
	p, err := rdb.XPending(t.Context(), "qpu:q1:jobs", "qpu:q1:workers").Result()
	if err != nil {
		t.Fatal(err)
	}
	return p.Count
}

func TestAJobFromTheStreamToItsEnd(t *testing.T) {
	t.Parallel()
	ends := map[string]struct {
		end  func(q *queue.Queue, ctx context.Context, m *queue.Message) error
		want []string // fields of the status, executing's among them
	}{
		"completed": {(*queue.Queue).Complete, []string{"completed_at", "message_id", "qpu_id", "started_at", "state"}},
		"cancelled": {(*queue.Queue).Cancel, []string{"cancelled_at", "message_id", "qpu_id", "started_at", "state"}},
		"failed": {func(q *queue.Queue, ctx context.Context, m *queue.Message) error {
			return q.Fail(ctx, m, strings.Repeat("ü", 600))
		}, []string{"error", "failed_at", "message_id", "qpu_id", "started_at", "state"}},
	}
	each(t, func(t *testing.T, rdb *redis.Client) {
		// Jobs that were queued before the group existed are delivered.
		for state := range ends {
			add(t, rdb, "job_id", state, "callback_url", "https://example.com/hook", "ir_json", "{}", "shots", "7", "extra", "ignored")
		}
		q := newQueue(t, rdb, "node", "boot")
		if q.Healthy() {
			t.Error("healthy before the first contact")
		}
		if err := q.Join(t.Context()); err != nil || !q.Healthy() {
			t.Fatal(err)
		}
		for range ends {
			m := claim(t, q)
			tt := ends[m.JobID]
			if m.CallbackURL != "https://example.com/hook" || m.IR != "{}" || m.Shots != "7" {
				t.Errorf("message %+v", m)
			}
			verdict, _, _, err := q.Begin(t.Context(), m, "one")
			if err != nil || verdict != queue.Run {
				t.Fatalf("begin: %s, %v", verdict, err)
			}
			decision := &queue.Decision{Kind: "completed", URL: "https://example.com/hook", Body: []byte("result")}
			if verdict, stands, err := q.Publish(t.Context(), m, decision); verdict != queue.Decided || err != nil || !reflect.DeepEqual(stands, decision) {
				t.Fatalf("publish: %s %+v, %v", verdict, stands, err)
			}
			if s := status(t, rdb, m.JobID); s["state"] != "executing" || s["phase"] != "delivering" || s["message_id"] != m.ID || s["qpu_id"] != "q1" {
				t.Errorf("status %v", s)
			}
			if err := tt.end(q, t.Context(), m); err != nil {
				t.Fatal(err)
			}
			s := status(t, rdb, m.JobID)
			if s["state"] != m.JobID || !slices.Equal(slices.Sorted(maps.Keys(s)), tt.want) {
				t.Errorf("status %v, want the fields %v", s, tt.want)
			}
			if n := len([]rune(s["error"])); m.JobID == "failed" && n != 500 {
				t.Errorf("error of %d code points", n)
			}
		}
		if n := pending(t, rdb); n != 0 {
			t.Errorf("%d messages pending", n)
		}
	})
}

func TestBeginKnowsWhatIsSettled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		state   []string // of the status before
		cancel  bool
		verdict queue.Verdict
		text    string
		acked   bool
		after   string
	}{
		{name: "completed", state: []string{"state", "completed"}, verdict: queue.Completed, acked: true, after: "completed"},
		{name: "cancelled", state: []string{"state", "cancelled"}, verdict: queue.Cancelled, acked: true, after: "cancelled"},
		{name: "cancel key", cancel: true, verdict: queue.Cancelled, acked: true, after: "cancelled"},
		{name: "cancel after failure", state: []string{"state", "failed"}, cancel: true, verdict: queue.Failed, after: "failed"},
		{name: "failed", state: []string{"state", "failed", "error", "it broke"}, verdict: queue.Failed, text: "it broke", after: "failed"},
		{name: "executing", state: []string{"state", "executing"}, verdict: queue.Run, after: "executing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, rdb *redis.Client) {
				q := join(t, rdb, "node", "boot")
				add(t, rdb, "job_id", "j")
				if len(tt.state) > 0 {
					rdb.HSet(t.Context(), queue.StatusKey("j"), tt.state)
				}
				if tt.cancel {
					rdb.Set(t.Context(), queue.CancelKey("j"), "", 0)
				}
				verdict, text, _, err := q.Begin(t.Context(), claim(t, q), "one")
				if err != nil || verdict != tt.verdict || text != tt.text {
					t.Errorf("begin: %s %q, %v", verdict, text, err)
				}
				if acked := pending(t, rdb) == 0; acked != tt.acked {
					t.Errorf("acknowledged: %t", acked)
				}
				if s := status(t, rdb, "j")["state"]; s != tt.after {
					t.Errorf("state %q", s)
				}
			})
		})
	}
}

func TestAStaleOwnerWritesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		stale, peer := join(t, rdb, "node", "1"), join(t, rdb, "node", "2")
		add(t, rdb, "job_id", "j")
		m := claim(t, stale)
		if err := rdb.XClaim(t.Context(), &redis.XClaimArgs{
			Stream: "qpu:q1:jobs", Group: "qpu:q1:workers", Consumer: peer.Consumer(), Messages: []string{m.ID},
		}).Err(); err != nil {
			t.Fatal(err)
		}
		if verdict, _, _, err := stale.Begin(t.Context(), m, "one"); verdict != queue.Lost || err != nil {
			t.Errorf("begin: %s, %v", verdict, err)
		}
		for name, write := range map[string]func() error{
			"complete": func() error { return stale.Complete(t.Context(), m) },
			"fail":     func() error { return stale.Fail(t.Context(), m, "no") },
			"cancel":   func() error { return stale.Cancel(t.Context(), m) },
			"bury":     func() error { return stale.Bury(t.Context(), m, "no", "") },
			"letter":   func() error { return stale.Letter(t.Context(), m, "no") },
			"charge":   func() error { _, err := stale.Charge(t.Context(), m, "two"); return err },
			"give":     func() error { return stale.GiveBack(t.Context(), m) },
		} {
			if err := write(); !errors.Is(err, queue.ErrLost) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if kept, err := stale.Extend(t.Context(), []string{m.ID}); len(kept) != 0 || err != nil {
			t.Errorf("extended %v, %v", kept, err)
		}
		if s := status(t, rdb, "j"); len(s) != 0 {
			t.Errorf("status %v", s)
		}
		if n := pending(t, rdb); n != 1 {
			t.Errorf("%d pending", n)
		}
		if kept, err := peer.Extend(t.Context(), []string{m.ID}); !slices.Equal(kept, []string{m.ID}) || err != nil {
			t.Errorf("the owner extended %v, %v", kept, err)
		}
		if err := peer.Complete(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if kept, err := stale.Extend(t.Context(), []string{m.ID}); len(kept) != 0 || err != nil {
			t.Errorf("extended %v after its end, %v", kept, err)
		}
	})
}

func TestBuriedMessagesKeepEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		q := join(t, rdb, "node", "boot")
		add(t, rdb, "job_id", "j", "callback_url", "u", "ir_json", "ir", "shots", "1", "jobid", "misspelt", "reason", "none")
		m := claim(t, q)
		if err := q.Bury(t.Context(), m, "nobody takes it", `{"a":1}`); err != nil {
			t.Fatal(err)
		}
		dead, err := rdb.XRange(t.Context(), "qpu:q1:dead", "-", "+").Result()
		if err != nil || len(dead) != 1 || pending(t, rdb) != 0 {
			t.Fatalf("%d dead letters, %v", len(dead), err)
		}
		for field, want := range map[string]string{
			"reason": "nobody takes it", "body": `{"a":1}`, "message_id": m.ID, "consumer": "node-boot",
			"job_id": "j", "callback_url": "u", "ir_json": "ir", "shots": "1",
			"jobid": "misspelt",
		} {
			if got := dead[0].Values[field]; got != want {
				t.Errorf("%s is %q, want %q", field, got, want)
			}
		}
		if got := status(t, rdb, "j")["phase"]; got != "parked" {
			t.Errorf("the status says %q", got)
		}
	})
}

func TestReclaimTakesWhatWasAbandoned(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t) // whose clock can be moved
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m.SetTime(now)
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr()})
	defer rdb.Close()
	gone, q := join(t, rdb, "node", "1"), join(t, rdb, "node", "2")
	for range 5 {
		add(t, rdb, "job_id", "j")
	}
	for range 4 {
		claim(t, gone)
	}
	claim(t, q)
	if got, err := q.Reclaim(t.Context(), 10); len(got) != 0 || err != nil {
		t.Fatalf("reclaimed %d before the lease ran out, %v", len(got), err)
	}
	m.SetTime(now.Add(queue.Lease + time.Second))
	first, err := q.Reclaim(t.Context(), 2)
	if len(first) != 2 || err != nil {
		t.Fatalf("reclaimed %d, %v", len(first), err)
	}
	rest, err := q.Reclaim(t.Context(), 10)
	if len(rest) != 3 || err != nil {
		t.Fatalf("reclaimed %d more, %v", len(rest), err)
	}
}

func TestALateClaimIsGivenBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		leaving, peer := join(t, rdb, "node", "1"), join(t, rdb, "node", "2")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := leaving.Claim(ctx, 1, 300*time.Millisecond); !errors.Is(err, context.Canceled) {
			t.Fatalf("claim: %v", err)
		}
		add(t, rdb, "job_id", "j") // while its read still waits at the server
		var got []queue.Message
		var err error
		for deadline := time.Now().Add(time.Minute); len(got) == 0 && err == nil && time.Now().Before(deadline); {
			got, err = peer.Reclaim(t.Context(), 1)
		}
		if err != nil || len(got) != 1 || got[0].JobID != "j" {
			t.Errorf("the peer gets %v, %v", got, err)
		}
	})
}

// endings are how a message can end.
var endings = map[string]func(*queue.Queue, context.Context, *queue.Message) error{
	"failed":    func(q *queue.Queue, ctx context.Context, m *queue.Message) error { return q.Fail(ctx, m, "no") },
	"completed": (*queue.Queue).Complete,
	"cancelled": (*queue.Queue).Cancel,
	"parked":    func(q *queue.Queue, ctx context.Context, m *queue.Message) error { return q.Bury(ctx, m, "no", "") },
}

// The status key of a job may hold something else. Then the job fails, and the
// key stays as it is.
func TestAStatusThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, rdb *redis.Client) {
				q := join(t, rdb, "node", "boot")
				add(t, rdb, "job_id", "j")
				rdb.Set(t.Context(), queue.StatusKey("j"), "no hash", 0)
				m := claim(t, q)
				verdict, text, _, err := q.Begin(t.Context(), m, "one")
				if verdict != queue.Failed || !strings.Contains(text, "qpu:job:j:status is a string") || err != nil {
					t.Errorf("begin: %s %q, %v", verdict, text, err)
				}
				if verdict, _, err := q.Publish(t.Context(), m, &queue.Decision{Kind: "failed", Body: []byte("no")}); verdict != queue.Decided || err != nil {
					t.Errorf("publish: %s, %v", verdict, err)
				}
				if err := end(q, t.Context(), m); err != nil || pending(t, rdb) != 0 {
					t.Errorf("%v, %d pending", err, pending(t, rdb))
				}
				if got := rdb.Get(t.Context(), queue.StatusKey("j")).Val(); got != "no hash" {
					t.Errorf("the key holds %q", got)
				}
			})
		})
	}
}

// A job may come twice, as two messages. The second waits for the first, whoever
// has it, and runs only if that went without an outcome.
func TestAJobThatCameTwice(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end  func(q *queue.Queue, ctx context.Context, m *queue.Message) error
		want queue.Verdict
	}{
		"completed": {(*queue.Queue).Complete, queue.Completed},
		"cancelled": {(*queue.Queue).Cancel, queue.Cancelled},
		"failed": {func(q *queue.Queue, ctx context.Context, m *queue.Message) error {
			return q.Fail(ctx, m, "no")
		}, queue.Failed},
		"parked": {func(q *queue.Queue, ctx context.Context, m *queue.Message) error {
			return q.Bury(ctx, m, "no", "")
		}, queue.Run},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, rdb *redis.Client) {
				q, peer := join(t, rdb, "node", "1"), join(t, rdb, "node", "2")
				add(t, rdb, "job_id", "j")
				add(t, rdb, "job_id", "j")
				first, second := claim(t, q), claim(t, peer)
				begin := func(q *queue.Queue, m *queue.Message, want queue.Verdict) {
					t.Helper()
					if verdict, _, _, err := q.Begin(t.Context(), m, "one"); verdict != want || err != nil {
						t.Errorf("%s, %v; want %s", verdict, err, want)
					}
				}
				begin(q, first, queue.Run)
				begin(peer, second, queue.Elsewhere)
				begin(q, first, queue.Run) // as after a lost answer
				if err := tt.end(q, t.Context(), first); err != nil {
					t.Fatal(err)
				}
				begin(peer, second, tt.want)
			})
		})
	}
	t.Run("of no stream", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, rdb *redis.Client) {
			q := join(t, rdb, "node", "1")
			add(t, rdb, "job_id", "j")
			rdb.HSet(t.Context(), queue.StatusKey("j"), "state", "executing", "message_id", "no id")
			if verdict, _, _, err := q.Begin(t.Context(), claim(t, q), "one"); verdict != queue.Run || err != nil {
				t.Errorf("%s, %v", verdict, err)
			}
		})
	})
}

// An answer may be lost, and its question is asked again.
func TestAnEndIsRecordedOnce(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, rdb *redis.Client) {
				q := join(t, rdb, "node", "1")
				add(t, rdb, "job_id", "j")
				m := claim(t, q)
				if _, _, _, err := q.Begin(t.Context(), m, "one"); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if err := end(q, t.Context(), m); err != nil {
						t.Error(err)
					}
				}
				if n := rdb.XLen(t.Context(), "qpu:q1:dead").Val(); n > 1 {
					t.Errorf("%d dead letters", n)
				}
			})
		})
	}
}

func TestRetireRemovesOnlyOurOwnEmptyConsumers(t *testing.T) {
	t.Parallel()
	// The embedded server does not know for how long a consumer has been idle.
	on(t, "redis-server", func(t *testing.T, rdb *redis.Client) {
		add(t, rdb, "job_id", "held by node-1")
		for range 3 {
			add(t, rdb, "job_id", "settled")
		}
		claim(t, join(t, rdb, "node", "1"))
		for _, c := range [][2]string{{"node", "0"}, {"other", "1"}, {"node", "2"}} {
			q := join(t, rdb, c[0], c[1])
			if err := q.Complete(t.Context(), claim(t, q)); err != nil {
				t.Fatal(err)
			}
		}
		q := newQueue(t, rdb, "node", "2")
		for _, tt := range []struct {
			idle time.Duration
			want []string
		}{
			{time.Hour, []string{"node-0", "node-1", "node-2", "other-1"}},
			{0, []string{"node-1", "node-2", "other-1"}},
		} {
			if err := q.Retire(t.Context(), tt.idle); err != nil {
				t.Fatal(err)
			}
			all, err := rdb.XInfoConsumers(t.Context(), "qpu:q1:jobs", "qpu:q1:workers").Result()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range all {
				got = append(got, c.Name)
			}
			if slices.Sort(got); !slices.Equal(got, tt.want) {
				t.Errorf("idle for %s: %v, want %v", tt.idle, got, tt.want)
			}
		}
	})
}

// A start whose answer was lost is asked for again, and counts once.
func TestAStartCountsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		q := join(t, rdb, "node", "boot")
		add(t, rdb, "job_id", "j")
		m := claim(t, q)
		begin := func(attempt string, want queue.Verdict, count string) {
			t.Helper()
			verdict, _, _, err := q.Begin(t.Context(), m, attempt)
			if verdict != want || err != nil || status(t, rdb, "j")["attempts"] != count {
				t.Errorf("begin %q: %s, %v, %v", attempt, verdict, err, status(t, rdb, "j"))
			}
		}
		charge := func(attempt string, want bool, count string) {
			t.Helper()
			if may, err := q.Charge(t.Context(), m, attempt); may != want || err != nil || status(t, rdb, "j")["attempts"] != count {
				t.Errorf("charge %q: %t, %v, %v", attempt, may, err, status(t, rdb, "j"))
			}
		}
		begin("first", queue.Run, "1")
		begin("first", queue.Run, "1")
		begin("", queue.Run, "1")
		charge("second", true, "2")
		charge("second", true, "2")
		begin("third", queue.Run, "3")
		begin("third", queue.Run, "3")
		begin("fourth", queue.Spent, "3")
		charge("fourth", false, "3")
	})
}
