package host_test

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// within is how soon the node knows that Redis has gone, and works again once it
// is back.
const within = 5 * time.Second

// napping makes a guest that says so when it starts on a job of 13 qubits, and
// then sleeps a millisecond for each shot.
var napping = map[string]string{
	"imports": `(import "coda:executor/context@0.1.0" "log" (func $log (param i32 i32 i32)))
		(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))`,
	"bad": `(call $log (i32.const 1) (i32.const 100) (i32.const 4))
		(i32.store (i32.const 2064) (i32.const 1)) ;; the monotonic clock
		(i64.store (i32.const 2072) (i64.mul (local.get 10) (i64.const 1000000)))
		(drop (call $poll (i32.const 2048) (i32.const 2112) (i32.const 1) (i32.const 2160)))`,
}

// troubles are what can happen to Redis, and how it ends.
var troubles = map[string]struct {
	begin, end func(t *testing.T, s *redistest.Server, rdb *redis.Client)
}{
	"stopped": {
		func(_ *testing.T, s *redistest.Server, _ *redis.Client) { s.Stop() },
		func(t *testing.T, s *redistest.Server, _ *redis.Client) { s.Restart(t) },
	},
	"hanging": {
		func(t *testing.T, s *redistest.Server, _ *redis.Client) { s.Suspend(t) },
		func(t *testing.T, s *redistest.Server, _ *redis.Client) { s.Resume(t) },
	},
	"hanging on writes": {
		commands("CLIENT", "PAUSE", "600000", "WRITE"),
		commands("CLIENT", "UNPAUSE"),
	},
	"a replica of nobody": {
		commands("REPLICAOF", "127.0.0.1", "1"),
		commands("REPLICAOF", "NO", "ONE"),
	},
	"without the replicas that it needs": {
		commands("CONFIG", "SET", "min-replicas-to-write", "1"),
		commands("CONFIG", "SET", "min-replicas-to-write", "0"),
	},
}

func commands(args ...any) func(*testing.T, *redistest.Server, *redis.Client) {
	return func(t *testing.T, _ *redistest.Server, rdb *redis.Client) {
		t.Helper()
		if err := rdb.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOutages is the promise about Redis: the node says the truth about it all
// the time, works again as soon as Redis does, and no job is lost or runs twice.
func TestOutages(t *testing.T) {
	t.Parallel()
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			trickle := s.trickle(t)
			delivering, executing := s.hands(t)

			gone := time.Now()
			trouble.begin(t, s.server, s.redis)
			known := s.observed(t, 503)
			// Who has a result delivers it, with or without Redis.
			s.result(t, delivering)
			s.result(t, executing)
			s.heard(t, false)
			back := time.Now()
			trouble.end(t, s.server, s.redis)
			returned := time.Now()
			works := s.observed(t, 200)
			s.result(t, s.nap(t, 5))
			worked := time.Now()
			s.heard(t, true)

			trickle.stop()
			s.accountFor(t, append(trickle.ids, delivering, executing))
			s.story(t, []int{200, 503, 200})
			for what, took := range map[string]time.Duration{
				"the loss was known":  known.Sub(gone),
				"the node was ready":  works.Sub(returned),
				"a new job was ended": worked.Sub(returned),
			} {
				if took > within {
					t.Errorf("%s after %s", what, took)
				}
			}
			if works.Before(back) {
				t.Error("the node was ready before Redis was")
			}
			t.Logf("%d jobs; the loss was known after %s, the node ready after %s, a new job at its end after %s",
				len(trickle.ids)+3, known.Sub(gone), works.Sub(returned), worked.Sub(returned))
		})
	}
}

// A Redis that answers slowly costs time, and nothing else.
func TestASlowRedis(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	trickle := s.trickle(t)
	for range 8 {
		s.server.Suspend(t)
		time.Sleep(300 * time.Millisecond)
		s.server.Resume(t)
		time.Sleep(200 * time.Millisecond)
	}
	trickle.stop()
	s.accountFor(t, trickle.ids)
	s.story(t, []int{200})
}

// A flush takes the queue away, and with it the messages in hand: those jobs are
// ended all the same.
func TestAFlush(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	delivering, executing := s.hands(t)
	commands("FLUSHALL")(t, s.server, s.redis)
	flushed := time.Now()
	trickle := s.trickle(t)
	first := s.nap(t, 5)
	s.result(t, executing)
	s.result(t, first)
	t.Logf("a new job was at its end %s after the flush", time.Since(flushed))
	trickle.stop()
	s.result(t, delivering)
	s.accountFor(t, append(trickle.ids, delivering, executing, first))
	if story := s.statuses(); !slices.Equal(story, []int{200}) && !slices.Equal(story, []int{200, 503, 200}) {
		t.Errorf("/ready answered %v", story)
	}
	for _, id := range []string{delivering, executing, first} {
		if state := s.redis.HGet(t.Context(), "qpu:job:"+id+":status", "state").Val(); state != "completed" {
			t.Errorf("the status of %s is %q", id, state)
		}
	}
}
