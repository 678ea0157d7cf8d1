package worker_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/worker"
)

// world is everything around the workers of one seed. Its randomness depends on
// what is asked, by whom and how often, not on the order in which goroutines ask;
// and each thing that happens takes a time of its own, to the nanosecond. So the
// order of events is that of their times, and a seed gives the same run again.
type world struct {
	seed  uint64
	start time.Time
	trace io.Writer // nil: none

	wg sync.WaitGroup // goroutines of the world's own

	mu      sync.Mutex // guards all that follows, and the redis, the disks and the cloud; never held over a wait
	asked   map[question]uint64
	redis   *simRedis
	cloud   *simCloud
	arrived chan struct{} // closed, and made anew, when messages come or Redis goes
	down    bool          // Redis
	calm    bool          // no more faults
	nodes   []*simNode
	started map[string]int // executions, by job
	broken  []string       // what must not be
	odds    odds
}

// odds are how likely a fault is, each time.
type odds struct{ lostRequest, lostReply, slow, ghost, post float64 }

type question struct{ what, who, about string }

// chance is a number in [0, 1) that the seed, the question and the count of its
// repetitions decide. The world is locked.
func (w *world) chance(what, who, about string) float64 {
	q := question{what, who, about}
	w.asked[q]++
	h := w.seed*0x9e3779b97f4a7c15 ^ w.asked[q]*0xc2b2ae3d27d4eb4f
	for _, s := range [...]string{what, who, about} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 0x100000001b3
		}
		h = mix(h + 1)
	}
	return fraction(h)
}

// fraction is a number in [0, 1) for each number.
func fraction(h uint64) float64 { return float64(mix(h)>>11) / (1 << 53) }

// another number in [0, 1), of one.
func another(c float64, which uint64) float64 { return fraction(math.Float64bits(c) + which) }

func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// latency is 0.1 to 4 ms, as a rule nearer the former.
func (w *world) latency(what, who, about string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := another(w.chance(what, who, about), 1)
	return 100*time.Microsecond + time.Duration(c*c*3.9e6)
}

// note takes an event down. The world is locked.
func (w *world) note(who, what, about, more string) {
	if w.trace != nil {
		_, _ = fmt.Fprintf(w.trace, "%15.9f %-6s %-16s %-8s %s\n", time.Since(w.start).Seconds(), who, what, about, more)
	}
}

// breaks notes that the promise is broken. The world is locked.
func (w *world) breaks(format string, args ...any) {
	text := fmt.Sprintf("after %.9f s: ", time.Since(w.start).Seconds()) + fmt.Sprintf(format, args...)
	w.broken = append(w.broken, text)
	if w.trace != nil {
		_, _ = fmt.Fprintln(w.trace, "BROKEN", text)
	}
}

func simSleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// simNode is a machine with a disk. Boots come and go.
type simNode struct {
	w    *world
	name string
	disk *simDisk
	line *simLine // nil: none

	concurrency int
	batch       bool

	// The world's lock guards these.
	boots  int
	now    *boot         // nil while it is down
	cutOff bool          // from Redis
	frozen chan struct{} // closed when it goes on; nil: it does
}

func (n *simNode) prefix() string { return n.name + "-" }

// boot is one process. Once it is dead whatever it asks fails, and nothing that
// it does reaches anybody.
type boot struct {
	w        *world
	n        *simNode
	consumer string
	worker   *worker.Worker
	stop     context.CancelFunc
	ran      chan struct{} // closed when Run has returned
	over     chan struct{} // closed when Drain has

	// The world's lock guards these.
	dead   bool
	leaves bool          // it drains
	ended  chan struct{} // closed when it dies
	away   chan struct{} // of worker.Queue's Outage
	failed chan struct{} // an outage has begun
}

var (
	errSimDead = errors.New("the process is dead")
	errSimDown = errors.New("redis is away")
)

// up starts a process on a node that has none.
func (n *simNode) up() {
	w := n.w
	w.mu.Lock()
	if n.now != nil {
		w.mu.Unlock()
		return
	}
	n.boots++
	b := &boot{
		w: w, n: n, consumer: fmt.Sprintf("%s%d", n.prefix(), n.boots),
		ran: make(chan struct{}), over: make(chan struct{}),
		ended: make(chan struct{}), failed: make(chan struct{}, 1),
	}
	n.now = b
	w.note(n.name, "up", b.consumer, "")
	w.mu.Unlock()
	cfg := worker.Config{
		Queue: simQueue{b}, Executor: simGuest{b}, Webhook: simWebhook{b},
		Store:       &simStore{b, make(chan struct{}, 1)},
		OwnWebhook:  "https://cloud.example.com/own",
		Concurrency: n.concurrency, Log: slog.New(slog.DiscardHandler),
	}
	if w.trace != nil {
		cfg.Log = slog.New(simLog{slog.NewTextHandler(w.trace, &slog.HandlerOptions{ReplaceAttr: noTime}), b})
	}
	if n.batch {
		cfg.Batch, cfg.MaxBatch = simGuest{b}, 8
	}
	if n.line != nil {
		cfg.Line = n.line
	}
	b.worker = worker.New(cfg)
	b.worker.SetRandom(func() float64 {
		at := uint64(time.Since(w.start))
		return fraction(w.seed ^ at)
	})
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	w.wg.Go(func() {
		defer close(b.ran)
		b.worker.Run(ctx)
	})
}

// kill ends a process at once, by a signal or with the machine's power. The world
// is locked.
func (b *boot) kill(power bool) {
	if b.dead {
		return
	}
	b.die("killed")
	b.n.disk.crash(power, func(jobID string) bool { return b.w.chance("reached the disk", b.n.name, jobID) < 0.5 })
	if b.retire() {
		b.w.wg.Go(func() { b.down(time.Nanosecond) })
	}
}

// die is the end of a process for everybody else. The world is locked.
func (b *boot) die(how string) {
	b.dead, b.n.now = true, nil
	close(b.ended)
	if b.n.frozen != nil {
		close(b.n.frozen)
		b.n.frozen = nil
	}
	b.w.note(b.n.name, how, b.consumer, "")
}

// retire reports whether nobody drains the worker yet. The world is locked.
func (b *boot) retire() bool {
	before := b.leaves
	b.leaves = true
	return !before
}

// down drains the worker for so long.
func (b *boot) down(limit time.Duration) {
	b.stop()
	<-b.ran
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	b.worker.Drain(ctx)
	close(b.over)
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if !b.dead {
		b.die("stopped")
	}
}

// enter waits while the process is frozen, and reports whether it lives.
func (b *boot) enter() bool {
	for {
		b.w.mu.Lock()
		frozen, dead := b.n.frozen, b.dead
		b.w.mu.Unlock()
		if dead || frozen == nil {
			return !dead
		}
		select {
		case <-frozen:
		case <-b.ended:
		}
	}
}

// reaches reports whether a command would reach Redis now. The world is locked.
func (b *boot) reaches() bool {
	return !b.w.down && !b.n.cutOff && (b.n.line == nil || b.n.line.isUp)
}

// ask sends a command to Redis. It can be lost, or its answer; in the latter case
// it was executed.
func (b *boot) ask(ctx context.Context, op, about string, f func()) error {
	w := b.w
	if !b.enter() {
		return errSimDead
	}
	w.mu.Lock()
	fate := w.chance(op, b.consumer, about)
	there, back := another(fate, 1), another(fate, 2)
	if w.calm {
		fate = 1
	}
	w.mu.Unlock()
	late := !simSleep(ctx, trip(there))
	if !b.enter() {
		return errSimDead
	}
	w.mu.Lock()
	switch {
	case b.dead:
		w.mu.Unlock()
		return errSimDead
	case late && w.chance("called off", b.consumer, op) < 0.5:
		w.mu.Unlock()
		return ctx.Err()
	case !b.reaches():
		w.mu.Unlock()
		return b.lose(ctx)
	case fate < w.odds.lostRequest:
		w.note(b.n.name, op, about, "request lost")
		if op == "claim" && w.chance("ghost", b.consumer, "") < w.odds.ghost {
			w.wg.Go(func() { b.ghost() })
		}
		w.mu.Unlock()
		return b.lose(ctx)
	}
	fate -= w.odds.lostRequest
	f()
	lost := fate >= 0 && fate < w.odds.lostReply
	fate -= w.odds.lostReply
	slow := fate >= 0 && fate < w.odds.slow
	if lost {
		w.note(b.n.name, op, about, "reply lost")
	} else {
		w.note(b.n.name, op, about, "")
	}
	w.mu.Unlock()
	if late {
		return ctx.Err()
	}
	if lost {
		return b.lose(ctx)
	}
	if slow && !simSleep(ctx, 1500*time.Millisecond) || !simSleep(ctx, trip(back)) {
		return ctx.Err()
	}
	if !b.enter() {
		return errSimDead
	}
	return nil
}

// trip is the time that a packet is under way: 0.05 to 1.5 ms.
func trip(c float64) time.Duration { return 50*time.Microsecond + time.Duration(c*c*1.45e6) }

// ghost is a read that goes on waiting at the server, for a client that has given
// up.
func (b *boot) ghost() {
	time.Sleep(b.w.latency("ghost", b.consumer, "") * 1000)
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if !b.w.down {
		for _, m := range b.w.redis.read(b.consumer, 1) {
			b.w.note(b.n.name, "ghost read", m.ID, "")
		}
	}
}

// lose is a command without an answer: an outage, as far as anybody can tell.
func (b *boot) lose(ctx context.Context) error {
	wait := time.Millisecond + b.w.latency("refusal", b.consumer, "")
	b.w.mu.Lock()
	if b.w.chance("silence", b.consumer, "") < 0.5 {
		wait += 2 * time.Second
	}
	b.w.mu.Unlock()
	if !simSleep(ctx, wait) {
		return ctx.Err()
	}
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if b.dead {
		return errSimDead
	}
	if b.away == nil {
		b.away = make(chan struct{})
		b.failed <- struct{}{}
	}
	return errSimDown
}

// simLine is a tunnel. The world's lock guards it.
type simLine struct {
	w        *world
	isUp     bool
	up, down chan struct{}
}

func newSimLine(w *world) *simLine {
	l := &simLine{w: w, isUp: true, up: make(chan struct{}), down: make(chan struct{})}
	close(l.up)
	return l
}

func (l *simLine) Up() <-chan struct{} {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.up
}

func (l *simLine) Down() <-chan struct{} {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.down
}

// set changes the line. The world is locked.
func (l *simLine) set(up bool) {
	switch {
	case up == l.isUp:
		return
	case up:
		close(l.up)
		l.down = make(chan struct{})
	default:
		close(l.down)
		l.up = make(chan struct{})
	}
	l.isUp = up
}

// simLog says which node speaks, and when, in a trace.
type simLog struct {
	slog.Handler
	b *boot
}

func (l simLog) Handle(ctx context.Context, r slog.Record) error {
	l.b.w.mu.Lock()
	defer l.b.w.mu.Unlock()
	_, _ = fmt.Fprintf(l.b.w.trace, "%15.9f %-6s ", time.Since(l.b.w.start).Seconds(), l.b.n.name)
	return l.Handler.Handle(ctx, r)
}

func noTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func newWorld(seed uint64, trace io.Writer) *world {
	w := &world{
		seed: seed, start: time.Now(), trace: trace, asked: map[question]uint64{},
		arrived: make(chan struct{}), started: map[string]int{},
	}
	w.redis = newSimRedis(time.Now)
	w.redis.acked = w.checkAck
	w.cloud = newSimCloud()
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, seed)
	w.seed = h.Sum64() & math.MaxInt64
	return w
}
