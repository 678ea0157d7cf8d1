package worker_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/worker"
)

// simRedis is Redis as the scripts of host/queue see it: what each of them does in
// one step, a method does here. The world's lock guards it.
type simRedis struct {
	now     func() time.Time
	acked   func(id, why string) // called before a message leaves the pending entries
	entries []*simEntry          // the stream, by number
	next    int                  // the first entry that the group has not handed out
	pending map[string]*simPending
	status  map[string]*simStatus
	cancel  map[string]bool
	decided map[string]*worker.Decision
	dead    []simLetter
	names   map[string]bool // of consumers
	refuses bool            // keys of decisions
	denies  map[string]bool // commands, although it is well
}

type simEntry struct {
	id  string
	msg worker.Message
}

// simPending is a pending entry: its owner, and since when it is idle.
type simPending struct {
	owner string
	since time.Time
}

type simStatus struct {
	state, messageID, phase, text string
	attempts                      int
	attempt                       string
}

type simLetter struct{ messageID, jobID, reason, body string }

const (
	simLease   = 60 * time.Second
	simMaximum = 3 // executions
)

var (
	errSimLost    = errors.New("another node has claimed the message")
	errSimRefused = errors.New("NOPERM")
	errSimDenied  = errors.New("WRONGTYPE")
)

func newSimRedis(now func() time.Time) *simRedis {
	return &simRedis{
		now: now, acked: func(string, string) {},
		pending: map[string]*simPending{}, status: map[string]*simStatus{}, cancel: map[string]bool{},
		decided: map[string]*worker.Decision{}, names: map[string]bool{}, denies: map[string]bool{},
	}
}

// add is the cloud's XADD.
func (r *simRedis) add(m worker.Message) string {
	m.ID = strconv.Itoa(len(r.entries)+1) + "-0"
	r.entries = append(r.entries, &simEntry{m.ID, m})
	return m.ID
}

func (r *simRedis) entry(id string) *simEntry {
	n, _ := strconv.Atoi(id[:max(0, len(id)-2)])
	if n < 1 || n > len(r.entries) {
		return nil
	}
	return r.entries[n-1]
}

// ids are those of the pending entries that are chosen, in the order of the stream.
func (r *simRedis) ids(chosen func(*simPending) bool) []string {
	var ids []string
	for id, p := range r.pending {
		if chosen(p) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, _ := strconv.Atoi(a[:len(a)-2])
		y, _ := strconv.Atoi(b[:len(b)-2])
		return x - y
	})
	return ids
}

func (r *simRedis) of(jobID string) simStatus {
	if s := r.status[jobID]; s != nil {
		return *s
	}
	return simStatus{}
}

func (r *simRedis) write(jobID string, change func(*simStatus)) {
	if r.status[jobID] == nil {
		r.status[jobID] = new(simStatus)
	}
	change(r.status[jobID])
}

func (r *simRedis) ack(id, why string) {
	if r.pending[id] != nil {
		r.acked(id, why)
		delete(r.pending, id)
	}
}

// owned is the check that every script begins with.
func (r *simRedis) owned(c string, m *worker.Message) bool {
	if p := r.pending[m.ID]; p != nil {
		return p.owner == c
	}
	if r.entry(m.ID) != nil {
		return false
	}
	state := r.of(m.JobID).state
	return state == "" || state == "executing"
}

// read is XREADGROUP.
func (r *simRedis) read(c string, n int) (out []worker.Message) {
	for ; r.next < len(r.entries) && len(out) < n; r.next++ {
		e := r.entries[r.next]
		r.pending[e.id] = &simPending{c, r.now()}
		out = append(out, e.msg)
	}
	return out
}

// claim is XCLAIM without conditions.
func (r *simRedis) claim(c string, ids []string) (out []worker.Message) {
	for _, id := range ids {
		r.pending[id] = &simPending{c, r.now()}
		out = append(out, r.entry(id).msg)
	}
	return out
}

// reclaim is XAUTOCLAIM to the end of its cursor.
func (r *simRedis) reclaim(c string, n int) []worker.Message {
	idle := r.ids(func(p *simPending) bool { return r.now().Sub(p.since) >= simLease })
	return r.claim(c, idle[:min(n, len(idle))])
}

func (r *simRedis) strays(c string, n int, inHand []string) []worker.Message {
	ours := r.ids(func(p *simPending) bool { return p.owner == c })
	ours = ours[:min(n+len(inHand), len(ours))]
	ours = slices.DeleteFunc(ours, func(id string) bool { return slices.Contains(inHand, id) })
	return r.claim(c, ours[:min(n, len(ours))])
}

func (r *simRedis) inherit(c, prefix string) {
	for name := range r.names {
		if name != c && len(name) > len(prefix) && name[:len(prefix)] == prefix {
			r.claim(c, r.ids(func(p *simPending) bool { return p.owner == name }))
		}
	}
}

func (r *simRedis) retire(c, prefix string) {
	for name := range r.names {
		if name != c && len(name) > len(prefix) && name[:len(prefix)] == prefix &&
			len(r.ids(func(p *simPending) bool { return p.owner == name })) == 0 {
			delete(r.names, name)
		}
	}
}

func (r *simRedis) extend(c string, ids []string) (kept []string) {
	for _, id := range ids {
		switch p := r.pending[id]; {
		case p != nil && p.owner == c:
			p.since = r.now()
			kept = append(kept, id)
		case p == nil && r.entry(id) == nil:
			kept = append(kept, id)
		}
	}
	return kept
}

func (r *simRedis) giveBack(c string, m *worker.Message) error {
	if !r.owned(c, m) {
		return errSimLost
	}
	if p := r.pending[m.ID]; p != nil {
		p.since = r.now().Add(-simLease)
	}
	return nil
}

func (r *simRedis) cancelled(m *worker.Message) {
	r.write(m.JobID, func(s *simStatus) {
		s.state, s.messageID, s.phase, s.attempts = "cancelled", m.ID, "", 0
		s.attempt = ""
	})
	r.ack(m.ID, "cancelled")
}

func (r *simRedis) begin(c string, m *worker.Message, attempt string) (worker.Verdict, string, *worker.Decision) {
	if !r.owned(c, m) {
		return worker.Lost, "", nil
	}
	s := r.of(m.JobID)
	if s.state == "completed" || s.state == "cancelled" {
		r.ack(m.ID, s.state)
		return worker.Verdict(s.state), "", nil
	}
	if s.state == "executing" && s.messageID != "" && s.messageID != m.ID && r.pending[s.messageID] != nil {
		return worker.Elsewhere, "", nil
	}
	if d := r.decided[m.JobID]; d != nil {
		return worker.Decided, "", d
	}
	if s.state == "failed" {
		return worker.Failed, s.text, nil
	}
	if r.cancel[m.JobID] {
		r.cancelled(m)
		return worker.Cancelled, "", nil
	}
	attempts, last := s.attempts, s.attempt
	if attempt != "" && attempt != last {
		if attempts >= simMaximum {
			return worker.Spent, strconv.Itoa(attempts), nil
		}
		attempts, last = attempts+1, attempt
	}
	r.write(m.JobID, func(s *simStatus) {
		s.state, s.messageID, s.attempts, s.attempt, s.phase = "executing", m.ID, attempts, last, ""
	})
	return worker.Run, "", nil
}

func (r *simRedis) charge(c string, m *worker.Message, attempt string) (bool, error) {
	if !r.owned(c, m) {
		return false, errSimLost
	}
	if r.of(m.JobID).attempt == attempt {
		return true, nil
	}
	attempts := r.of(m.JobID).attempts + 1
	if attempts > simMaximum {
		return false, nil
	}
	r.write(m.JobID, func(s *simStatus) { s.attempts, s.attempt = attempts, attempt })
	return true, nil
}

func (r *simRedis) publish(c string, m *worker.Message, d *worker.Decision) (worker.Verdict, *worker.Decision, error) {
	if r.refuses {
		return "", nil, errSimRefused
	}
	s, ours := r.of(m.JobID), r.owned(c, m)
	again := s.state == "failed" && ours && d.Kind == worker.KindFailed
	if s.state == "completed" || s.state == "cancelled" || s.state == "failed" && !again {
		if ours {
			r.ack(m.ID, s.state)
		}
		return worker.Verdict(s.state), nil, nil
	}
	if !ours {
		if s.phase == "parked" {
			return "parked", nil, nil
		}
		return worker.Lost, nil, nil
	}
	if stands := r.decided[m.JobID]; stands != nil {
		return worker.Decided, stands, nil
	}
	if !again && r.cancel[m.JobID] {
		r.cancelled(m)
		return worker.Cancelled, nil, nil
	}
	r.decided[m.JobID] = d
	r.write(m.JobID, func(s *simStatus) { s.phase = "delivering" })
	return worker.Decided, d, nil
}

func (r *simRedis) finish(c string, m *worker.Message, state, text string) error {
	s := r.of(m.JobID)
	if !r.owned(c, m) && (s.phase != "parked" || s.messageID != m.ID) {
		if s.state == state && s.messageID == m.ID {
			return nil
		}
		return errSimLost
	}
	stands := s.state == "completed" || s.state == "cancelled" || s.state == "failed" && state != "failed"
	if stands {
		state = s.state
	}
	r.write(m.JobID, func(s *simStatus) {
		s.state, s.phase, s.attempts, s.attempt = state, "", 0, ""
		if stands {
			return
		}
		switch state {
		case "failed":
			s.text = text
		case "cancelled":
			s.messageID = m.ID
		}
	})
	if !r.refuses {
		delete(r.decided, m.JobID)
	}
	r.ack(m.ID, state)
	return nil
}

func (r *simRedis) letter(c string, m *worker.Message, reason string) error {
	if !r.owned(c, m) {
		return errSimLost
	}
	r.dead = append(r.dead, simLetter{m.ID, m.JobID, reason, ""})
	return nil
}

func (r *simRedis) bury(c string, m *worker.Message, reason, body string) error {
	if !r.owned(c, m) {
		if s := r.of(m.JobID); s.phase == "parked" && s.messageID == m.ID {
			return nil
		}
		return errSimLost
	}
	r.dead = append(r.dead, simLetter{m.ID, m.JobID, reason, body})
	if m.JobID != "" {
		r.write(m.JobID, func(s *simStatus) { s.phase = "parked" })
		if !r.refuses && body == "" {
			delete(r.decided, m.JobID)
		}
	}
	r.ack(m.ID, "parked")
	return nil
}

// simQueue is one boot's end of the queue.
type simQueue struct{ *boot }

func (q simQueue) do(ctx context.Context, op, id string, f func(r *simRedis)) error {
	var denied error
	err := q.ask(ctx, op, id, func() {
		if q.w.redis.denies[op] {
			q.w.note(q.n.name, op, id, "denied")
			denied = errSimDenied
			return
		}
		f(q.w.redis)
	})
	if err != nil {
		return err
	}
	return denied
}

// write is do for a command about one job. Whose message is another's by then may
// change nothing: that is looked at here, whatever the scripts think of it.
func (q simQueue) write(ctx context.Context, op string, m *worker.Message, f func(r *simRedis)) error {
	return q.do(ctx, op, m.ID, func(r *simRedis) {
		if p := r.pending[m.ID]; r.entry(m.ID) == nil || p != nil && p.owner == q.consumer {
			f(r)
			return
		}
		status, decided, dead, pending := r.of(m.JobID), r.decided[m.JobID], len(r.dead), len(r.pending)
		f(r)
		if status != r.of(m.JobID) || decided != r.decided[m.JobID] || dead != len(r.dead) || pending != len(r.pending) {
			q.w.breaks("%s has lost %s of %s, and its %s writes all the same", q.consumer, m.ID, m.JobID, op)
		}
	})
}

func (q simQueue) Join(ctx context.Context) error {
	return q.do(ctx, "join", "", func(r *simRedis) { r.names[q.consumer] = true })
}

func (q simQueue) Inherit(ctx context.Context) error {
	return q.do(ctx, "inherit", "", func(r *simRedis) { r.inherit(q.consumer, q.n.prefix()) })
}

func (q simQueue) Retire(ctx context.Context, _ time.Duration) error {
	return q.do(ctx, "retire", "", func(r *simRedis) {
		left := r.ids(func(p *simPending) bool {
			return p.owner != q.consumer && strings.HasPrefix(p.owner, q.n.prefix()) && r.now().Sub(p.since) > 10*time.Second
		})
		if len(left) > 0 {
			q.w.breaks("%s leaves what earlier boots had in hand: %v", q.consumer, left)
		}
		r.retire(q.consumer, q.n.prefix())
	})
}

func (q simQueue) Strays(ctx context.Context, n int, inHand []string) (out []worker.Message, err error) {
	err = q.do(ctx, "strays", "", func(r *simRedis) { out = r.strays(q.consumer, n, inHand) })
	return q.unless(out, err)
}

func (q simQueue) Reclaim(ctx context.Context, n int) (out []worker.Message, err error) {
	err = q.do(ctx, "reclaim", "", func(r *simRedis) { out = r.reclaim(q.consumer, n) })
	return q.unless(out, err)
}

func (q simQueue) unless(out []worker.Message, err error) ([]worker.Message, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Claim blocks at the server. What is read for nobody is given back.
func (q simQueue) Claim(ctx context.Context, n int, wait time.Duration) ([]worker.Message, error) {
	until := time.Now().Add(wait)
	for {
		var out []worker.Message
		var arrived chan struct{}
		err := q.do(ctx, "claim", "", func(r *simRedis) {
			out = r.read(q.consumer, n)
			arrived = q.w.arrived
		})
		switch {
		case err != nil && ctx.Err() != nil && len(out) > 0:
			q.w.mu.Lock()
			for i := range out {
				if !q.dead {
					_ = q.w.redis.giveBack(q.consumer, &out[i])
				}
			}
			q.w.mu.Unlock()
			return nil, ctx.Err()
		case err != nil:
			return nil, err
		case len(out) > 0 || time.Until(until) <= 0:
			return out, nil
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-arrived:
			timer.Stop()
		case <-timer.C:
			return nil, nil
		case <-q.ended:
			timer.Stop()
			return nil, errSimDead
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

func (q simQueue) Extend(ctx context.Context, ids []string) (kept []string, err error) {
	err = q.do(ctx, "extend", "", func(r *simRedis) { kept = r.extend(q.consumer, ids) })
	return kept, err
}

func (q simQueue) Begin(ctx context.Context, m *worker.Message, attempt string) (v worker.Verdict, text string, d *worker.Decision, err error) {
	err = q.write(ctx, "begin", m, func(r *simRedis) { v, text, d = r.begin(q.consumer, m, attempt) })
	return v, text, d, err
}

func (q simQueue) Charge(ctx context.Context, m *worker.Message, attempt string) (yes bool, err error) {
	if e := q.write(ctx, "charge", m, func(r *simRedis) { yes, err = r.charge(q.consumer, m, attempt) }); e != nil {
		return false, e
	}
	return yes, err
}

func (q simQueue) Publish(ctx context.Context, m *worker.Message, d *worker.Decision) (v worker.Verdict, stands *worker.Decision, err error) {
	if e := q.write(ctx, "publish", m, func(r *simRedis) { v, stands, err = r.publish(q.consumer, m, d) }); e != nil {
		return "", nil, e
	}
	return v, stands, err
}

// IsCancelled is asked so often that it takes no time, where it goes well.
func (q simQueue) IsCancelled(ctx context.Context, jobID string) (bool, error) {
	w := q.w
	w.mu.Lock()
	if q.dead || q.n.frozen != nil || !q.reaches() || !w.calm && w.chance("is cancelled", q.consumer, jobID) < w.odds.lostReply {
		w.mu.Unlock()
		return true, errors.Join(q.lose(ctx), errSimDown) // nobody may look at it
	}
	defer w.mu.Unlock()
	return w.redis.cancel[jobID], nil
}

func (q simQueue) settle(ctx context.Context, op string, m *worker.Message, f func(r *simRedis) error) (err error) {
	if e := q.write(ctx, op, m, func(r *simRedis) { err = f(r) }); e != nil {
		return e
	}
	return err
}

func (q simQueue) Complete(ctx context.Context, m *worker.Message) error {
	return q.settle(ctx, "complete", m, func(r *simRedis) error { return r.finish(q.consumer, m, "completed", "") })
}

func (q simQueue) Fail(ctx context.Context, m *worker.Message, text string) error {
	return q.settle(ctx, "fail", m, func(r *simRedis) error { return r.finish(q.consumer, m, "failed", text) })
}

func (q simQueue) Cancel(ctx context.Context, m *worker.Message) error {
	return q.settle(ctx, "cancel", m, func(r *simRedis) error { return r.finish(q.consumer, m, "cancelled", "") })
}

func (q simQueue) Bury(ctx context.Context, m *worker.Message, reason, body string) error {
	return q.settle(ctx, "bury", m, func(r *simRedis) error { return r.bury(q.consumer, m, reason, body) })
}

func (q simQueue) Letter(ctx context.Context, m *worker.Message, reason string) error {
	return q.settle(ctx, "letter", m, func(r *simRedis) error { return r.letter(q.consumer, m, reason) })
}

func (q simQueue) GiveBack(ctx context.Context, m *worker.Message) error {
	return q.settle(ctx, "give back", m, func(r *simRedis) error { return r.giveBack(q.consumer, m) })
}

func (simQueue) IsLost(err error) bool    { return errors.Is(err, errSimLost) }
func (simQueue) IsRefused(err error) bool { return errors.Is(err, errSimRefused) }
func (simQueue) IsAnswer(err error) bool {
	return errors.Is(err, errSimRefused) || errors.Is(err, errSimDenied)
}

// Outage and Watch are as of host/queue: an outage begins with what could not be
// done, and ends with a probe.
func (q simQueue) Outage() <-chan struct{} {
	q.w.mu.Lock()
	defer q.w.mu.Unlock()
	return q.away
}

func (q simQueue) Watch(ctx context.Context) {
	for {
		select {
		case <-q.failed:
		case <-ctx.Done():
			return
		}
		for {
			if !simSleep(ctx, time.Second+q.w.latency("probe", q.consumer, "")) {
				return
			}
			q.w.mu.Lock()
			back := !q.dead && q.reaches()
			if back {
				close(q.away)
				q.away = nil
			}
			q.w.mu.Unlock()
			if back {
				break
			}
		}
	}
}
