package worker_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/worker"
)

// disk is a store that outlives the workers of a test.
type disk struct {
	mu   sync.Mutex
	held map[string]*worker.Held
	full string
	err  error
}

func newDisk() *disk { return &disk{held: map[string]*worker.Held{}} }

func (d *disk) edit(jobID string, change func(*worker.Held)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	h := d.held[jobID]
	if h == nil {
		h = &worker.Held{JobID: jobID}
		d.held[jobID] = h
	}
	change(h)
	return nil
}

func (d *disk) Find(jobID string) (worker.Held, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.held[jobID]; h != nil {
		return *h, nil
	}
	return worker.Held{JobID: jobID}, nil
}

func (d *disk) Waiting() (all []worker.Held, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.held {
		if h.Decision != nil && !h.Ended && !h.Parked {
			all = append(all, *h)
		}
	}
	return all, nil
}

func (d *disk) Begin(_ context.Context, m *worker.Message) error {
	return d.edit(m.JobID, func(h *worker.Held) { h.Attempts, h.MessageID = h.Attempts+1, m.ID })
}

func (d *disk) Decide(_ context.Context, m *worker.Message, decision *worker.Decision) error {
	return d.edit(m.JobID, func(h *worker.Held) {
		if h.Decision == nil {
			h.Decision, h.MessageID, h.Scheduled = decision, m.ID, time.Now()
		}
	})
}

func (d *disk) Adopt(_ context.Context, m *worker.Message, decision *worker.Decision) error {
	return d.edit(m.JobID, func(h *worker.Held) { h.Decision, h.MessageID, h.Published = decision, m.ID, true })
}

func (d *disk) Published(_ context.Context, jobID string) error {
	return d.edit(jobID, func(h *worker.Held) { h.Published = true })
}

func (d *disk) Attempted(_ context.Context, jobID string, t worker.Try) error {
	return d.edit(jobID, func(h *worker.Held) { h.Tries, h.Due = t.Number, t.Next })
}

func (d *disk) Delivered(_ context.Context, jobID string) error {
	return d.edit(jobID, func(h *worker.Held) { h.Ended = true })
}

func (d *disk) Park(_ context.Context, jobID, _ string) error {
	return d.edit(jobID, func(h *worker.Held) { h.Parked = true })
}

func (d *disk) Full() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

func (d *disk) set(full string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

func unavailable(string, string) error { return &fault.WebhookError{Status: 503, Retry: true} }

// What was decided is sent again by the next run of the node, byte for byte, when
// it is due, and nothing is executed again.
func TestADecisionOutlivesTheNode(t *testing.T) {
	t.Parallel()
	d := newDisk()
	f := newFake(message("a"))
	f.store = d
	f.post = unavailable
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) { time.Sleep(30 * time.Second) })
	tries := f.count("post a")
	if tries < 4 || tries > 6 || f.count("given back a") != 1 || f.count("completed a") != 0 {
		t.Fatalf("journal %q", f.entries())
	}

	again := newFake() // its message comes back only later
	again.store = d
	drive(t, again, 1, func(t *testing.T, _ *worker.Worker) {
		time.Sleep(time.Minute)
		again.add(message("a"))
		time.Sleep(time.Minute)
	})
	if again.count("run a") != 0 || again.count("post a") != 1 || again.count("completed a") != 2 { // once for each time that it came
		t.Errorf("journal %q", again.entries())
	}
	if again.bodies[0] != f.bodies[0] {
		t.Errorf("%q, then %q", f.bodies[0], again.bodies[0])
	}
}

// The decision that was published first is the one that is delivered, whoever made
// it.
func TestAnotherNodesDecisionStands(t *testing.T) {
	t.Parallel()
	peers := &worker.Decision{Kind: worker.KindCompleted, URL: "https://example.com/hook", Body: []byte("the peer's result")}
	for name, late := range map[string]bool{"before this node executes": false, "while it does": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk()
			f := newFake(message("a"))
			f.store = d
			if !late {
				f.published["a"] = peers
			}
			f.run = func(context.Context, *abi.Job) (*abi.Execution, error) {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.published["a"] = peers
				return &abi.Execution{}, nil
			}
			drive(t, f, 1, func(t *testing.T, _ *worker.Worker) { time.Sleep(time.Second) })
			if len(f.bodies) != 1 || !strings.HasSuffix(f.bodies[0], "the peer's result") || f.count("completed a") != 1 {
				t.Errorf("%q, journal %q", f.bodies, f.entries())
			}
			if ran := f.count("run a"); ran != map[bool]int{false: 0, true: 1}[late] {
				t.Errorf("%d executions", ran)
			}
			if h, _ := d.Find("a"); !h.Ended || string(h.Decision.Body) != "the peer's result" {
				t.Errorf("kept %+v", h)
			}
		})
	}
}

// A job that takes the node down with it is not started for ever.
func TestExecutionsAreCounted(t *testing.T) {
	t.Parallel()
	for name, count := range map[string]func(*fake, *disk){
		"by all nodes": func(f *fake, _ *disk) { f.charged["a"] = 3 },
		"here":         func(_ *fake, d *disk) { d.held["a"] = &worker.Held{JobID: "a", Attempts: 3} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk()
			f := newFake(message("a"))
			f.store = d
			count(f, d)
			drive(t, f, 1, func(t *testing.T, _ *worker.Worker) { time.Sleep(time.Second) })
			if f.count("run a") != 0 || f.count("copied a") != 1 || f.count("failed a") != 1 || !strings.Contains(f.bodies[0], "started 3 times") {
				t.Errorf("%q, journal %q", f.bodies, f.entries())
			}
		})
	}
}

// Where Redis takes no decisions the node does without: it posts what is on its
// disk.
func TestRedisRefusesDecisions(t *testing.T) {
	t.Parallel()
	d := newDisk()
	f := newFake(message("a"))
	f.store, f.deny = d, denying("publish")
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) { time.Sleep(time.Second) })
	if f.count("completed a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
	if h, _ := d.Find("a"); !h.Ended {
		t.Errorf("kept %+v", h)
	}
}

// While the store takes nothing more, nothing is claimed; what is in hand goes on.
func TestNothingIsTakenWhileTheStoreIsFull(t *testing.T) {
	t.Parallel()
	d := newDisk()
	f := newFake(message("a"))
	f.store = d
	d.set("1000 outcomes wait")
	drive(t, f, 1, func(t *testing.T, w *worker.Worker) {
		time.Sleep(time.Minute)
		if f.count("run a") != 0 || w.Full() != "1000 outcomes wait" {
			t.Errorf("journal %q, full %q", f.entries(), w.Full())
		}
		d.set("")
		time.Sleep(2 * time.Second)
		if f.count("completed a") != 1 || w.Full() != "" {
			t.Errorf("journal %q, full %q", f.entries(), w.Full())
		}
	})
}

// A disk that fails costs no result: what was published is delivered all the same.
func TestADiskThatFails(t *testing.T) {
	t.Parallel()
	d := newDisk()
	d.err = errors.New("no space left on device")
	f := newFake(message("a"))
	f.store = d
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) { time.Sleep(time.Second) })
	if f.count("run a") != 1 || f.count("completed a") != 1 {
		t.Errorf("journal %q", f.entries())
	}
}

// What waits to be sent again does not keep others from being taken up, nor the
// node from stopping.
func TestWhatWaitsIsInNobodysWay(t *testing.T) {
	t.Parallel()
	f := newFake()
	for i := range 200 {
		f.waiting = append(f.waiting, message(string(rune('A'+i))))
	}
	f.store = newDisk()
	f.post = unavailable
	drive(t, f, 1, func(t *testing.T, _ *worker.Worker) {
		time.Sleep(time.Second)
		if ran := strings.Count(strings.Join(f.entries(), "\n"), "post "); ran < 200 {
			t.Errorf("%d of 200 were posted", ran)
		}
	})
	if n := strings.Count(strings.Join(f.entries(), "\n"), "given back"); n != 200 {
		t.Errorf("%d of 200 are for a peer", n)
	}
}
