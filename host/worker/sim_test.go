package worker_test

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/worker"
)

var simSeed = flag.Int64("seed", -1, "the one seed of the simulation that is run, and traced with -v")

const (
	simJobs   = 50
	simFaults = 3 * time.Minute // then all is well
	simBound  = 8 * time.Hour   // and everything must have ended
)

// TestSimulation runs nodes against a queue, disks, a network, guests and a cloud
// that fail at random, and holds them to the promise. CODA_SEEDS says how many
// seeds are tried; a failing one is run again, and traced, with -seed.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *simSeed >= 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		var trace io.Writer
		if testing.Verbose() {
			trace = os.Stdout
		}
		simulate(t, uint64(*simSeed), trace)
		return
	}
	seeds := 200
	if testing.Short() {
		seeds = 40
	}
	if text := os.Getenv("CODA_SEEDS"); text != "" {
		var err error
		if seeds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("CODA_SEEDS: %v", err)
		}
	}
	var next, failed atomic.Int64
	for shard := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint("shard ", shard), func(t *testing.T) {
			t.Parallel()
			for failed.Load() < 5 {
				seed := next.Add(1) - 1
				if seed >= int64(seeds) {
					return
				}
				if simulate(t, uint64(seed), nil) {
					failed.Add(1)
				}
			}
		})
	}
}

// simulate runs one seed, and returns whether the promise was broken.
func simulate(t *testing.T, seed uint64, trace io.Writer) (broken bool) {
	var w *world
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(seed, trace)
		w.run()
	})
	if len(w.broken) > 0 {
		t.Errorf("seed %d:\n\t%s\n%s", seed, strings.Join(w.broken[:min(5, len(w.broken))], "\n\t"),
			fmt.Sprintf("to see it: GODEBUG=asyncpreemptoff=1 go test ./host/worker -run '^TestSimulation$' -seed=%d -v", seed))
	}
	return len(w.broken) > 0
}

// plan is what happens to the world, and when. Later comes last.
type plan struct {
	at time.Duration
	do func() // with the world locked
}

func (w *world) run() {
	random := rand.New(rand.NewPCG(w.seed, 1))
	w.odds = w.weather(random)
	w.build(random)
	plans := w.plans(random)
	for _, n := range w.nodes {
		n.up()
	}
	for _, p := range plans {
		time.Sleep(time.Until(w.start.Add(p.at)))
		w.mu.Lock()
		p.do()
		w.mu.Unlock()
	}
	time.Sleep(time.Until(w.start.Add(simFaults)))
	w.mu.Lock()
	w.calm, w.down = true, false
	clear(w.redis.denies)
	for _, n := range w.nodes {
		n.cutOff, n.disk.full = false, false
		n.thaw()
		if n.line != nil {
			n.line.set(true)
		}
	}
	w.note("", "calm", "", "")
	w.mu.Unlock()
	for step := 3 * time.Second; time.Since(w.start) < simFaults+simBound; step = min(2*step, 10*time.Minute) {
		for _, n := range w.nodes {
			n.up()
		}
		time.Sleep(step)
		w.mu.Lock()
		settled := w.settled()
		w.mu.Unlock()
		if settled {
			break
		}
	}
	for _, n := range w.nodes {
		w.mu.Lock()
		b := n.now
		if b != nil && !b.retire() {
			b = nil
		}
		w.mu.Unlock()
		if b != nil {
			b.down(time.Hour)
		}
	}
	w.wg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checkEnds()
}

// weather is how much goes wrong by itself.
func (w *world) weather(random *rand.Rand) odds {
	some := func(most float64) float64 {
		if random.IntN(3) == 0 {
			return 0
		}
		return most * random.Float64()
	}
	return odds{lostRequest: some(0.03), lostReply: some(0.03), slow: some(0.05), ghost: 0.5, post: some(0.4)}
}

func (w *world) build(random *rand.Rand) {
	alone := random.IntN(8) == 0
	nodes := 1 + random.IntN(3)
	if alone { // what is decided is then known to one node only
		nodes, w.redis.refuses = 1, true
	}
	for i := range nodes {
		n := &simNode{w: w, name: fmt.Sprint("node", i), disk: newSimDisk(), concurrency: 1 + random.IntN(4), batch: random.IntN(2) == 0}
		if random.IntN(2) == 0 {
			n.line = newSimLine(w)
		}
		w.nodes = append(w.nodes, n)
	}
}

// plans are the jobs and the faults of a seed.
func (w *world) plans(random *rand.Rand) (all []plan) {
	add := func(at time.Duration, do func()) { all = append(all, plan{at, do}) }
	moment := func(until time.Duration) time.Duration { return time.Duration(random.Int64N(int64(until))) }
	for i := range simJobs {
		w.planJob(random, i, moment(simFaults*3/4), add)
	}
	for _, n := range w.nodes {
		for range random.IntN(5) {
			at, power := moment(simFaults), random.IntN(3) == 0
			add(at, func() {
				if n.now != nil {
					n.now.kill(power)
				}
			})
			add(at+moment(90*time.Second), func() { w.wg.Go(n.up) })
		}
		for range random.IntN(2) {
			limit := moment(time.Minute)
			add(moment(simFaults), func() {
				if b := n.now; b != nil && b.retire() {
					w.wg.Go(func() { b.down(limit) })
				}
			})
		}
		for range 3 { // against the guests that take their node with them
			add(moment(simFaults), func() { w.wg.Go(n.up) })
		}
		for range random.IntN(3) {
			at := moment(simFaults)
			add(at, func() { n.cutOff = true; w.note(n.name, "cut off", "", "") })
			add(at+moment(100*time.Second), func() { n.cutOff = false; w.note(n.name, "reaches redis", "", "") })
		}
		full := random.IntN(3)
		if w.redis.refuses { // the disk alone knows what was decided
			full += 3
		}
		for range full {
			at := moment(simFaults)
			add(at, func() { n.disk.full = true; w.note(n.name, "disk full", "", "") })
			add(at+moment(30*time.Second), func() { n.disk.full = false; w.note(n.name, "disk free", "", "") })
		}
		for range random.IntN(4) {
			at := moment(simFaults)
			add(at, n.freeze)
			add(at+moment(120*time.Second), n.thaw)
		}
		for range random.IntN(4) {
			at := moment(simFaults)
			if n.line != nil {
				add(at, func() { n.line.set(false); w.note(n.name, "line down", "", "") })
				add(at+moment(60*time.Second), func() { n.line.set(true); w.note(n.name, "line up", "", "") })
			}
		}
	}
	for range random.IntN(3) {
		at := moment(simFaults)
		add(at, func() { w.down = true; w.wake(); w.note("", "redis down", "", "") })
		add(at+moment(90*time.Second), func() { w.down = false; w.note("", "redis up", "", "") })
	}
	for range random.IntN(3) {
		// Not "publish": what one node alone knows then, a peer may decide anew.
		ops := []string{"begin", "charge", "complete", "fail", "cancel", "bury", "letter", "strays", "claim", "reclaim"}
		op, at := ops[random.IntN(len(ops))], moment(simFaults)
		add(at, func() { w.redis.denies[op] = true; w.note("", "denies", op, "") })
		add(at+moment(120*time.Second), func() { delete(w.redis.denies, op); w.note("", "lets through", op, "") })
	}
	all = slices.DeleteFunc(all, func(p plan) bool { return p.at >= simFaults })
	slices.SortStableFunc(all, func(a, b plan) int { return cmp.Compare(a.at, b.at) })
	return all
}

// planJob makes a job, its messages, and perhaps its cancellation.
func (w *world) planJob(random *rand.Rand, i int, at time.Duration, add func(time.Duration, func())) {
	job := &simJob{id: fmt.Sprint("job", i)}
	m := worker.Message{JobID: job.id, CallbackURL: simHook, IR: ir, Shots: "10"}
	switch random.IntN(40) {
	case 0:
		job.callback = "gone"
	case 1:
		job.callback = "rejects"
	case 2:
		m.CallbackURL = "https://elsewhere.example.com/"
	case 3:
		m.Shots = "none"
	case 4:
		job.id, m.JobID = "", ""
	}
	if w.cloud.jobs[job.id] == nil {
		w.cloud.jobs[job.id] = job
	}
	job = w.cloud.jobs[job.id]
	send := func() {
		id := w.redis.add(m)
		job.messages = append(job.messages, id)
		w.note("", "queued", job.id, id)
		w.wake()
	}
	add(at, send)
	if random.IntN(25) == 0 {
		add(at+time.Duration(random.Int64N(int64(20*time.Second))), send)
	}
	if random.IntN(8) == 0 && job.id != "" {
		add(at+time.Duration(random.Int64N(int64(10*time.Second))), func() {
			w.redis.cancel[job.id] = true
			w.note("", "cancels", job.id, "")
		})
	}
}

// wake lets those look again who wait for messages. The world is locked.
func (w *world) wake() {
	close(w.arrived)
	w.arrived = make(chan struct{})
}

// freeze stops a process without ending it. The world is locked.
func (n *simNode) freeze() {
	if n.now != nil && n.frozen == nil {
		n.frozen = make(chan struct{})
		n.w.note(n.name, "frozen", "", "")
	}
}

// thaw lets it go on. The world is locked.
func (n *simNode) thaw() {
	if n.frozen != nil {
		close(n.frozen)
		n.frozen = nil
		n.w.note(n.name, "goes on", "", "")
	}
}
