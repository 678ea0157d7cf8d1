package host_test

import (
	"slices"
	"testing"
	"time"
)

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
var troubles = map[string]struct{ begin, end func(*testing.T, *scene) }{
	"stopped": {
		func(_ *testing.T, s *scene) { s.server.Stop() },
		func(t *testing.T, s *scene) { s.server.Restart(t) },
	},
	"hanging": {
		func(t *testing.T, s *scene) { s.server.Suspend(t) },
		func(t *testing.T, s *scene) { s.server.Resume(t) },
	},
	"behind a broken network": {
		func(_ *testing.T, s *scene) { s.relay.Break() },
		func(_ *testing.T, s *scene) { s.relay.Mend() },
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

func commands(args ...any) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		t.Helper()
		if err := s.redis.Do(t.Context(), args...).Err(); err != nil {
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
			trouble.begin(t, s)
			known := s.observed(t, 503)
			// Who has a result delivers it, with or without Redis.
			s.result(t, delivering)
			s.heard(t, false)
			back := time.Now()
			trouble.end(t, s)
			returned := time.Now()
			works := s.observed(t, 200)
			s.result(t, s.nap(t, 5))
			worked := time.Now()
			s.heard(t, true)

			trickle.stop()
			s.accountFor(t, append(trickle.ids, delivering, executing))
			s.story(t, []int{200, 503, 200})
			if works.Before(back) {
				t.Error("the node was ready before Redis was")
			}
			t.Logf("%d jobs; the loss was known after %s, the node ready after %s, a new job at its end after %s",
				len(trickle.ids)+3, known.Sub(gone), works.Sub(returned), worked.Sub(returned))
		})
	}
}

// A network may break for a moment, and forget the connections that there were.
// Nobody is told: what waits on them would wait for ever.
func TestConnectionsThatAreForgotten(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	delivering, executing := s.hands(t)
	s.relay.Break()
	s.relay.Mend()
	broke := time.Now()
	first := s.nap(t, 5)
	trickle := s.trickle(t) // some arrive while a dead connection still waits at the server
	s.result(t, first)
	worked := time.Since(broke)
	s.result(t, s.nap(t, 5))
	trickle.stop()
	s.accountFor(t, append(trickle.ids, delivering, executing, first))
	if story := s.statuses(); !slices.Equal(story, []int{200}) && !slices.Equal(story, []int{200, 503, 200}) {
		t.Errorf("/ready answered %v", story) // the outage may be over before anybody has asked
	}
	// The probe, and whatever else is asked of a dead connection, gives up after two
	// seconds, and begins within another; a second later all is well.
	t.Logf("%d jobs; a new one was at its end after %s", len(trickle.ids)+4, worked)
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

// What takes the queue away takes the messages in hand with it. Those jobs are
// ended all the same.
func TestTheQueueIsLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *scene){
		"in a flush": commands("FLUSHALL"),
		"in a restart": func(t *testing.T, s *scene) {
			s.server.Lose(t)
			s.server.Restart(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			delivering, executing := s.hands(t)
			lose(t, s)
			lost := time.Now()
			trickle := s.trickle(t)
			first := s.nap(t, 5)
			s.result(t, first)
			t.Logf("a new job was at its end %s after the loss", time.Since(lost))
			trickle.stop()
			s.accountFor(t, append(trickle.ids, delivering, executing, first))
			if story := s.statuses(); !slices.Equal(story, []int{200}) && !slices.Equal(story, []int{200, 503, 200}) {
				t.Errorf("/ready answered %v", story)
			}
			for _, id := range []string{delivering, executing, first} { // not pending any more, so that nothing has waited for it
				eventually(t, "the status of "+id+" is not completed", func() bool {
					return s.redis.HGet(t.Context(), "qpu:job:"+id+":status", "state").Val() == "completed"
				})
			}
		})
	}
}
