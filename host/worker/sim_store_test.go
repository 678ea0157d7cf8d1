package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/conductorquantum/coda/host/worker"
)

// simDisk is a node's disk, in two parts: what was written, which a killed process
// leaves behind, and what was synced, which a power cut leaves too.
type simDisk struct {
	written, synced map[string]simRecord
	full            bool
}

// simRecord is what host/outbox keeps of a job.
type simRecord struct {
	state string // "" begun decided published parked delivered
	held  worker.Held
}

func newSimDisk() *simDisk {
	return &simDisk{written: map[string]simRecord{}, synced: map[string]simRecord{}}
}

// crash is what the next boot finds. A written record may have reached the platter
// before a power cut.
func (d *simDisk) crash(power bool, reached func(jobID string) bool) {
	for id, r := range d.written {
		if power && !reached(id) {
			continue
		}
		d.synced[id] = r
	}
	d.written = map[string]simRecord{}
	for id, r := range d.synced {
		d.written[id] = r
	}
}

// simStore is one boot's open outbox. Its writes follow one another.
type simStore struct {
	*boot
	turn chan struct{}
}

var errSimDisk = errors.New("no space left on device")

// commit applies a verb, syncs, and returns.
func (s *simStore) commit(ctx context.Context, verb, jobID string, apply func(r *simRecord) error) error {
	time.Sleep(s.w.latency(verb, s.n.name, jobID))
	if !s.enter() {
		return errSimDead
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.w.mu.Lock()
	d := s.n.disk
	if s.dead {
		s.w.mu.Unlock()
		return errSimDead
	}
	full := d.full
	if full && s.w.chance("torn", s.n.name, jobID) < 0.7 {
		s.w.mu.Unlock()
		return errSimDisk
	}
	r := d.written[jobID]
	r.held.JobID = jobID
	if err := apply(&r); err != nil {
		s.w.mu.Unlock()
		return err
	}
	d.written[jobID] = r
	s.w.note(s.n.name, "write "+verb, jobID, r.state)
	s.w.mu.Unlock()
	time.Sleep(s.w.latency("sync", s.n.name, jobID))
	if !s.enter() {
		return errSimDead
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.dead {
		return errSimDead
	}
	d.synced[jobID] = r
	if full {
		return errSimDisk // it is there all the same
	}
	return nil
}

func (s *simStore) Find(jobID string) (worker.Held, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.dead {
		return worker.Held{}, errSimDead
	}
	return s.read(jobID), nil
}

func (s *simStore) read(jobID string) worker.Held {
	r := s.n.disk.synced[jobID]
	h := r.held
	h.JobID = jobID
	h.Parked, h.Ended = r.state == "parked", r.state == "delivered"
	return h
}

func (s *simStore) Waiting() (all []worker.Held, err error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.dead {
		return nil, errSimDead
	}
	for id, r := range s.n.disk.synced {
		if r.state == "decided" || r.state == "published" {
			all = append(all, s.read(id))
		}
	}
	slices.SortFunc(all, func(a, b worker.Held) int { return bytes.Compare([]byte(a.JobID), []byte(b.JobID)) })
	return all, nil
}

func (s *simStore) Full() string {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.n.disk.full {
		return "the disk is full"
	}
	return ""
}

func illegal(verb string, r *simRecord) error {
	return fmt.Errorf("job %s is %q and cannot be %s", r.held.JobID, r.state, verb)
}

func (r *simRecord) settle(m *worker.Message, d *worker.Decision) {
	r.held.MessageID, r.held.Decision = m.ID, d
	r.held.Scheduled, r.held.Due = time.Now(), time.Now()
}

func (s *simStore) Begin(ctx context.Context, m *worker.Message) error {
	return s.commit(ctx, "begin", m.JobID, func(r *simRecord) error {
		if r.state != "" && r.state != "begun" {
			return illegal("begun", r)
		}
		r.state, r.held.MessageID = "begun", m.ID
		r.held.Attempts++
		return nil
	})
}

func (s *simStore) Decide(ctx context.Context, m *worker.Message, d *worker.Decision) error {
	return s.commit(ctx, "decide", m.JobID, func(r *simRecord) error {
		if r.state == "" || r.state == "begun" {
			r.state = "decided"
			r.settle(m, d)
		}
		return nil
	})
}

func (s *simStore) Adopt(ctx context.Context, m *worker.Message, d *worker.Decision) error {
	return s.commit(ctx, "adopt", m.JobID, func(r *simRecord) error {
		switch r.state {
		case "parked", "delivered":
			return illegal("given another decision", r)
		case "published", "decided":
			if bytes.Equal(r.held.Decision.Body, d.Body) {
				break
			}
			if r.state == "published" || r.held.Tries > 0 {
				return illegal("replaced", r)
			}
			r.settle(m, d)
		default:
			r.settle(m, d)
		}
		r.state, r.held.Published = "published", true
		return nil
	})
}

func (s *simStore) Published(ctx context.Context, jobID string) error {
	return s.commit(ctx, "published", jobID, func(r *simRecord) error {
		switch r.state {
		case "", "begun":
			return illegal("published", r)
		case "decided":
			r.state = "published"
		}
		r.held.Published = true
		return nil
	})
}

func (s *simStore) Attempted(ctx context.Context, jobID string, t worker.Try) error {
	return s.commit(ctx, "attempted", jobID, func(r *simRecord) error {
		if r.state != "decided" && r.state != "published" {
			return illegal("attempted", r)
		}
		if t.Number == r.held.Tries && t.Number > 0 {
			return nil
		}
		if t.Number != r.held.Tries+1 {
			return illegal(fmt.Sprintf("tried for the %dth time", t.Number), r)
		}
		r.held.Tries++
		if t.Rejected {
			r.held.Rejected++
		}
		r.held.Due = t.Next
		return nil
	})
}

func (s *simStore) Delivered(ctx context.Context, jobID string) error {
	return s.commit(ctx, "delivered", jobID, func(r *simRecord) error {
		if r.state != "decided" && r.state != "published" && r.state != "delivered" {
			return illegal("delivered", r)
		}
		if r.state != "delivered" {
			d := *r.held.Decision
			d.Body, d.URL = nil, ""
			r.held.Decision = &d
		}
		r.state = "delivered"
		return nil
	})
}

func (s *simStore) Park(ctx context.Context, jobID, _ string) error {
	return s.commit(ctx, "park", jobID, func(r *simRecord) error {
		if r.state != "decided" && r.state != "published" && r.state != "parked" {
			return illegal("parked", r)
		}
		r.state = "parked"
		return nil
	})
}
