package devcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const (
	batchSize   = 500 // messages written to Redis at once
	cancelKeeps = 24 * time.Hour
	cancelPoll  = 50 * time.Millisecond
	maxWait     = time.Minute // of one request for a result
)

// Names in Redis that nodes read.
func streamKey(qpu string) string    { return "qpu:" + qpu + ":jobs" }
func groupName(qpu string) string    { return "qpu:" + qpu + ":workers" }
func cancelKey(jobID string) string  { return "qpu:job:cancelled:" + jobID }
func statusHash(jobID string) string { return "qpu:job:" + jobID + ":status" }

// ErrCancelled is what waiting for a job that was cancelled ends in.
var ErrCancelled = errors.New("the job was cancelled")

// Job is one circuit to run.
type Job struct {
	ID       string          `json:"job_id,omitempty"`  // "": one is made
	QPU      string          `json:"qpu_id,omitempty"`  // "": the cloud's default
	IR       json.RawMessage `json:"ir,omitempty"`      // the circuit, or
	IRText   string          `json:"ir_json,omitempty"` // its text, handed on as it is
	Shots    int64           `json:"shots"`
	Callback string          `json:"callback_url,omitempty"` // "": the cloud's webhook
}

// State is a job as the cloud sees it.
type State struct {
	ID          string          `json:"job_id"`
	QPU         string          `json:"qpu_id"`
	State       string          `json:"state"`  // queued, executing, completed, failed or cancelled
	Result      json.RawMessage `json:"result"` // the webhook's body; null before
	SubmittedAt time.Time       `json:"submitted_at"`
	DeliveredAt *time.Time      `json:"delivered_at"`
}

// Final reports whether nothing more can happen to the job.
func (s *State) Final() bool { return s.Result != nil || s.State == "cancelled" }

// Submit puts jobs into their QPUs' streams and returns their ids. It needs
// Start or Config.BaseURL, so that nodes know where to report.
func (c *Cloud) Submit(ctx context.Context, jobs ...Job) ([]string, error) {
	return c.submit(ctx, c.baseURL(nil), jobs)
}

func (c *Cloud) submit(ctx context.Context, base string, jobs []Job) ([]string, error) {
	if base == "" {
		return nil, &fault.NodeError{Op: "submit", Reason: "the cloud has no address yet for its webhook; call Start first"}
	}
	ids := make([]string, len(jobs))
	for i := range jobs {
		if err := c.complete(&jobs[i], base); err != nil {
			return nil, &fault.NodeError{Op: "submit", Reason: fmt.Sprintf("job %d of %d", i+1, len(jobs)), Err: err}
		}
		ids[i] = jobs[i].ID
	}
	for i, job := range jobs {
		if err := c.jobs.add(job.ID, job.QPU); err != nil {
			c.forget(ids[:i])
			return nil, &fault.NodeError{Op: "submit", Reason: "refused", Err: err}
		}
	}
	for start := 0; start < len(jobs); start += batchSize {
		end := min(start+batchSize, len(jobs))
		_, err := c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, job := range jobs[start:end] {
				p.XAdd(ctx, &redis.XAddArgs{Stream: streamKey(job.QPU), Values: []string{
					"job_id", job.ID, "callback_url", job.Callback, "ir_json", job.IRText, "shots", strconv.FormatInt(job.Shots, 10),
				}})
			}
			return nil
		})
		if err != nil {
			c.forget(ids[start:])
			return nil, &fault.NodeError{Op: "submit", Reason: "Redis did not take the jobs", Retry: true, Err: err}
		}
	}
	return ids, nil
}

// complete fills in what a job leaves to the cloud. It does not look into the
// circuit: whether it is right is the node's to say.
func (c *Cloud) complete(job *Job, base string) error {
	setDefault(&job.ID, uuid.NewString())
	setDefault(&job.QPU, c.cfg.QPU)
	setDefault(&job.Callback, base+webhookPath)
	if len(job.ID) > 200 {
		return errors.New("job_id is longer than 200 bytes")
	}
	if len(job.IR) > 0 {
		if job.IRText != "" {
			return errors.New("give ir or ir_json, not both")
		}
		job.IRText = string(job.IR)
	}
	if job.IRText == "" {
		return errors.New("ir or ir_json is required")
	}
	if _, ok := c.registry.device(job.QPU); !ok {
		return fmt.Errorf("QPU %q is not registered", job.QPU)
	}
	return nil
}

func (c *Cloud) forget(ids []string) {
	for _, id := range ids {
		c.jobs.remove(id)
	}
}

// State is what is known of a job now. ok is false for an unknown id.
func (c *Cloud) State(ctx context.Context, id string) (state State, ok bool, err error) {
	r, ok := c.jobs.get(id)
	if !ok {
		return State{}, false, nil
	}
	state = State{ID: id, QPU: r.qpu, State: "queued", SubmittedAt: r.submitted}
	if r.body != nil {
		state.State, state.Result, state.DeliveredAt = r.status, r.body, &r.delivered
		return state, true, nil
	}
	switch word, err := c.redis.HGet(ctx, statusHash(id), "state").Result(); {
	case errors.Is(err, redis.Nil):
	case err != nil:
		return state, true, &fault.NodeError{Op: "state", Reason: "Redis did not answer", Retry: true, Err: err}
	default:
		state.State = word
	}
	return state, true, nil
}

// Wait blocks until a job's outcome was delivered and returns its body, or
// ErrCancelled once the node has confirmed a cancellation.
func (c *Cloud) Wait(ctx context.Context, id string) ([]byte, error) {
	state, err := c.await(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case state.Result != nil:
		return state.Result, nil
	case state.State == "cancelled":
		return nil, ErrCancelled
	}
	return nil, ctx.Err()
}

// await returns when the job is final or ctx ends, with the state by then.
func (c *Cloud) await(ctx context.Context, id string) (State, error) {
	tick := time.NewTicker(cancelPoll)
	defer tick.Stop()
	for {
		r, ok := c.jobs.get(id)
		if !ok {
			return State{}, &fault.NodeError{Op: "wait", Reason: fmt.Sprintf("job %q is not known", id)}
		}
		if r.body != nil || r.cancelAsked || ctx.Err() != nil {
			// A cancelled job is announced by its status alone.
			state, _, err := c.State(context.WithoutCancel(ctx), id)
			if err != nil || state.Final() || ctx.Err() != nil {
				return state, err
			}
		}
		select {
		case <-r.done:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// Cancel asks for a job to be stopped. ok is false for an unknown id.
func (c *Cloud) Cancel(ctx context.Context, id string) (ok bool, err error) {
	if !c.jobs.askCancel(id) {
		return false, nil
	}
	if err := c.redis.Set(ctx, cancelKey(id), "1", cancelKeeps).Err(); err != nil {
		return true, &fault.NodeError{Op: "cancel", Reason: "Redis did not answer", Retry: true, Err: err}
	}
	return true, nil
}

// Stats counts what happened since the start.
func (c *Cloud) Stats(ctx context.Context) (Stats, error) {
	stats := c.jobs.counts()
	qpus := map[string]bool{c.cfg.QPU: true}
	for _, node := range c.registry.list() {
		qpus[node.QPU] = true
		if node.LastReport != nil && (stats.LastHeartbeat == nil || node.LastReport.At.After(*stats.LastHeartbeat)) {
			stats.LastHeartbeat = &node.LastReport.At
		}
	}
	for qpu := range qpus {
		pending, err := c.redis.XPending(ctx, streamKey(qpu), groupName(qpu)).Result()
		switch {
		case err == nil:
			stats.Pending += pending.Count
		case errors.Is(err, redis.Nil), redis.HasErrorPrefix(err, "NOGROUP"): // nobody has read yet
		default:
			return stats, &fault.NodeError{Op: "stats", Reason: "Redis did not answer", Retry: true, Err: err}
		}
	}
	return stats, nil
}
