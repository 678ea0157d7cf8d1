package worker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/conductorquantum/coda/host/failpoint"
)

// Run claims and runs jobs until ctx ends. Jobs in hand then go on; Drain waits
// for them, and must be called.
func (w *Worker) Run(ctx context.Context) {
	w.loops.Go(func() { w.Queue.Watch(w.ctx) })
	w.loops.Go(w.extend)
	(&claimer{Worker: w, most: w.MaxBatch, strayed: true}).claim(ctx)
}

// claimer takes messages as execution slots come free.
//
// After a failure it looks for what lost replies have assigned to it: at once,
// and again and again until no read that broke off can wait at the server any
// more. It then asks for one message, and for twice as many each time: so many
// may have been asked for that they could not be read in time.
type claimer struct {
	*Worker
	joined   bool
	failures int       // in a row
	most     int       // messages to ask for
	swept    time.Time // when nothing was left that nobody works on
	failed   time.Time // zero once all strays are found
	hunted   time.Time // when none were left
	strayed  bool      // there may be some
	resumed  time.Time // what is kept
}

// claim goes on while the way to the cloud is there, until ctx ends.
func (c *claimer) claim(ctx context.Context) {
	for c.online(ctx) {
		online, stop := c.whileOnline(ctx)
		for online.Err() == nil {
			c.round(online)
		}
		stop()
		c.doubt()
	}
}

// round takes what there is for one slot.
func (c *claimer) round(ctx context.Context) {
	what, err := claiming, c.join(ctx)
	if err == nil {
		c.resume()
		if c.halted(ctx) {
			return
		}
		now := time.Now()
		take, sweep := c.arrivals(claimWait), false
		switch {
		case c.strayed || !c.failed.IsZero() && now.Sub(c.hunted) >= huntEvery:
			take, c.strayed, what = c.strays, true, claimingAgain
		case now.Sub(c.swept) >= sweepEvery:
			take, sweep, what = c.sweep, true, takingOver
		case !c.failed.IsZero():
			take = c.arrivals(huntEvery - now.Sub(c.hunted))
		default:
			if wait := c.wary(); wait > 0 && !pause(ctx, wait) {
				return
			}
		}
		var taken, asked int
		taken, asked, err = c.take(ctx, c.most, take)
		if err == nil && taken < asked { // there is no more of it
			switch {
			case sweep:
				c.swept = time.Now()
			case c.strayed:
				c.strayed, c.hunted = false, now
				if now.Sub(c.failed) >= claimWait+huntEvery { // the server may have begun to wait a little later
					c.failed = time.Time{}
				}
			}
		}
		if taken > 0 {
			c.most = min(2*c.most, c.MaxBatch)
		}
	}
	switch {
	case err == nil:
		c.allowed(what, what)
		if what == claiming { // the others may be let through where it is not
			c.failures = 0
		}
	case ctx.Err() == nil:
		if c.Queue.Outage() == nil && c.Queue.IsAnswer(err) {
			c.refusedToClaim(what, err)
		}
		c.doubt()
		c.failures++
		c.Log.Warn("no jobs can be taken from Redis", "failures", c.failures, "error", err)
		if c.rest(ctx, &c.failures) && c.failures == 0 {
			c.Log.Info("Redis is back")
		}
		c.swept = time.Now()
	}
}

// join comes first, once.
func (c *claimer) join(ctx context.Context) error {
	if c.joined {
		return nil
	}
	err := c.Queue.Join(ctx)
	if err != nil {
		return err
	}
	if err := c.unlessRefused(c.Queue.Inherit(ctx)); err != nil {
		return err
	}
	c.joined = true
	return c.unlessRefused(c.Queue.Retire(ctx, retireAfter))
}

// unlessRefused leaves out that Redis does not let the node look after its earlier
// boots: what they had in hand comes when its leases run out.
func (c *claimer) unlessRefused(err error) error {
	if err == nil || !c.Queue.IsRefused(err) {
		return err
	}
	c.Log.Warn("Redis does not let this node look after its earlier runs; what they had in hand is taken up when its leases run out", "error", err)
	return nil
}

// resume goes on with what is kept and in nobody's hand: that of an earlier run, at
// the start; later, what another node had meanwhile and may have settled.
func (c *claimer) resume() {
	if time.Since(c.resumed) < resumeEvery {
		return
	}
	c.resumed = time.Now()
	waiting, err := c.Store.Waiting()
	c.stored(err)
	for _, h := range waiting {
		if !c.hasJob(h.JobID) {
			c.start(&Message{ID: h.MessageID, JobID: h.JobID}, &seat{resent: h.Resent})
		}
	}
}

// halted reports whether nothing is to be taken up for now, after a wait.
func (c *claimer) halted(ctx context.Context) bool {
	why := cmp.Or(c.Halt(), c.Store.Full())
	c.mu.Lock()
	before := c.full
	c.full = why
	c.mu.Unlock()
	switch {
	case why == "" && before != "":
		c.Log.Info("jobs are taken again")
	case why != "" && before == "":
		c.Log.Warn("no jobs are taken", "reason", why)
	}
	if why == "" {
		return false
	}
	pause(ctx, time.Second)
	return true
}

// doubt notes that replies may have been lost. Our peers have not renewed their
// leases either: they get the time to do so.
func (c *claimer) doubt() {
	c.strayed, c.failed, c.most = true, time.Now(), 1
	c.swept = c.failed
}

// arrivals are new messages, if any come in time.
func (w *Worker) arrivals(wait time.Duration) func(context.Context, int) ([]Message, error) {
	return func(ctx context.Context, n int) ([]Message, error) {
		failpoint.Hit("C0")
		messages, err := w.Queue.Claim(ctx, n, wait)
		if len(messages) > 0 {
			failpoint.Hit("C1")
		}
		return messages, err
	}
}

// sweep finds what nobody works on: lost replies, and what other nodes abandoned.
func (w *Worker) sweep(ctx context.Context, n int) ([]Message, error) {
	lost, err := w.strays(ctx, n)
	if err != nil || len(lost) == n {
		return lost, err
	}
	abandoned, err := w.Queue.Reclaim(ctx, n-len(lost))
	return append(lost, abandoned...), err
}

// strays are messages that are ours by a reply that never came.
func (w *Worker) strays(ctx context.Context, n int) ([]Message, error) {
	return w.Queue.Strays(ctx, n, append(w.held(), w.shelf()...))
}

// take waits for a free slot, claims what may run in it, up to most messages, and
// starts the lives of what came.
func (w *Worker) take(ctx context.Context, most int, claim func(context.Context, int) ([]Message, error)) (taken, asked int, err error) {
	if !acquire(ctx, w.slots) {
		return 0, 0, ctx.Err()
	}
	if !acquire(ctx, w.hands) {
		<-w.slots
		return 0, 0, ctx.Err()
	}
	if w.Halt() != "" { // since the job whose slot this was
		<-w.hands
		<-w.slots
		return 0, 0, nil
	}
	for asked = 1; asked < most && tryAcquire(w.hands); asked++ {
	}
	messages, err := claim(ctx, asked)
	fresh := w.fresh(messages)
	for range asked - len(fresh) {
		<-w.hands
	}
	if len(fresh) == 0 {
		<-w.slots
		return len(messages), asked, err
	}
	party := w.party(len(fresh))
	for i := range fresh {
		w.start(&fresh[i], &seat{party: party, hand: true})
	}
	return len(messages), asked, err
}

// fresh leaves out what is in hand already, and came again because its lease
// could not be renewed, and what is to be left alone.
func (w *Worker) fresh(messages []Message) []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(messages, func(m Message) bool { return w.inHand[m.ID] != nil || w.shelved(m.ID) })
}

// start gives a message its own goroutine, which owns a hand, if the seat has one.
// A message that is in hand by now, since the operator has it sent again, goes on
// as it is.
func (w *Worker) start(m *Message, s *seat) {
	ctx, cancel := context.WithCancelCause(w.ctx)
	w.mu.Lock()
	taken := w.inHand[m.ID] != nil
	if !taken {
		w.inHand[m.ID] = &hold{jobID: m.JobID, cancel: cancel, resent: s.resent, nudged: make(chan struct{}, 1)}
	}
	w.mu.Unlock()
	if taken {
		cancel(nil)
		s.leave()
		s.letGo()
		return
	}
	w.jobs.Go(func() {
		defer func() {
			s.leave()
			cancel(nil)
			w.mu.Lock()
			delete(w.inHand, m.ID)
			w.mu.Unlock()
			s.letGo()
		}()
		err := w.live(ctx, m, s)
		if err != nil && !errors.Is(err, errKept) && w.runs.Err() != nil {
			w.cutShort.Store(true)
		}
		switch {
		case err == nil, errors.Is(err, errKept):
			w.forget(m.ID)
		case errors.Is(err, errStopped):
			w.giveBack(m)
		default:
			w.Log.Warn("a job was put down unfinished; its message stays in the queue",
				"job", m.JobID, "message", m.ID, "error", err)
		}
	})
}

// giveBack lets a peer take what this node puts down as it stops, instead of
// waiting for the lease to run out.
func (w *Worker) giveBack(m *Message) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.Queue.GiveBack(ctx, m) // else the lease runs out
}

// extend renews the leases of what is in hand.
func (w *Worker) extend() {
	for pause(w.ctx, extendEvery) {
		w.renew()
	}
}

// renew insists, so that leases are the first thing after an outage, and puts
// down what another node has taken over.
func (w *Worker) renew() {
	for failures := 0; ; {
		held := append(w.held(), w.keptLeases()...)
		if len(held) == 0 {
			return
		}
		kept, err := w.Queue.Extend(w.ctx, held)
		if err == nil {
			w.drop(held, kept)
			return
		}
		failures++
		w.Log.Warn("leases could not be renewed", "messages", len(held), "error", err)
		if !w.rest(w.ctx, &failures) {
			return
		}
	}
}

// held lists the messages in hand.
func (w *Worker) held() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]string, 0, len(w.inHand))
	for id := range w.inHand {
		ids = append(ids, id)
	}
	return ids
}

// drop ends the jobs of messages that were held and are not kept.
func (w *Worker) drop(held, kept []string) {
	still := make(map[string]bool, len(kept))
	for _, id := range kept {
		still[id] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range held {
		if h := w.inHand[id]; h != nil && !still[id] && !h.resent {
			h.cancel(errLost)
		}
		if r := w.refusals[id]; r != nil && !still[id] {
			delete(w.refusals, id)
		}
	}
}

// has reports whether a message is in hand.
func (w *Worker) has(messageID string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.inHand[messageID] != nil
}

// hasJob reports whether a job is in hand, under whatever message.
func (w *Worker) hasJob(jobID string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.inHand {
		if h.jobID == jobID {
			return true
		}
	}
	return false
}

// untilDrain is a context that ends when the drain begins.
func (w *Worker) untilDrain(ctx context.Context) (context.Context, func()) {
	waiting, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-w.draining:
			cancel()
		case <-waiting.Done():
		}
	}()
	return waiting, cancel
}

// Drain waits for the jobs in hand, and kills what still runs when ctx ends:
// such messages stay pending. It reports whether no job was.
func (w *Worker) Drain(ctx context.Context) bool {
	close(w.draining)
	stop := context.AfterFunc(ctx, func() { w.kill(errStopped) })
	w.jobs.Wait()
	stop()
	w.kill(errStopped)
	w.loops.Wait()
	return !w.cutShort.Load()
}

// StopRuns asks the guests to stop, during a drain. What they have measured by then
// goes on to its end; the messages of the others stay pending.
func (w *Worker) StopRuns() { w.stopRuns() }

func acquire(ctx context.Context, tokens chan struct{}) bool {
	select {
	case tokens <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func tryAcquire(tokens chan struct{}) bool {
	select {
	case tokens <- struct{}{}:
		return true
	default:
		return false
	}
}
