package queue_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/queue"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// slow is a queue behind a slow way to a server. Waiting for the first byte of an
// answer, and between two, is a matter of 400 ms.
func slow(t *testing.T, rate int) (*queue.Queue, *redis.Client) {
	t.Helper()
	const patience = 400 * time.Millisecond
	server := redistest.New(t)
	relay := redistest.NewRelay(t, server)
	options, err := redis.ParseURL(relay.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.DialerRetries, options.ContextTimeoutEnabled = -1, 1, true
	options.ReadTimeout = patience
	q := queue.New(options, "q1", "node", "boot")
	t.Cleanup(q.Close)
	q.SetPatience(patience)
	if err := q.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	relay.Slow(rate)
	return q, client(t, server.URL())
}

// A large message takes longer than any answer may take to begin. It arrives all the
// same, and so does the one behind it, whichever way they come.
func TestALargeMessageOverASlowWay(t *testing.T) {
	t.Parallel()
	circuit := strings.Repeat("x", 1<<20)
	for name, first := range map[string]func(q *queue.Queue, rdb *redis.Client, t *testing.T) ([]queue.Message, error){
		"new": func(q *queue.Queue, _ *redis.Client, t *testing.T) ([]queue.Message, error) {
			return q.Claim(t.Context(), 1, time.Millisecond)
		},
		"its first reply was lost": func(q *queue.Queue, rdb *redis.Client, t *testing.T) ([]queue.Message, error) {
			assign(t, rdb, q.Consumer())
			return q.Strays(t.Context(), 1, nil)
		},
		"another node abandoned it": func(q *queue.Queue, rdb *redis.Client, t *testing.T) ([]queue.Message, error) {
			id := assign(t, rdb, "another")
			err := rdb.Do(t.Context(), "XCLAIM", "qpu:q1:jobs", "qpu:q1:workers", "another", 0, id, "IDLE", queue.Lease.Milliseconds()).Err()
			if err != nil {
				t.Fatal(err)
			}
			return q.Reclaim(t.Context(), 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, rdb := slow(t, 1<<20)
			add(t, rdb, "job_id", "large", "ir_json", circuit)
			add(t, rdb, "job_id", "small")
			messages, err := first(q, rdb, t)
			var jobs, inHand []string
			for deadline := time.Now().Add(20 * time.Second); len(jobs) < 2; messages, err = rest(q, t, inHand) {
				if err != nil { // a machine may halt for longer than an answer may
					t.Logf("once more: %v", err)
				}
				for _, m := range messages {
					jobs, inHand = append(jobs, m.JobID), append(inHand, m.ID)
					if m.JobID == "large" && m.IR != circuit {
						t.Errorf("%d bytes of %d", len(m.IR), len(circuit))
					}
				}
				if time.Now().After(deadline) {
					t.Fatalf("only %q arrived", jobs)
				}
			}
			if !slices.Equal(jobs, []string{"large", "small"}) {
				t.Errorf("%q", jobs)
			}
		})
	}
}

// rest takes a message that a lost reply held, or a new one.
func rest(q *queue.Queue, t *testing.T, inHand []string) ([]queue.Message, error) {
	messages, err := q.Strays(t.Context(), 1, inHand)
	if err != nil || len(messages) > 0 {
		return messages, err
	}
	return q.Claim(t.Context(), 1, time.Millisecond)
}

// assign has the server give a consumer the next message, and returns its id.
func assign(t *testing.T, rdb *redis.Client, consumer string) string {
	t.Helper()
	streams, err := rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{
		Group: "qpu:q1:workers", Consumer: consumer, Streams: []string{"qpu:q1:jobs", ">"}, Count: 1,
	}).Result()
	if err != nil {
		t.Fatal(err)
	}
	return streams[0].Messages[0].ID
}

// The lease of a message is renewed while it is on its way, however long that takes.
func TestAMessageIsKeptWhileItIsOnItsWay(t *testing.T) {
	t.Parallel()
	q, rdb := slow(t, 512<<10)
	q.SetPatience(time.Minute)
	q.SetKeepEvery(20 * time.Millisecond)
	add(t, rdb, "job_id", "large", "ir_json", strings.Repeat("x", 1<<20))
	claimed := make(chan error, 1)
	go func() {
		messages, err := q.Claim(t.Context(), 1, time.Second)
		if err == nil && len(messages) != 1 {
			err = fmt.Errorf("%d messages", len(messages))
		}
		claimed <- err
	}()
	age, renewed := queue.Lease/2, false
	aged := false
	for done := false; !done; {
		select {
		case err := <-claimed:
			if err != nil {
				t.Error(err)
			}
			done = true
		case <-time.After(time.Millisecond):
		}
		p, err := rdb.XPendingExt(t.Context(), &redis.XPendingExtArgs{
			Stream: "qpu:q1:jobs", Group: "qpu:q1:workers", Start: "-", End: "+", Count: 1}).Result()
		switch {
		case err != nil:
			t.Fatal(err)
		case len(p) == 0: // it has not been asked for yet
		case !aged:
			aged = true
			err := rdb.Do(t.Context(), "XCLAIM", "qpu:q1:jobs", "qpu:q1:workers", q.Consumer(), 0, p[0].ID,
				"IDLE", age.Milliseconds(), "JUSTID").Err()
			if err != nil {
				t.Fatal(err)
			}
		case p[0].Idle < age:
			renewed = true
		}
	}
	if !renewed {
		t.Error("its lease is not renewed")
	}
}

// What is given back while an answer is on its way stays free for others.
func TestWhatIsGivenBackIsNotKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		q := join(t, rdb, "node", "boot")
		add(t, rdb, "job_id", "a")
		m := claim(t, q)
		if err := q.GiveBack(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if err := q.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		peer := join(t, rdb, "peer", "boot")
		if got, err := peer.Reclaim(t.Context(), 1); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// How long an answer may take, on a clock of the test's own.
func TestAnAnswerHasTimeForAsLongAsItMoves(t *testing.T) {
	t.Parallel()
	const patience = 2 * time.Second
	for name, tt := range map[string]struct {
		first, every time.Duration
		bytes, parts int
		ends         time.Duration // 0: it arrives
		takenUp      bool
	}{
		"it begins late":      {first: 6 * time.Second, bytes: 100, parts: 1, ends: 5 * time.Second},
		"it is slow":          {every: 1900 * time.Millisecond, bytes: 20_000, parts: 1000, takenUp: true},
		"it stops":            {every: time.Second, bytes: 200_000, parts: 10, ends: 9*time.Second + patience},
		"it trickles":         {every: time.Second, bytes: 1, parts: 1000, ends: time.Minute},
		"it is small":         {every: time.Second, bytes: 50, parts: 100, ends: time.Minute + time.Second/2},
		"it begins just then": {first: 4900 * time.Millisecond, every: 1900 * time.Millisecond, bytes: 20_000, parts: 10, takenUp: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				conn, isTakenUp := queue.Carry(near, patience)
				defer conn.Close()
				go func() {
					time.Sleep(tt.first)
					for range tt.parts {
						if _, err := far.Write(make([]byte, tt.bytes)); err != nil {
							return
						}
						time.Sleep(tt.every)
					}
				}()
				began := time.Now()
				if err := conn.SetReadDeadline(began.Add(5 * time.Second)); err != nil {
					t.Fatal(err)
				}
				want := tt.bytes * tt.parts
				if tt.ends > 0 {
					want++ // that never comes
				}
				_, err := io.ReadFull(conn, make([]byte, want))
				took := time.Since(began).Round(time.Second / 2)
				if arrived := err == nil; arrived != (tt.ends == 0) || !arrived && (took != tt.ends || !errors.Is(err, os.ErrDeadlineExceeded)) {
					t.Errorf("%v after %s", err, took)
				}
				if got := isTakenUp(os.ErrDeadlineExceeded); got != tt.takenUp {
					t.Errorf("the way is taken up: %t", got)
				}
				time.Sleep(patience)
				if isTakenUp(os.ErrDeadlineExceeded) {
					t.Error("the way is taken up by nothing")
				}
			})
		})
	}
}

// What has to wait because a large answer takes up the way has met no outage; what
// the connection ends for has.
func TestALargeAnswerIsNoOutage(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	q := newQueue(t, client(t, server.URL()), "node", "boot")
	if err := q.Join(t.Context()); err != nil || !q.Healthy() {
		t.Fatal(err)
	}
	q.SetPatience(time.Hour)
	q.Moves()
	server.Suspend(t)
	if err := q.Join(t.Context()); err == nil || !q.Healthy() {
		t.Errorf("a probe that had to wait: %v, healthy %t", err, q.Healthy())
	}
	server.Resume(t)
	if err := q.Met(t.Context(), os.ErrDeadlineExceeded); err == nil || !q.Healthy() {
		t.Errorf("a command that had to wait: %v, healthy %t", err, q.Healthy())
	}
	if err := q.Met(t.Context(), io.EOF); err == nil || q.Healthy() {
		t.Errorf("a connection that ended: %v, healthy %t", err, q.Healthy())
	}
}
