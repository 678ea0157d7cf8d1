package worker_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/queue"
	"github.com/conductorquantum/coda/host/testkit/redistest"
	"github.com/conductorquantum/coda/host/worker"
)

// TestTheModelIsRedis does the same at random to the model that the simulation
// runs on and to a redis-server with the real scripts, and compares each answer
// and all that both hold.
func TestTheModelIsRedis(t *testing.T) {
	t.Parallel()
	options, err := redis.ParseURL(redistest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer rdb.Close()
	for seed := range uint64(10) {
		if err := rdb.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		p := newPair(t, rdb, seed)
		for step := 0; step < 200 && !t.Failed(); step++ {
			did := p.step(t)
			if real, model := p.real(t), p.modelled(); real != model {
				t.Errorf("seed %d, step %d: after %s\nthe server holds\n%s\nthe model\n%s", seed, step, did, real, model)
			}
		}
		for _, q := range p.queues {
			q.Close()
		}
	}
}

// pair is Redis twice.
type pair struct {
	rdb    *redis.Client
	random *rand.Rand
	model  *simRedis
	names  []string
	queues []*queue.Queue
}

const pairJobs = 4

func newPair(t *testing.T, rdb *redis.Client, seed uint64) *pair {
	p := &pair{rdb: rdb, random: rand.New(rand.NewPCG(seed, 2)), model: newSimRedis(time.Now)}
	for _, name := range [][2]string{{"a", "1"}, {"a", "2"}, {"b", "1"}} {
		o := *rdb.Options()
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.PushNotificationProcessor = -1, 1, true, nil
		q := queue.New(&o, "q1", name[0], name[1])
		if err := q.Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.queues, p.names = append(p.queues, q), append(p.names, q.Consumer())
		p.model.names[q.Consumer()] = true
	}
	return p
}

// step does one thing to both, and compares the answers.
func (p *pair) step(t *testing.T) (did string) {
	t.Helper()
	ctx, m := t.Context(), p.model
	i := p.random.IntN(len(p.queues))
	q, c := p.queues[i], p.names[i]
	job := fmt.Sprint("job", p.random.IntN(pairJobs))
	msg := worker.Message{ID: "1-0", JobID: job}
	if len(m.entries) > 0 {
		msg = m.entries[p.random.IntN(len(m.entries))].msg
		if mine := m.ids(func(e *simPending) bool { return e.owner == c }); len(mine) > 0 && p.random.IntN(4) > 0 {
			msg = m.entry(mine[p.random.IntN(len(mine))]).msg
		}
	}
	sent := queue.Message(msg)
	n, attempt := 1+p.random.IntN(3), []string{"", "one", "two", "three", "four"}[p.random.IntN(5)]
	held := m.ids(func(e *simPending) bool { return e.owner == c && len(e.owner)%2 == 1 })
	if len(held) > 1 {
		held = held[:1]
	}
	body := fmt.Sprint("body ", p.random.IntN(3))
	var real, model any
	answer := func(values ...any) string { return fmt.Sprint(values...) }
	lost := func(err error) any { return err != nil }
	switch op := p.random.IntN(19); op {
	case 0, 1:
		did = "add"
		id := m.add(worker.Message{JobID: job})
		if err := p.rdb.XAdd(ctx, &redis.XAddArgs{Stream: "qpu:q1:jobs", ID: id, Values: []string{"job_id", job}}).Err(); err != nil {
			t.Fatal(err)
		}
	case 2, 3:
		did = "claim"
		got, err := q.Claim(ctx, n, time.Millisecond)
		real, model = answer(got, err), answer(m.read(c, n), nil)
	case 4:
		did = "age"
		if e := m.pending[msg.ID]; e != nil {
			e.since = e.since.Add(-2 * simLease)
			p.rdb.Do(ctx, "XCLAIM", "qpu:q1:jobs", "qpu:q1:workers", e.owner, 0, msg.ID, "IDLE", 2*simLease.Milliseconds(), "JUSTID")
		}
	case 5:
		did = "reclaim"
		got, err := q.Reclaim(ctx, n)
		real, model = answer(got, err), answer(m.reclaim(c, n), nil)
	case 6:
		did = "strays"
		got, err := q.Strays(ctx, n, held)
		real, model = answer(got, err), answer(m.strays(c, n, held), nil)
	case 7:
		did = "extend"
		ids := []string{msg.ID, "99-0"}
		got, err := q.Extend(ctx, ids)
		real, model = answer(got, err), answer(m.extend(c, ids), nil)
	case 8:
		did = "inherit"
		err := q.Inherit(ctx)
		m.inherit(c, c[:2])
		real, model = err, nil
	case 9, 10:
		did = "begin"
		v, text, d, err := q.Begin(ctx, &sent, attempt)
		mv, mtext, md := m.begin(c, &msg, attempt)
		real, model = answer(v, text, bodyOf(d), err), answer(mv, mtext, modelBody(md), nil)
	case 11:
		did = "charge"
		yes, err := q.Charge(ctx, &sent, "more "+attempt)
		myes, merr := m.charge(c, &msg, "more "+attempt)
		real, model = answer(yes, lost(err)), answer(myes, lost(merr))
	case 12, 13:
		kind := []worker.Kind{worker.KindCompleted, worker.KindFailed}[p.random.IntN(2)]
		did = "publish " + string(kind)
		v, d, err := q.Publish(ctx, &sent, &queue.Decision{Kind: string(kind), Body: []byte(body)})
		mv, md, merr := m.publish(c, &msg, &worker.Decision{Kind: kind, Body: []byte(body)})
		real, model = answer(v, bodyOf(d), err), answer(mv, modelBody(md), merr)
	case 14:
		did = "complete"
		real, model = lost(q.Complete(ctx, &sent)), lost(m.finish(c, &msg, "completed", ""))
	case 15:
		did = "fail"
		real, model = lost(q.Fail(ctx, &sent, body)), lost(m.finish(c, &msg, "failed", body))
	case 16:
		did = "cancel"
		if p.random.IntN(2) == 0 {
			m.cancel[job] = true
			p.rdb.Set(ctx, queue.CancelKey(job), "", 0)
			break
		}
		real, model = lost(q.Cancel(ctx, &sent)), lost(m.finish(c, &msg, "cancelled", ""))
	case 17:
		did = "bury"
		if p.random.IntN(2) == 0 {
			body = ""
		}
		real, model = lost(q.Bury(ctx, &sent, "why", body)), lost(m.bury(c, &msg, "why", body))
	case 18:
		did = "give back"
		if p.random.IntN(2) == 0 {
			did = "letter"
			real, model = lost(q.Letter(ctx, &sent, "why")), lost(m.letter(c, &msg, "why"))
			break
		}
		real, model = lost(q.GiveBack(ctx, &sent)), lost(m.giveBack(c, &msg))
	}
	did = fmt.Sprintf("%s by %s of %s (%s)", did, c, msg.ID, msg.JobID)
	if fmt.Sprint(real) != fmt.Sprint(model) {
		t.Errorf("%s: the server answers %v, the model %v", did, real, model)
	}
	return did
}

func bodyOf(d *queue.Decision) string {
	if d == nil {
		return "none"
	}
	return d.Kind + " " + string(d.Body)
}

func modelBody(d *worker.Decision) string {
	if d == nil {
		return "none"
	}
	return string(d.Kind) + " " + string(d.Body)
}

// real is all that the server holds.
func (p *pair) real(t *testing.T) (text string) {
	t.Helper()
	ctx := t.Context()
	pending, err := p.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: "qpu:q1:jobs", Group: "qpu:q1:workers", Start: "-", End: "+", Count: 1000}).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range pending {
		text += holds(e.ID, e.Consumer, e.Idle >= simLease)
	}
	for i := range pairJobs {
		job := fmt.Sprint("job", i)
		s := p.rdb.HGetAll(ctx, queue.StatusKey(job)).Val()
		attempts, _ := strconv.Atoi(s["attempts"])
		d := p.rdb.HGetAll(ctx, queue.DecisionKey(job)).Val()
		text += fmt.Sprintf("%s: %v, decided %q\n", job, simStatus{s["state"], s["message_id"], s["phase"], s["error"], attempts, s["attempt"]}, d["body"])
	}
	for _, e := range p.rdb.XRange(ctx, "qpu:q1:dead", "-", "+").Val() {
		text += fmt.Sprintf("letter %v %v %v %v\n", e.Values["message_id"], e.Values["job_id"], e.Values["reason"], e.Values["body"])
	}
	return text
}

// modelled is all that the model holds, in the same words.
func (p *pair) modelled() (text string) {
	m := p.model
	for _, id := range m.ids(func(*simPending) bool { return true }) {
		text += holds(id, m.pending[id].owner, time.Since(m.pending[id].since) >= simLease)
	}
	for i := range pairJobs {
		job := fmt.Sprint("job", i)
		body := ""
		if d := m.decided[job]; d != nil {
			body = string(d.Body)
		}
		text += fmt.Sprintf("%s: %v, decided %q\n", job, m.of(job), body)
	}
	for _, l := range m.dead {
		text += fmt.Sprintf("letter %s %s %s %s\n", l.messageID, l.jobID, l.reason, l.body)
	}
	return text
}

func holds(id, owner string, idle bool) string {
	return fmt.Sprintf("%s is pending for %s, idle for a lease: %t\n", id, owner, idle)
}
