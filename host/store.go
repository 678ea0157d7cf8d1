package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/conductorquantum/coda/host/outbox"
	"github.com/conductorquantum/coda/host/webhook"
	"github.com/conductorquantum/coda/host/worker"
)

// outboxFile is in the state directory.
const outboxFile = "outbox.db"

// The bounds of what may wait. Beyond them no jobs are taken.
const (
	maxWaiting = 1000
	maxBytes   = 256 << 20
	leastFree  = 5 // percent of the disk
)

// openOutbox opens what earlier runs decided and did not deliver.
func openOutbox(stateDir string) (*outbox.Store, error) {
	return outbox.Open(filepath.Join(stateDir, outboxFile), outbox.Config{})
}

// decisions is the outbox as the worker wants it.
type decisions struct {
	*outbox.Store
	dir string
}

func (d decisions) Find(jobID string) (worker.Held, error) {
	r, err := d.Store.Get(jobID)
	if errors.Is(err, outbox.ErrUnknown) || errors.Is(err, outbox.ErrInvalid) {
		return worker.Held{JobID: jobID}, nil
	}
	if err != nil {
		return worker.Held{}, err
	}
	return d.held(&r)
}

func (d decisions) Waiting() ([]worker.Held, error) {
	var all []worker.Held
	var failed error
	filter := outbox.Filter{States: []outbox.State{outbox.Decided, outbox.Published}}
	for {
		page, next := d.Store.List(filter)
		for i := range page {
			h, err := d.held(&page[i])
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			if h.Decision != nil {
				all = append(all, h)
			}
		}
		if next == (outbox.Cursor{}) {
			return all, failed
		}
		filter.After = next
	}
}

// held is a record with its body.
func (d decisions) held(r *outbox.Record) (worker.Held, error) {
	// Only Retry begins a schedule that is not that of the decision. Whose the
	// outcome is was settled when it was parked: it needs not be published any more.
	// The clock may have been set back in between.
	resent := !r.Scheduled.Equal(r.Decided)
	h := worker.Held{
		JobID: r.JobID, MessageID: r.MessageID, Attempts: r.Attempts,
		Published: !r.Published.IsZero() || resent, Parked: r.State == outbox.Parked, Resent: resent,
		Ended: r.State == outbox.Delivered, Dropped: r.State == outbox.Dropped,
		Tries: r.Tries, Rejected: r.Rejections, Scheduled: r.Scheduled, Due: r.Due,
	}
	if r.Kind == 0 || r.Kind == outbox.Cancelled {
		return h, nil
	}
	h.Decision = &worker.Decision{Kind: worker.Kind(r.Kind.String()), URL: r.URL, Failure: r.Failure}
	if h.Ended || h.Dropped {
		return h, nil
	}
	body, err := d.Store.Body(r.JobID)
	if errors.Is(err, outbox.ErrUnknown) { // it was delivered just now
		h.Decision = nil
		return h, nil
	}
	h.Decision.Body = body
	return h, err
}

func (d decisions) Begin(ctx context.Context, m *worker.Message) error {
	_, err := d.Store.Begin(ctx, outbox.Attempt{JobID: m.JobID, MessageID: m.ID})
	return err
}

func (d decisions) Decide(ctx context.Context, m *worker.Message, w *worker.Decision) error {
	_, err := d.Store.Decide(ctx, toOutbox(m, w))
	return err
}

func (d decisions) Adopt(ctx context.Context, m *worker.Message, w *worker.Decision) error {
	_, err := d.Store.Adopt(ctx, toOutbox(m, w))
	return err
}

func toOutbox(m *worker.Message, w *worker.Decision) outbox.Decision {
	kind := outbox.Completed
	if w.Kind == worker.KindFailed {
		kind = outbox.Failed
	}
	return outbox.Decision{JobID: m.JobID, MessageID: m.ID, WebhookID: webhook.ID(m.JobID),
		URL: w.URL, Kind: kind, Failure: w.Failure, Body: w.Body, Provenance: w.Origin}
}

func (d decisions) Attempted(ctx context.Context, jobID string, t worker.Try) error {
	return d.Store.Attempted(ctx, jobID, outbox.Try{Number: t.Number, Rejected: t.Rejected, Next: t.Next, Error: t.Error})
}

// Full says why nothing more is to be taken up. After a failed write it writes, to
// find out whether the disk has recovered.
func (d decisions) Full() string {
	if err := d.Store.Err(); err != nil {
		if err = d.Store.Probe(context.Background()); err != nil {
			return fmt.Sprintf("the outbox cannot be written: %v", err)
		}
	}
	stats := d.Store.Stats()
	switch free, err := outbox.Free(d.dir); {
	case stats.Waiting >= maxWaiting:
		return fmt.Sprintf("%d outcomes wait to be delivered, see coda outbox", stats.Waiting)
	case stats.Bytes >= maxBytes:
		return fmt.Sprintf("outcomes of %d MiB wait to be delivered or are parked, see coda outbox", stats.Bytes>>20)
	case err == nil && free < leastFree:
		return fmt.Sprintf("less than %d %% of the disk that holds %s is free", leastFree, d.dir)
	}
	return ""
}

// sweepOutbox forgets what has ended long ago, every hour, until ctx ends.
func sweepOutbox(ctx context.Context, store *outbox.Store, log *slog.Logger) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if _, err := store.Sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			log.Warn("the outbox could not be swept", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
