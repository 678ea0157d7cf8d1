package queue_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/queue"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// as is a client with the rights of a user, which may be changed by grant.
func as(t *testing.T, rdb *redis.Client, rights ...any) (user *redis.Client, grant func(rights ...any)) {
	t.Helper()
	grant = func(rights ...any) {
		t.Helper()
		if err := rdb.Do(context.Background(), append([]any{"ACL", "SETUSER", "node"}, rights...)...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	grant(append([]any{"reset", "on", ">password", "&*"}, rights...)...)
	options := *rdb.Options()
	options.Username, options.Password, options.PushNotificationProcessor = "node", "password", nil
	user = redis.NewClient(&options)
	t.Cleanup(func() { user.Close() })
	return user, grant
}

// The keys that a node had before there were decisions and dead letters.
var oldKeys = []any{"+@all", "~qpu:q1:jobs", "~qpu:job:*:status", "~qpu:job:cancelled:*"}

// A node that may touch no decisions does without, job by job: it asks each time, and
// so has what a peer decided as soon as it may.
func TestDecisionsAreAskedForAgain(t *testing.T) {
	t.Parallel()
	rdb := client(t, redistest.Start(t))
	user, grant := as(t, rdb, oldKeys...)
	q := join(t, user, "node", "boot")
	refused := func() int {
		t.Helper()
		log, err := rdb.Do(t.Context(), "ACL", "LOG").Slice()
		if err != nil {
			t.Fatal(err)
		}
		rdb.Do(t.Context(), "ACL", "LOG", "RESET")
		return len(log)
	}
	next := func(id string, want queue.Verdict, times int) *queue.Message {
		t.Helper()
		if err := rdb.HSet(t.Context(), queue.DecisionKey(id), "kind", "completed", "body", "", "sha256", emptySHA).Err(); err != nil {
			t.Fatal(err)
		}
		add(t, rdb, "job_id", id)
		m := claim(t, q)
		verdict, _, _, err := q.Begin(t.Context(), m, "one")
		if n := refused(); verdict != want || err != nil || n != times {
			t.Errorf("%s: %s, %v; refused %d times, want %s and %d", id, verdict, err, n, want, times)
		}
		return m
	}
	m := next("a", queue.Run, 1)
	if err := q.Bury(t.Context(), m, "no", ""); !queue.Refused(err) {
		t.Errorf("bury: %v", err)
	}
	if verdict, _, err := q.Publish(t.Context(), m, &queue.Decision{Kind: "failed"}); !queue.Refused(err) {
		t.Errorf("publish: %s, %v", verdict, err)
	}
	if err := q.Fail(t.Context(), m, "no"); err != nil {
		t.Error(err)
	}
	refused()
	next("b", queue.Run, 1)
	grant("~qpu:job:*:decision")
	next("c", queue.Decided, 0)
	next("d", queue.Decided, 0)
}

const emptySHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// A server that refuses scripts is well, and no outage ends that.
func TestScriptsThatAreRefused(t *testing.T) {
	t.Parallel()
	rdb := client(t, redistest.Start(t))
	user, _ := as(t, rdb, "+@all", "~*", "-@scripting")
	q := join(t, user, "node", "boot")
	_, strays := q.Strays(t.Context(), 1, nil)
	for what, err := range map[string]error{
		"inherit": q.Inherit(t.Context()),
		"retire":  q.Retire(t.Context(), 0),
		"strays":  strays,
		"unknown": user.Do(t.Context(), "NOSUCHCOMMAND").Err(),
	} {
		if !queue.Refused(err) || !queue.Answered(err) || !q.Healthy() {
			t.Errorf("%s: %v, healthy %t", what, err, q.Healthy())
		}
	}
}

// The decision's key may hold something else. Then the job fails, and the key stays
// as it is.
func TestADecisionThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, rdb *redis.Client) {
				q := join(t, rdb, "node", "boot")
				add(t, rdb, "job_id", "j")
				rdb.RPush(t.Context(), queue.DecisionKey("j"), "no hash")
				m := claim(t, q)
				verdict, text, _, err := q.Begin(t.Context(), m, "one")
				if want := "the outcome of the job cannot be recorded: qpu:job:j:decision is a list in Redis"; verdict != queue.Failed || text != want || err != nil {
					t.Errorf("begin: %s %q, %v", verdict, text, err)
				}
				if verdict, _, err := q.Publish(t.Context(), m, &queue.Decision{Kind: "failed", Body: []byte("no")}); err == nil || queue.Refused(err) || !queue.Answered(err) {
					t.Errorf("publish: %s, %v", verdict, err) // it says nothing about others
				}
				if err := end(q, t.Context(), m); err != nil || pending(t, rdb) != 0 {
					t.Errorf("%v, %d pending", err, pending(t, rdb))
				}
				if n := rdb.LLen(t.Context(), queue.DecisionKey("j")).Val(); n != 1 {
					t.Errorf("the key has %d elements", n)
				}
			})
		})
	}
}

// What this node decides comes back as it is, without its body; what stood before
// comes in full.
func TestADecisionIsNotEchoed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		q := join(t, rdb, "node", "boot")
		add(t, rdb, "job_id", "j")
		m := claim(t, q)
		ours, other := &queue.Decision{Kind: "completed", Body: []byte("ours")}, &queue.Decision{Kind: "failed", Body: []byte("other")}
		if verdict, stands, err := q.Publish(t.Context(), m, ours); verdict != queue.Decided || stands != ours || err != nil {
			t.Errorf("%s %+v, %v", verdict, stands, err)
		}
		verdict, stands, err := q.Publish(t.Context(), m, other)
		if verdict != queue.Decided || err != nil || stands == nil || string(stands.Body) != "ours" || stands.Kind != "completed" {
			t.Errorf("%s %+v, %v", verdict, stands, err)
		}
	})
}
