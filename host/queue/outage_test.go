package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/queue"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// watched is a queue on a server of its own, which a test may trouble.
func watched(t *testing.T) (*queue.Queue, *redis.Client, *redistest.Server) {
	t.Helper()
	server := redistest.New(t)
	rdb := client(t, server.URL())
	return watch(t, rdb), rdb, server
}

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// watch makes a queue on a client's server that looks for outages.
func watch(t *testing.T, rdb *redis.Client) *queue.Queue {
	t.Helper()
	q := newQueue(t, rdb, "node", "boot")
	if q.Healthy() || q.Outage() == nil {
		t.Error("healthy before the first contact")
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.Watch(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	ended(t, q)
	return q
}

// begun waits for an outage to be noticed, ended for its end.
func begun(t *testing.T, q *queue.Queue) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); q.Outage() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no outage is noticed")
		}
	}
}

func ended(t *testing.T, q *queue.Queue) {
	t.Helper()
	outage := q.Outage()
	if outage == nil {
		return
	}
	select {
	case <-outage:
	case <-time.After(time.Minute):
		t.Fatal("the end of the outage is not noticed")
	}
}

// Nobody uses the queue here: the watch alone finds out.
func TestOutagesAreNoticed(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(t *testing.T, rdb *redis.Client, s *redistest.Server) (mend func()){
		"stopped": func(t *testing.T, _ *redis.Client, s *redistest.Server) func() {
			s.Stop()
			return func() { s.Restart(t) }
		},
		"hanging": func(t *testing.T, _ *redis.Client, s *redistest.Server) func() {
			s.Suspend(t)
			return func() { s.Resume(t) }
		},
		"a replica": func(t *testing.T, rdb *redis.Client, _ *redistest.Server) func() {
			return set(t, rdb, []any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"})
		},
		"without its replicas": func(t *testing.T, rdb *redis.Client, _ *redistest.Server) func() {
			return set(t, rdb, []any{"CONFIG", "SET", "min-replicas-to-write", "1"}, []any{"CONFIG", "SET", "min-replicas-to-write", "0"})
		},
		"full": func(t *testing.T, rdb *redis.Client, _ *redistest.Server) func() {
			return set(t, rdb, []any{"CONFIG", "SET", "maxmemory", "1"}, []any{"CONFIG", "SET", "maxmemory", "0"})
		},
		"another's type": func(t *testing.T, rdb *redis.Client, _ *redistest.Server) func() {
			return set(t, rdb, []any{"SET", "qpu:q1:jobs", "x"}, []any{"DEL", "qpu:q1:jobs"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, rdb, server := watched(t)
			mend := trouble(t, rdb, server)
			begun(t, q)
			mend()
			ended(t, q)
			add(t, rdb, "job_id", "j")
			if m := claim(t, q); m.JobID != "j" {
				t.Errorf("claimed %+v", m)
			}
		})
	}
}

// A read that waits on a connection which the network has forgotten ends with the
// outage. The server does not know that yet, and gives it what arrives.
func TestAReadThatWaitsInVainIsCut(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	relay := redistest.NewRelay(t, server)
	rdb := client(t, server.URL())
	q := watch(t, client(t, relay.URL()))
	result := make(chan error, 1)
	go func() {
		messages, err := q.Claim(t.Context(), 1, queue.Block)
		if len(messages) > 0 {
			err = fmt.Errorf("claimed %v", messages)
		}
		result <- err
	}()
	// The read, the probe and this.
	for waiting := false; !waiting; time.Sleep(time.Millisecond) {
		clients, err := rdb.Info(t.Context(), "clients").Result()
		if err != nil {
			t.Fatal(err)
		}
		waiting = strings.Contains(clients, "blocked_clients:1\r\n") && strings.Contains(clients, "connected_clients:3\r\n")
	}
	relay.Break()
	relay.Mend()
	add(t, rdb, "job_id", "j") // the read that waits in vain gets it
	if err := <-result; err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("the claim ended with %v", err)
	}
	ended(t, q)
	strays, err := q.Strays(t.Context(), 1, nil)
	if err != nil || len(strays) != 1 || strays[0].JobID != "j" {
		t.Errorf("strays %v, %v", strays, err)
	}
}

// set changes the server and returns what changes it back.
func set(t *testing.T, rdb *redis.Client, there, back []any) func() {
	t.Helper()
	call := func(args []any) {
		if err := rdb.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	call(there)
	return func() { call(back) }
}

// What one job's command is refused says nothing about the others.
func TestOneJobsRefusalIsNoOutage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		q := join(t, rdb, "node", "boot")
		if _, err := q.Charge(t.Context(), &queue.Message{ID: "no id", JobID: "j"}, "two"); err == nil || !q.Healthy() {
			t.Errorf("healthy %t after %v", q.Healthy(), err)
		}
	})
}

func TestAFlushedGroupIsMadeAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		q := join(t, rdb, "node", "boot")
		if err := rdb.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Claim(t.Context(), 1, queue.Block); err == nil {
			t.Fatal("claimed from a group that is gone")
		}
		add(t, rdb, "job_id", "j")
		if m := claim(t, q); m.JobID != "j" {
			t.Errorf("claimed %+v", m)
		}
	})
}

// A flush takes the messages of jobs in hand away. They can be nobody else's, so
// they go on to their end, unless that has been recorded since.
func TestJobsInHandSurviveAFlush(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		begun  bool
		status []any // as found after the flush
		lost   bool
	}{
		"before it begins":    {begun: false},
		"while it runs":       {begun: true},
		"began again":         {begun: true, status: []any{"state", "executing"}},
		"settled since":       {begun: true, status: []any{"state", "completed"}, lost: true},
		"settled meanwhile":   {begun: false, status: []any{"state", "completed"}, lost: true},
		"cancelled since":     {begun: true, status: []any{"state", "cancelled"}, lost: true},
		"failed, says a peer": {begun: true, status: []any{"state", "failed"}, lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, rdb *redis.Client) {
				q := join(t, rdb, "node", "boot")
				add(t, rdb, "job_id", "j")
				m := claim(t, q)
				begin := func() queue.Verdict {
					verdict, _, _, err := q.Begin(t.Context(), m, "one")
					if err != nil {
						t.Fatal(err)
					}
					return verdict
				}
				if tt.begun {
					begin()
				}
				if err := rdb.FlushAll(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
				if err := q.Join(t.Context()); err != nil {
					t.Fatal(err)
				}
				// Not in the same millisecond, where it would get the same id.
				if err := rdb.XAdd(t.Context(), &redis.XAddArgs{
					Stream: "qpu:q1:jobs", ID: "9999999999999-0", Values: []string{"job_id", "later"},
				}).Err(); err != nil {
					t.Fatal(err)
				}
				claim(t, q)
				if tt.status != nil {
					rdb.HSet(t.Context(), queue.StatusKey("j"), tt.status...)
				}
				if kept, err := q.Extend(t.Context(), []string{m.ID}); !slices.Equal(kept, []string{m.ID}) || err != nil {
					t.Errorf("kept %v, %v", kept, err)
				}
				if !tt.begun {
					if verdict := begin(); verdict == queue.Run == tt.lost {
						t.Errorf("begin: %s", verdict)
					}
				}
				err := q.Complete(t.Context(), m)
				if errors.Is(err, queue.ErrLost) != tt.lost || !tt.lost && (err != nil || status(t, rdb, "j")["state"] != "completed") {
					t.Errorf("complete: %v, status %v", err, status(t, rdb, "j"))
				}
			})
		})
	}
}

func TestStraysAreWhatIsNotInHand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		q, peer := join(t, rdb, "node", "1"), join(t, rdb, "node", "2")
		for _, id := range []string{"in hand", "a", "b", "c", "gone"} {
			add(t, rdb, "job_id", id, "callback_url", "u", "ir_json", "{}", "shots", "7")
		}
		inHand := claim(t, q)
		var ids []string
		for range 4 {
			ids = append(ids, claim(t, q).ID)
		}
		add(t, rdb, "job_id", "a peer's")
		claim(t, peer)
		if err := rdb.XDel(t.Context(), "qpu:q1:jobs", ids[3]).Err(); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			n      int
			inHand []string
			want   []string
		}{
			{2, []string{inHand.ID}, []string{"a", "b"}},
			{10, []string{inHand.ID, ids[0], ids[1]}, []string{"c"}},
			{10, append([]string{inHand.ID}, ids...), nil},
		} {
			got, err := q.Strays(t.Context(), tt.n, tt.inHand)
			var names []string
			for _, m := range got {
				names = append(names, m.JobID)
				if m.CallbackURL != "u" || m.IR != "{}" || m.Shots != "7" {
					t.Errorf("message %+v", m)
				}
			}
			if err != nil || !slices.Equal(names, tt.want) {
				t.Errorf("strays %v, %v; want %v", names, err, tt.want)
			}
		}
	})
}
