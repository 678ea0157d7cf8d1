package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/queue"
	"github.com/conductorquantum/coda/host/webhook"
	"github.com/conductorquantum/coda/host/worker"
)

// Siblings do not import each other; these join what they mean to each other.

// jobs is the queue as the worker wants it.
type jobs struct{ *queue.Queue }

func (j jobs) Claim(ctx context.Context, n int, wait time.Duration) ([]worker.Message, error) {
	return messages(j.Queue.Claim(ctx, n, wait))
}

func (j jobs) Reclaim(ctx context.Context, n int) ([]worker.Message, error) {
	return messages(j.Queue.Reclaim(ctx, n))
}

func (j jobs) Strays(ctx context.Context, n int, inHand []string) ([]worker.Message, error) {
	return messages(j.Queue.Strays(ctx, n, inHand))
}

func messages(in []queue.Message, err error) ([]worker.Message, error) {
	out := make([]worker.Message, len(in))
	for i, m := range in {
		out[i] = worker.Message(m)
	}
	return out, err
}

func (j jobs) Begin(ctx context.Context, m *worker.Message, attempt string) (worker.Verdict, string, *worker.Decision, error) {
	verdict, text, d, err := j.Queue.Begin(ctx, (*queue.Message)(m), attempt)
	v, err := known(verdict, err)
	return v, text, fromQueue(d), err
}

// verdicts are what the queue's mean to the worker.
var verdicts = map[queue.Verdict]worker.Verdict{
	queue.Run: worker.Run, queue.Failed: worker.Failed, queue.Completed: worker.Completed, queue.Cancelled: worker.Cancelled,
	queue.Lost: worker.Lost, queue.Elsewhere: worker.Elsewhere, queue.Decided: worker.Decided, queue.Spent: worker.Spent,
	queue.Damaged: worker.Damaged, queue.Parked: worker.Parked,
}

var errVerdict = errors.New("the queue's script answers what is no verdict")

// known fails for a verdict that means nothing: a script and this program differ.
func known(v queue.Verdict, err error) (worker.Verdict, error) {
	if err != nil {
		return "", err
	}
	w, ok := verdicts[v]
	if !ok {
		return "", fmt.Errorf("%w: %.40q", errVerdict, string(v))
	}
	return w, nil
}

func (j jobs) Charge(ctx context.Context, m *worker.Message, attempt string) (bool, error) {
	return j.Queue.Charge(ctx, (*queue.Message)(m), attempt)
}

func (j jobs) Publish(ctx context.Context, m *worker.Message, d *worker.Decision) (worker.Verdict, *worker.Decision, error) {
	verdict, stands, err := j.Queue.Publish(ctx, (*queue.Message)(m),
		&queue.Decision{Kind: string(d.Kind), URL: d.URL, Failure: d.Failure, Body: d.Body})
	v, err := known(verdict, err)
	return v, fromQueue(stands), err
}

func fromQueue(d *queue.Decision) *worker.Decision {
	if d == nil {
		return nil
	}
	return &worker.Decision{Kind: worker.Kind(d.Kind), URL: d.URL, Failure: d.Failure, Body: d.Body}
}

func (j jobs) Letter(ctx context.Context, m *worker.Message, reason string) error {
	return j.Queue.Letter(ctx, (*queue.Message)(m), reason)
}

func (j jobs) IsRefused(err error) bool { return queue.Refused(err) }

func (j jobs) IsAnswer(err error) bool { return queue.Answered(err) || errors.Is(err, errVerdict) }

func (j jobs) Complete(ctx context.Context, m *worker.Message) error {
	return j.Queue.Complete(ctx, (*queue.Message)(m))
}

func (j jobs) Fail(ctx context.Context, m *worker.Message, text string) error {
	return j.Queue.Fail(ctx, (*queue.Message)(m), text)
}

func (j jobs) Cancel(ctx context.Context, m *worker.Message) error {
	return j.Queue.Cancel(ctx, (*queue.Message)(m))
}

func (j jobs) Bury(ctx context.Context, m *worker.Message, reason, body string) error {
	return j.Queue.Bury(ctx, (*queue.Message)(m), reason, body)
}

func (j jobs) GiveBack(ctx context.Context, m *worker.Message) error {
	return j.Queue.GiveBack(ctx, (*queue.Message)(m))
}

func (j jobs) IsLost(err error) bool { return errors.Is(err, queue.ErrLost) }

// batch is an executor that runs many jobs together, as the worker wants it.
type batch struct{ *executor.Executor }

// batches is nil where the executor runs each job by itself.
func batches(e *executor.Executor) worker.Batcher {
	if !e.Batches() {
		return nil
	}
	return batch{e}
}

func (b batch) RunBatch(ctx context.Context, jobs []*abi.Job) ([]worker.Result, error) {
	results, err := b.Executor.RunBatch(ctx, jobs)
	out := make([]worker.Result, len(results))
	for i, r := range results {
		out[i] = worker.Result(r)
	}
	return out, err
}

// outcomes is the webhook as the worker wants it.
type outcomes struct{ *webhook.Sender }

func (o outcomes) Completed(job *abi.Job, e *abi.Execution) []byte {
	return webhook.Completed(job.ID, len(job.Circuit.Measurements), e, 0)
}

func (o outcomes) Failed(jobID, text string) []byte { return webhook.Failed(jobID, text) }

func (o outcomes) Post(ctx context.Context, url, jobID string, body []byte) error {
	return o.Sender.Post(ctx, url, webhook.ID(jobID), body)
}
