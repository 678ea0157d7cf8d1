// Package worker gives jobs their life: it claims messages, runs each on the
// executor, delivers what came of it and acknowledges. job.go tells the story of
// one; the other files are the loops around it.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// Message is one queued job. Fields that are absent are empty.
type Message struct {
	ID          string // of the queue's entry
	JobID       string
	CallbackURL string
	IR          string // JSON
	Shots       string // decimal
}

// Verdict says how a job stands.
type Verdict string

// The verdicts. Completed, Cancelled and Lost mean that nothing is to be done.
const (
	Run       Verdict = "run"
	Failed    Verdict = "failed" // before it could be decided: send the failure, perhaps again
	Completed Verdict = "completed"
	Cancelled Verdict = "cancelled"
	Lost      Verdict = "lost"      // another node has it
	Elsewhere Verdict = "elsewhere" // for now: the job is in hand under another message
	Decided   Verdict = "decided"   // the outcome stands: deliver it
	Spent     Verdict = "spent"     // its executions are used up
	Damaged   Verdict = "damaged"   // what was decided cannot be read
	Parked    Verdict = "parked"    // the operator has the outcome, in the dead-letter stream
)

// Queue is where jobs come from and where their state is kept.
type Queue interface {
	Source
	Ledger
	Health
}

// Source hands out messages, and leases on them.
type Source interface {
	Join(ctx context.Context) error
	// Inherit takes over what earlier boots of this node had in hand; Strays finds
	// it.
	Inherit(ctx context.Context) error
	// Claim waits for messages. What it is assigned although it fails, and for as
	// long as it would have waited, is found by Strays.
	Claim(ctx context.Context, n int, wait time.Duration) ([]Message, error)
	Reclaim(ctx context.Context, n int) ([]Message, error)
	Strays(ctx context.Context, n int, inHand []string) ([]Message, error)
	Extend(ctx context.Context, ids []string) (kept []string, err error)
	Retire(ctx context.Context, idle time.Duration) error
	// GiveBack lets another node claim a message now.
	GiveBack(ctx context.Context, m *Message) error
}

// Ledger records how jobs stand. Complete, Fail, Cancel and Bury acknowledge; where
// the message is another node's by now they do nothing and say so with an error that
// IsLost recognises.
type Ledger interface {
	// Begin takes a job up and counts the execution of that name, unless it is "". A
	// repetition counts nothing more. The text comes with Failed and Damaged, the
	// decision with Decided.
	Begin(ctx context.Context, m *Message, attempt string) (Verdict, string, *Decision, error)
	// Charge counts a further execution and reports whether it may start.
	Charge(ctx context.Context, m *Message, attempt string) (bool, error)
	// Publish makes a decision stand for every node. It returns Decided with the
	// one that stands, or what became of the job otherwise.
	Publish(ctx context.Context, m *Message, d *Decision) (Verdict, *Decision, error)
	IsCancelled(ctx context.Context, jobID string) (bool, error)
	Complete(ctx context.Context, m *Message) error
	Fail(ctx context.Context, m *Message, text string) error
	Cancel(ctx context.Context, m *Message) error
	Bury(ctx context.Context, m *Message, reason, body string) error
	// Letter copies a message to where Bury puts it. Its job goes on.
	Letter(ctx context.Context, m *Message, reason string) error
}

// Health says how the queue is, and what an error says of it.
type Health interface {
	// Watch finds out about outages until ctx ends. Outage is closed when the one
	// that goes on ends; nil where there is none.
	Watch(ctx context.Context)
	Outage() <-chan struct{}

	IsLost(err error) bool
	// IsRefused recognises what a server that is well lets no job of this node do, and
	// will not before somebody changes that.
	IsRefused(err error) bool
	// IsAnswer recognises what the server itself said; else it may not have heard, or
	// done what was asked.
	IsAnswer(err error) bool
}

// Executor runs circuits.
type Executor interface {
	Run(ctx context.Context, job *abi.Job) (*abi.Execution, error)
}

// Batcher runs many circuits cheaper together than apart. It returns a result
// for each job, or an error where the batch as a whole came to nothing.
type Batcher interface {
	RunBatch(ctx context.Context, jobs []*abi.Job) ([]Result, error)
}

// Result is what became of one job of a batch.
type Result struct {
	Execution *abi.Execution
	Err       error
}

// Webhook tells the cloud what came of a job.
type Webhook interface {
	// Completed and Failed are the bodies of the two outcomes.
	Completed(job *abi.Job, e *abi.Execution) []byte
	Failed(jobID, text string) []byte
	// Allowed says why a callback may not be used, or nil.
	Allowed(url string) error
	// Post sends a body once. What can follow a failure stands in its
	// *fault.WebhookError.
	Post(ctx context.Context, url, jobID string, body []byte) error
}

// Line is the way to the cloud that jobs need. Of its two channels one is closed;
// they are asked for again after each change.
type Line interface {
	Up() <-chan struct{}   // closed while it is there
	Down() <-chan struct{} // closed while it is not
}

// Config sets a worker up.
type Config struct {
	Queue       Queue
	Executor    Executor
	Batch       Batcher // nil: every job runs by itself
	MaxBatch    int     // the most jobs that Batch takes
	Line        Line    // nil: it is always there
	Webhook     Webhook
	Store       Store             // nil: decisions are kept in memory alone
	Halt        func() string     // says why nothing is to be taken up for now; nil: nothing ever speaks against it
	Origin      map[string]string // what every result comes from; kept beside the decision
	OwnWebhook  string            // the cloud's own callback, for jobs that name none that may be used
	Concurrency int               // executions side by side
	Log         *slog.Logger
}

// What a store keeps of a job at most.
const (
	MaxJobID = 1 << 10 // bytes
	MaxText  = 1 << 16 // bytes, of a callback and of a failure
)

// Limits of a worker.
const (
	maxInDelivery = 64 // outcomes on their way for the first time, beyond which nothing is claimed
	claimWait     = 5 * time.Second
	pollCancel    = 250 * time.Millisecond
	pollElsewhere = time.Second
	sweepEvery    = 30 * time.Second
	huntEvery     = 500 * time.Millisecond // for lost replies, after a failure
	extendEvery   = 20 * time.Second
	resumeEvery   = 10 * time.Minute // what is kept and in nobody's hand
	maxBackoff    = 60 * time.Second
	retireAfter   = time.Hour // of idleness, for the consumers of earlier boots
	maxStarts     = 3         // of one job, where the executor was at fault
	maxRejections = 5         // of one body, before it is buried
)

// Worker runs the jobs of one queue on one executor.
type Worker struct {
	Config
	slots chan struct{} // held while a job, or a batch, executes
	hands chan struct{} // held from the claim to the acknowledgement

	kill     context.CancelCauseFunc // ends the jobs in hand
	ctx      context.Context         // of the jobs in hand
	stopRuns context.CancelFunc      // ends the executions in hand
	runs     context.Context         // of the executions in hand
	jobs     sync.WaitGroup
	loops    sync.WaitGroup

	random   func() float64 // in [0, 1), to spread waits by
	durable  bool           // the store outlives the process
	unwanted atomic.Int32   // messages in a row that could not be taken up
	draining chan struct{}  // closed when the drain begins
	cutShort atomic.Bool    // a job was killed unfinished

	mu        sync.Mutex
	inHand    map[string]*hold // by message id
	executing map[string]int   // by job id
	current   string           // the one of executing that a report names
	lastJobAt time.Time
	full      string              // why the store takes nothing more
	refusals  map[string]*refusal // by message id
	aloneFor  error               // why Redis does not take decisions; nil where it does
	aloneAt   time.Time           // when it was last asked
}

// hold is a message in hand.
type hold struct {
	jobID  string
	cancel context.CancelCauseFunc
	resent bool          // it was acknowledged when its outcome was parked: it has no lease to lose
	nudged chan struct{} // holds one while Resend asks for the outcome to be sent now
}

// New makes a worker. It does nothing before Run.
func New(cfg Config) *Worker {
	cfg.Concurrency = max(cfg.Concurrency, 1)
	if cfg.Batch == nil {
		cfg.MaxBatch = 1
	}
	w := &Worker{
		Config:    cfg,
		slots:     make(chan struct{}, cfg.Concurrency),
		hands:     make(chan struct{}, cfg.Concurrency*cfg.MaxBatch+maxInDelivery),
		inHand:    map[string]*hold{},
		executing: map[string]int{},
		refusals:  map[string]*refusal{},
		random:    rand.Float64,
		durable:   cfg.Store != nil,
		draining:  make(chan struct{}),
	}
	if w.Store == nil {
		w.Store = memory{}
	}
	if w.Halt == nil {
		w.Halt = func() string { return "" }
	}
	w.ctx, w.kill = context.WithCancelCause(context.Background())
	w.runs, w.stopRuns = context.WithCancel(w.ctx)
	return w
}

// CurrentJob is the id of a job that executes now, or "".
func (w *Worker) CurrentJob() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current
}

// LastJobAt is when a result, not a failure, was last delivered; zero before the
// first.
func (w *Worker) LastJobAt() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastJobAt
}

// Full says why no jobs are taken although Redis is there; "" where they are.
func (w *Worker) Full() string {
	if why := w.Halt(); why != "" { // which may be news to the claimer
		return why
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full != "" {
		return w.full
	}
	if len(w.hands) == cap(w.hands) {
		return fmt.Sprintf("%d outcomes are on their way to the cloud", len(w.hands))
	}
	return ""
}

// InHand is how many messages were claimed and are not settled.
func (w *Worker) InHand() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.inHand)
}

func (w *Worker) setExecuting(jobID string, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.executing[jobID] += by; w.executing[jobID] == 0 {
		delete(w.executing, jobID)
	}
	if by > 0 {
		w.current = jobID
		return
	}
	w.current = ""
	for id := range w.executing {
		w.current = id
	}
}
