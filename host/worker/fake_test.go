package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/worker"
)

var (
	errLost = errors.New("lost")
	errDown = errors.New("redis is down")

	errRefused = errors.New("no permission")
)

// fake is the world around a worker: a queue in memory, an executor and a cloud,
// each with a hook for what a test wants to go wrong. It keeps a journal.
type fake struct {
	mu        sync.Mutex
	waiting   []worker.Message
	arrived   chan struct{}
	verdicts  map[string]worker.Verdict
	cancelled map[string]bool
	lost      map[string]bool
	charged   map[string]int              // executions, by job
	published map[string]*worker.Decision // by job
	most      int                         // messages that can be read in one go; 0: any number
	strayed   []worker.Message            // assigned to the worker, by replies that were lost
	outage    chan struct{}               // closed at the end of the one that goes on
	renewed   time.Time                   // the leases
	extended  []string                    // what they were of
	reclaimed []time.Time                 // what others abandoned
	journal   []string
	bodies    []string

	down    func() bool             // whether Redis is away
	refuses bool                    // whether it is there then, and refuses
	tries   int                     // while it was so
	deny    func(what string) error // what Redis refuses although it is well
	denied  map[string]int          // how often

	run    func(ctx context.Context, job *abi.Job) (*abi.Execution, error)
	batch  func(ctx context.Context, jobs []*abi.Job) ([]worker.Result, error)
	post   func(url, jobID string) error
	postIn func(ctx context.Context) error // in its place, if set
	line   func() worker.Line              // nil: none
	store  worker.Store                    // nil: none
	drain  time.Duration                   // 0: as long as it takes
	random func() float64                  // as of Worker.SetRandom; nil: real
	reject func(url string) error
}

func newFake(messages ...worker.Message) *fake {
	return &fake{
		waiting: messages, arrived: make(chan struct{}, 1),
		verdicts: map[string]worker.Verdict{}, cancelled: map[string]bool{}, lost: map[string]bool{},
		charged: map[string]int{}, published: map[string]*worker.Decision{},
		down: func() bool { return false },
		deny: func(string) error { return nil }, denied: map[string]int{},
		run: func(_ context.Context, job *abi.Job) (*abi.Execution, error) {
			return &abi.Execution{ShotsCompleted: job.Shots}, nil
		},
		post:   func(_, _ string) error { return nil },
		reject: func(string) error { return nil },
	}
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.journal = append(f.journal, fmt.Sprintf(format, args...))
}

// asked is how often Redis was tried while it was down.
func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tries
}

// allows is what deny says of a word, or of a word and a job, counted by the word.
func (f *fake) allows(what string) error {
	if err := f.reach(); err != nil {
		return err
	}
	err := f.deny(what)
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		word, _, _ := strings.Cut(what, " ")
		f.denied[word]++
	}
	return err
}

// refusals is how often something was refused.
func (f *fake) refusals(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.denied[what]
}

// count is how many entries of the journal are so.
func (f *fake) count(entry string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.journal {
		if e == entry {
			n++
		}
	}
	return n
}

func (f *fake) entries() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.journal)
}

func (f *fake) add(m worker.Message) {
	f.mu.Lock()
	f.waiting = append(f.waiting, m)
	f.mu.Unlock()
	select {
	case f.arrived <- struct{}{}:
	default:
	}
}

// decide changes what Begin says of a job.
func (f *fake) decide(jobID string, v worker.Verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.verdicts[jobID] = v
}

func (f *fake) cancel(jobID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancelled[jobID] = true
}

// The queue.

func (f *fake) Join(context.Context) error { return f.reach() }

func (f *fake) Retire(context.Context, time.Duration) error { return f.allows("retire") }

func (f *fake) reach() error {
	if !f.down() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.outage == nil && !f.refuses {
		f.outage = make(chan struct{})
	}
	return errDown
}

// Watch ends an outage within a second.
func (f *fake) Watch(ctx context.Context) {
	for ctx.Err() == nil {
		if !f.down() {
			f.mu.Lock()
			if f.outage != nil {
				close(f.outage)
				f.outage = nil
			}
			f.mu.Unlock()
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (f *fake) Outage() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.outage
}

func (f *fake) Strays(_ context.Context, n int, inHand []string) ([]worker.Message, error) {
	if err := f.allows("strays"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []worker.Message
	for _, m := range f.strayed {
		if len(out) < n && !slices.Contains(inHand, m.ID) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (f *fake) Claim(ctx context.Context, n int, wait time.Duration) ([]worker.Message, error) {
	if err := f.reach(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	if f.most > 0 && min(n, len(f.waiting)) > f.most {
		f.mu.Unlock()
		return nil, errDown
	}
	if len(f.waiting) == 0 {
		f.mu.Unlock()
		select {
		case <-f.arrived:
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		f.mu.Lock()
	}
	defer f.mu.Unlock()
	n = min(n, len(f.waiting))
	out := slices.Clone(f.waiting[:n])
	f.waiting = f.waiting[n:]
	return out, nil
}

func (f *fake) Reclaim(context.Context, int) ([]worker.Message, error) {
	if err := f.reach(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reclaimed = append(f.reclaimed, time.Now())
	return nil, nil
}

func (f *fake) Extend(_ context.Context, ids []string) ([]string, error) {
	if err := f.reach(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed, f.extended = time.Now(), slices.Clone(ids)
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return f.lost[id] }), nil
}

func (f *fake) Inherit(context.Context) error { return f.allows("inherit") }

func (f *fake) Begin(_ context.Context, m *worker.Message, attempt string) (worker.Verdict, string, *worker.Decision, error) {
	if err := f.allows("begin " + m.JobID); err != nil {
		return "", "", nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.verdicts[m.JobID]; ok {
		return v, "recorded", nil, nil
	}
	if d := f.published[m.JobID]; d != nil {
		return worker.Decided, "", d, nil
	}
	if attempt != "" {
		if f.charged[m.JobID] == 3 {
			return worker.Spent, "", nil, nil
		}
		f.charged[m.JobID]++
	}
	return worker.Run, "", nil, nil
}

func (f *fake) Charge(_ context.Context, m *worker.Message, _ string) (bool, error) {
	if err := f.allows("charge"); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.charged[m.JobID]++
	return f.charged[m.JobID] <= 3, nil
}

func (f *fake) Publish(_ context.Context, m *worker.Message, d *worker.Decision) (worker.Verdict, *worker.Decision, error) {
	if err := f.allows("publish"); err != nil {
		return "", nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.lost[m.ID]:
		return worker.Lost, nil, nil
	case f.published[m.JobID] != nil:
		return worker.Decided, f.published[m.JobID], nil
	case f.cancelled[m.JobID]:
		f.journal = append(f.journal, "cancelled "+m.JobID)
		return worker.Cancelled, nil, nil
	}
	f.published[m.JobID] = d
	return worker.Decided, d, nil
}

func (f *fake) Letter(_ context.Context, m *worker.Message, _ string) error {
	return f.settle(m, "copied")
}

func (f *fake) IsAnswer(err error) bool { return !errors.Is(err, errDown) }

func (f *fake) IsRefused(err error) bool { return errors.Is(err, errRefused) }

func (f *fake) IsCancelled(_ context.Context, jobID string) (bool, error) {
	if err := f.reach(); err != nil {
		return true, err // nobody may look at it
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cancelled[jobID], nil
}

func (f *fake) settle(m *worker.Message, what string) error {
	word, _, _ := strings.Cut(what, " ")
	if err := f.allows(word); err != nil {
		return err
	}
	f.mu.Lock()
	lost := f.lost[m.ID]
	f.strayed = slices.DeleteFunc(f.strayed, func(s worker.Message) bool { return s.ID == m.ID })
	f.mu.Unlock()
	if lost {
		return errLost
	}
	f.note("%s %s", what, m.JobID)
	return nil
}

func (f *fake) Complete(_ context.Context, m *worker.Message) error { return f.settle(m, "completed") }
func (f *fake) Cancel(_ context.Context, m *worker.Message) error   { return f.settle(m, "cancelled") }
func (f *fake) Fail(_ context.Context, m *worker.Message, _ string) error {
	return f.settle(m, "failed")
}
func (f *fake) Bury(_ context.Context, m *worker.Message, reason, _ string) error {
	return f.settle(m, "buried ("+reason+")")
}
func (f *fake) GiveBack(_ context.Context, m *worker.Message) error { return f.settle(m, "given back") }
func (f *fake) IsLost(err error) bool                               { return errors.Is(err, errLost) }

// way is the line, made in the bubble.
func (f *fake) way() worker.Line {
	if f.line == nil {
		return nil
	}
	return f.line()
}

// The executor.

func (f *fake) Run(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	f.note("run %s", job.ID)
	return f.run(ctx, job)
}

// batcher is nil for tests that set no batch.
func (f *fake) batcher() worker.Batcher {
	if f.batch == nil {
		return nil
	}
	return f
}

func (f *fake) RunBatch(ctx context.Context, jobs []*abi.Job) ([]worker.Result, error) {
	var ids []string
	for _, job := range jobs {
		ids = append(ids, job.ID)
	}
	slices.Sort(ids)
	f.note("batch %s", strings.Join(ids, " "))
	return f.batch(ctx, jobs)
}

// The cloud.

func (f *fake) Allowed(url string) error { return f.reject(url) }

func (f *fake) Completed(job *abi.Job, _ *abi.Execution) []byte { return []byte("result of " + job.ID) }

func (f *fake) Failed(jobID, text string) []byte { return []byte("failure of " + jobID + ": " + text) }

func (f *fake) Post(ctx context.Context, url, jobID string, body []byte) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.note("post %s", jobID)
	f.mu.Lock()
	f.bodies = append(f.bodies, url+" <- "+string(body))
	f.mu.Unlock()
	if f.postIn != nil {
		return f.postIn(ctx)
	}
	return f.post(url, jobID)
}
