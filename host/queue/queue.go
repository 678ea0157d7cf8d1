// Package queue takes a node's jobs from a Redis stream and records how they
// stand. The stream, shared by consumer group, is what spreads work over nodes;
// a message belongs to the node that claimed it for as long as the node keeps
// extending its lease.
package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Timing of claims.
const (
	Block = 5 * time.Second  // the longest that a read waits for a message
	Lease = 60 * time.Second // idle time after which a message is free to claim
)

// Message is one job as the cloud queued it. Fields that are absent are empty.
type Message struct {
	ID          string // of the stream entry
	JobID       string
	CallbackURL string
	IR          string // JSON
	Shots       string // decimal
}

// Verdict says what is to be done with a message.
type Verdict string

// The verdicts. Where it is Completed, Cancelled or Lost nothing remains to be
// done.
const (
	Run       Verdict = "run"
	Failed    Verdict = "failed" // decided: send the failure, perhaps again
	Completed Verdict = "completed"
	Cancelled Verdict = "cancelled"
	Lost      Verdict = "lost"    // another node has it
	Decided   Verdict = "decided" // the outcome stands: it is to be delivered
	Spent     Verdict = "spent"   // its executions are used up
	Damaged   Verdict = "damaged" // what was decided cannot be read
	Parked    Verdict = "parked"  // the operator has the outcome, in the dead-letter stream

	// Elsewhere is for now: the job came twice, and its other message is in hand,
	// here or at a peer.
	Elsewhere Verdict = "elsewhere"
)

// ErrLost says that the message now belongs to another node.
var ErrLost = errors.New("another node has claimed the message")

var errNonsense = errors.New("the script answered what it cannot")

// Queue is one node's end of the stream. It is safe for concurrent use.
type Queue struct {
	line     *line
	keys     Keys
	qpuID    string
	node     string
	consumer string
	health   health
	reads    sync.WaitGroup

	keepEvery time.Duration
}

// New makes a queue for a QPU; nothing is sent yet. By its options the client is
// to try no command again, and to heed deadlines. The consumer's name is the
// node's id and this boot's, so that no two processes ever share one.
func New(options *redis.Options, qpuID, nodeID, bootID string) *Queue {
	q := &Queue{line: newLine(options), keys: KeysOf(qpuID), qpuID: qpuID, node: nodeID, consumer: nodeID + "-" + bootID,
		keepEvery: Lease / 3}
	q.health.failed() // until the first contact
	return q
}

// Consumer is this node's name in the group.
func (q *Queue) Consumer() string { return q.consumer }

// Claim waits for messages, up to Block, and returns at most n. When ctx ends it
// returns at once; what the server assigns to us after all is given back. It
// fails at once when Redis is found to be away. What the server has assigned
// then, and for as long as it would have waited, is a stray.
func (q *Queue) Claim(ctx context.Context, n int, wait time.Duration) ([]Message, error) {
	type reply struct {
		messages []Message
		err      error
	}
	rdb := q.line.current()
	replies := make(chan reply, 1)
	q.reads.Go(func() {
		messages, err := q.read(context.WithoutCancel(ctx), rdb, n, min(max(wait, time.Millisecond), Block))
		replies <- reply{messages, err}
	})
	select {
	case r := <-replies:
		return r.messages, q.taken(ctx, rdb, r.err)
	case <-ctx.Done():
		q.reads.Go(func() { q.giveBack((<-replies).messages) })
		return nil, ctx.Err()
	}
}

// read blocks without regard to a context: a blocking command cannot be called
// back, only cut. What does not begin to be answered in its time, and that of a
// probe, never will be.
func (q *Queue) read(ctx context.Context, rdb *redis.Client, n int, wait time.Duration) ([]Message, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+q.line.patience)
	defer cancel()
	defer q.keep()()
	streams, err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: q.keys.Group, Consumer: q.consumer,
		Streams: []string{q.keys.Stream, ">"},
		Count:   int64(n), Block: wait,
	}).Result()
	if errors.Is(err, redis.Nil) {
		err = nil // nothing came
	}
	var out []Message
	for _, s := range streams {
		for _, m := range s.Messages {
			out = append(out, message(m))
		}
	}
	return out, err
}

// giveBack gives back messages that nobody here will run.
func (q *Queue) giveBack(messages []Message) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, m := range messages {
		_ = q.GiveBack(ctx, &m) // else the lease runs out
	}
}

// GiveBack ages a message, so that a peer may claim it now instead of when the
// lease has run out.
func (q *Queue) GiveBack(ctx context.Context, m *Message) error {
	rdb := q.line.current()
	ours, err := giveBack.Run(ctx, rdb, []string{q.keys.Stream, StatusKey(m.JobID)},
		q.keys.Group, q.consumer, m.ID, Lease.Milliseconds()).Bool()
	return q.ours(ctx, rdb, ours, err)
}

// Close cuts the connections and returns when no read is under way any more.
func (q *Queue) Close() {
	q.line.close()
	q.reads.Wait()
}

// Strays takes up at most n messages that are this consumer's without being in
// hand: the server assigned them, and its reply was lost. Entries that were
// deleted from the stream are acknowledged on the way.
func (q *Queue) Strays(ctx context.Context, n int, inHand []string) ([]Message, error) {
	args := []any{q.keys.Group, q.consumer, n}
	for _, id := range inHand {
		args = append(args, id)
	}
	rdb := q.line.current()
	defer q.keep()()
	entries, err := strays.Run(ctx, rdb, []string{q.keys.Stream}, args...).Slice()
	var out []Message
	for _, entry := range entries {
		if m, ok := entryMessage(entry); ok {
			out = append(out, m)
		}
	}
	return out, q.taken(ctx, rdb, err)
}

// Reclaim takes over at most n messages whose lease has run out, whoever held
// them. Entries that were deleted from the stream are acknowledged on the way.
func (q *Queue) Reclaim(ctx context.Context, n int) ([]Message, error) {
	rdb := q.line.current()
	defer q.keep()()
	var out []Message
	for cursor := "0-0"; len(out) < n; {
		claimed, next, err := rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: q.keys.Stream, Group: q.keys.Group, Consumer: q.consumer,
			MinIdle: Lease, Start: cursor, Count: int64(n - len(out)),
		}).Result()
		if err := q.taken(ctx, rdb, err); err != nil {
			return out, err
		}
		for _, m := range claimed {
			out = append(out, message(m))
		}
		if next == "0-0" {
			break
		}
		cursor = next
	}
	return out, nil
}

// Begin takes a message's job up: it marks it as executing, unless it is settled
// already, and, if an execution is to start, counts it: once for each name, however
// often it is called; none where attempt is "". The text comes with Failed and
// Damaged, the decision with Decided.
func (q *Queue) Begin(ctx context.Context, m *Message, attempt string) (Verdict, string, *Decision, error) {
	rdb := q.line.current()
	answer, err := q.eval(ctx, rdb, begin, m.JobID, []string{q.keys.Stream, StatusKey(m.JobID), CancelKey(m.JobID)},
		q.keys.Group, q.consumer, m.ID, now(), q.qpuID, MaxExecutions, attempt).StringSlice()
	if err := q.seen(ctx, rdb, err); err != nil {
		return "", "", nil, err
	}
	if len(answer) < 2 {
		return "", "", nil, fmt.Errorf("%w: begin, %d values", errNonsense, len(answer))
	}
	if Verdict(answer[0]) != Decided {
		return Verdict(answer[0]), answer[1], nil, nil
	}
	d, damage := decode(m.JobID, answer[2:])
	if damage != "" {
		return Damaged, damage, nil, nil
	}
	return Decided, "", d, nil
}

// Charge counts one more execution of a job in hand, as Begin does, and reports
// whether it may start.
func (q *Queue) Charge(ctx context.Context, m *Message, attempt string) (bool, error) {
	rdb := q.line.current()
	answer, err := charge.Run(ctx, rdb, []string{q.keys.Stream, StatusKey(m.JobID)},
		q.keys.Group, q.consumer, m.ID, MaxExecutions, attempt).Int()
	return answer == 1, q.ours(ctx, rdb, answer != 0, err)
}

// Publish makes a decision stand for every node (D3). It returns Decided with the
// one that stands: d itself, or another, which may be a peer's; or what became of the job otherwise, with
// nothing left to do.
func (q *Queue) Publish(ctx context.Context, m *Message, d *Decision) (Verdict, *Decision, error) {
	rdb := q.line.current()
	answer, err := publish.Run(ctx, rdb,
		[]string{q.keys.Stream, StatusKey(m.JobID), CancelKey(m.JobID), DecisionKey(m.JobID)},
		append([]any{q.keys.Group, q.consumer, m.ID, now(), q.qpuID, int(keepDecision.Seconds())}, d.fields()...)...).StringSlice()
	if err := q.seen(ctx, rdb, err); err != nil {
		return "", nil, err
	}
	if len(answer) == 0 {
		return "", nil, fmt.Errorf("%w: publish, no value", errNonsense)
	}
	if Verdict(answer[0]) != Decided {
		return Verdict(answer[0]), nil, nil
	}
	if len(answer) == 1 {
		return Decided, d, nil
	}
	stands, damage := decode(m.JobID, answer[1:])
	if damage != "" {
		return Damaged, nil, nil
	}
	return Decided, stands, nil
}

// eval runs a script that takes the key of a job's decision last. Where the server
// lets this node have no such key the script does without: no peer can deliver in
// this one's place, and all else goes on as before.
func (q *Queue) eval(ctx context.Context, rdb *redis.Client, script *redis.Script, jobID string, keys []string, args ...any) *redis.Cmd {
	answer := script.Run(ctx, rdb, append(keys, DecisionKey(jobID)), args...)
	if Refused(answer.Err()) {
		return script.Run(ctx, rdb, keys, args...)
	}
	return answer
}

// Refused reports whether the server is well and will give this node the same answer
// again, whatever the job: it lacks a right, the keys lie in several slots of a
// cluster, or the server has no such command.
func Refused(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.HasPrefix(text, "NOPERM") || strings.HasPrefix(text, "CROSSSLOT") || strings.HasPrefix(text, "ERR unknown command")
}

// Answered reports whether an error is what the server, which does not just start,
// said; else it may not have heard.
func Answered(err error) bool { return refused(err) || errors.Is(err, errNonsense) }

// Inherit takes over what earlier boots of this node had in hand.
func (q *Queue) Inherit(ctx context.Context) error {
	rdb := q.line.current()
	return q.seen(ctx, rdb, inherit.Run(ctx, rdb, []string{q.keys.Stream}, q.keys.Group, q.consumer, q.node+"-").Err())
}

// IsCancelled reports whether the cloud has cancelled a job.
func (q *Queue) IsCancelled(ctx context.Context, jobID string) (bool, error) {
	rdb := q.line.current()
	n, err := rdb.Exists(ctx, CancelKey(jobID)).Result()
	return n > 0, q.seen(ctx, rdb, err)
}

// Complete records that a job's result was accepted, and acknowledges it.
func (q *Queue) Complete(ctx context.Context, m *Message) error {
	return q.finish(ctx, m, "state", "completed", "completed_at", now())
}

// Fail records that a job's failure was accepted, and acknowledges it.
func (q *Queue) Fail(ctx context.Context, m *Message, text string) error {
	return q.finish(ctx, m, "state", "failed", "error", cut(text, 500), "failed_at", now())
}

// Cancel records that a job was cancelled, and acknowledges it.
func (q *Queue) Cancel(ctx context.Context, m *Message) error {
	return q.finish(ctx, m, "state", "cancelled", "cancelled_at", now(), "message_id", m.ID, "qpu_id", q.qpuID)
}

func (q *Queue) finish(ctx context.Context, m *Message, fields ...any) error {
	rdb := q.line.current()
	ours, err := q.eval(ctx, rdb, finish, m.JobID, []string{q.keys.Stream, StatusKey(m.JobID)},
		append([]any{q.keys.Group, q.consumer, m.ID}, fields...)...).Bool()
	return q.ours(ctx, rdb, ours, err)
}

// Bury moves a message that can never be processed, or whose outcome nobody
// takes, to the dead-letter stream, where the operator finds it: the reason, the
// body that was not delivered, and the message itself.
func (q *Queue) Bury(ctx context.Context, m *Message, reason, body string) error {
	return q.lay(ctx, bury, m, reason, body)
}

// Letter copies a message to the dead-letter stream. Its job goes on.
func (q *Queue) Letter(ctx context.Context, m *Message, reason string) error {
	return q.lay(ctx, letter, m, reason, "")
}

func (q *Queue) lay(ctx context.Context, script *redis.Script, m *Message, reason, body string) error {
	rdb := q.line.current()
	ours, err := q.eval(ctx, rdb, script, m.JobID, []string{q.keys.Stream, StatusKey(m.JobID), q.keys.Dead},
		q.keys.Group, q.consumer, m.ID, m.JobID,
		"reason", reason, "body", body, "buried_at", now(), "consumer", q.consumer,
		"message_id", m.ID, "job_id", m.JobID, "callback_url", m.CallbackURL,
		"ir_json", m.IR, "shots", m.Shots).Bool()
	return q.ours(ctx, rdb, ours, err)
}

// Extend renews the lease of messages in hand and returns those still ours, or
// nobody's, as after a flush: the end of such a job says whose it is.
func (q *Queue) Extend(ctx context.Context, ids []string) ([]string, error) {
	args := []any{q.keys.Group, q.consumer}
	for _, id := range ids {
		args = append(args, id)
	}
	rdb := q.line.current()
	kept, err := extend.Run(ctx, rdb, []string{q.keys.Stream}, args...).StringSlice()
	return kept, q.seen(ctx, rdb, err)
}

// Retire removes the consumers that earlier boots of this node left, if they hold
// nothing and have been idle for that long.
func (q *Queue) Retire(ctx context.Context, idle time.Duration) error {
	rdb := q.line.current()
	err := retire.Run(ctx, rdb, []string{q.keys.Stream},
		q.keys.Group, q.consumer, q.node+"-", idle.Milliseconds()).Err()
	return q.seen(ctx, rdb, err)
}

func (q *Queue) ours(ctx context.Context, rdb *redis.Client, ours bool, err error) error {
	if err := q.seen(ctx, rdb, err); err != nil {
		return err
	}
	if !ours {
		return ErrLost
	}
	return nil
}

func message(m redis.XMessage) Message {
	field := func(name string) string { s, _ := m.Values[name].(string); return s }
	return Message{
		ID: m.ID, JobID: field("job_id"), CallbackURL: field("callback_url"),
		IR: field("ir_json"), Shots: field("shots"),
	}
}

// entryMessage reads a stream entry as a script returns it: its id, then its
// fields and their values in turn.
func entryMessage(entry any) (Message, bool) {
	parts, _ := entry.([]any)
	if len(parts) != 2 {
		return Message{}, false
	}
	id, _ := parts[0].(string)
	pairs, _ := parts[1].([]any)
	fields := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		fields[name] = pairs[i+1]
	}
	return message(redis.XMessage{ID: id, Values: fields}), id != ""
}

// now is the time as the cloud writes it: UTC, six digits of fraction, none
// where it is exactly zero.
func now() string { return stamp(time.Now()) }

func stamp(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05+00:00")
	}
	return t.Format("2006-01-02T15:04:05.000000+00:00")
}

// cut shortens text to n code points.
func cut(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}
