// Package codatest lets an author test an executor with plain `go test`, without
// WebAssembly: it stands in for the node, and calls Open and Run as a node does.
package codatest

import (
	"maps"
	"slices"
	"sync"
	"testing"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/batch"
	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

// Node is the node that coda.Config, coda.Log, coda.IsCancelled and coda.Progress
// talk to while a test runs. It is safe for concurrent use.
type Node struct {
	mu        sync.Mutex
	settings  map[string]string
	cancelled bool
	progress  []uint64
	lines     []Line
	hardware  hardware
}

// Line is one line of the node's log.
type Line struct {
	Level   coda.Level
	Message string
}

// Start makes a node with these settings the one of the process until the test
// ends. A test with a node, like one that calls t.Setenv, cannot be parallel.
func Start(tb testing.TB, settings map[string]string) *Node {
	tb.Helper()
	tb.Setenv("CODATEST", tb.Name()) // refuses parallel tests
	n := &Node{settings: maps.Clone(settings)}
	before := guest.Current.Swap(&guest.Node{
		Log: func(level uint8, message string) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.lines = append(n.lines, Line{coda.Level(level), message})
		},
		Cancelled: n.isCancelled,
		Progress: func(shots uint64) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.progress = append(n.progress, shots)
		},
		Config: func(key string) (string, bool) {
			value, ok := n.settings[key]
			return value, ok
		},
		Keys:  func() []string { return slices.Sorted(maps.Keys(n.settings)) },
		Reach: n.reach,
	})
	tb.Cleanup(func() {
		guest.Current.Store(before)
		for handle := range n.hardware.conns {
			n.drop(handle)
		}
	})
	return n
}

// Cancel makes coda.IsCancelled true, and ends calls into hardware that wait.
func (n *Node) Cancel() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cancelled = true
	for _, c := range n.hardware.conns {
		_ = c.SetDeadline(past)
	}
}

// Progress returns what the executor reported, in order.
func (n *Node) Progress() []uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.progress)
}

// Log returns the lines that the executor logged, in order.
func (n *Node) Log() []Line {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.lines)
}

// Open calls e.Open as a node does: an error is the *coda.Failure that the node
// would see, a panic's included, and a device that breaks a rule of the contract
// fails the test.
func Open(tb testing.TB, e coda.Executor) (coda.Device, error) {
	tb.Helper()
	device, failure := guest.Open(e)
	if failure != nil {
		return device, failure
	}
	if err := device.Check(); err != nil {
		tb.Errorf("a node refuses this executor: %v", err)
	}
	return device, nil
}

// Run calls e.Run as a node does: an error is the *coda.Failure that the node
// would see, a panic's included, and a result that breaks a rule of the contract
// fails the test, as does a job that no node would hand over.
func Run(tb testing.TB, e coda.Executor, job coda.Job) (coda.Execution, error) {
	tb.Helper()
	err := job.Check()
	if err == nil {
		err = job.Circuit.Validate()
	}
	if err != nil {
		tb.Fatalf("no node hands over this job: %v", err)
	}
	execution, failure := guest.Run(e, job)
	if failure != nil {
		return execution, failure
	}
	if err := execution.Check(&job); err != nil {
		tb.Errorf("a node refuses this result: %v", err)
	}
	return execution, nil
}

// RunBatch calls run as a node does, and checks the jobs and the results as Run does.
// Each result's Err is the *coda.Failure that the node would see.
func RunBatch(tb testing.TB, run batch.Func, jobs []coda.Job) []batch.Result {
	tb.Helper()
	for i := range jobs {
		err := jobs[i].Check()
		if err == nil {
			err = jobs[i].Circuit.Validate()
		}
		if err != nil {
			tb.Fatalf("no node hands over job %d: %v", i, err)
		}
	}
	asked := slices.Clone(jobs)
	var results []batch.Result
	for i, o := range guest.RunBatch(run, jobs) {
		if o.Failure != nil {
			results = append(results, batch.Result{Err: o.Failure})
			continue
		}
		if err := o.Execution.Check(&asked[i]); err != nil {
			tb.Errorf("a node refuses the result of job %d: %v", i, err)
		}
		results = append(results, batch.Result{Execution: o.Execution})
	}
	return results
}

// MakeSafe calls rest as a node does. An error is the *coda.Failure that the node
// would see.
func MakeSafe(rest func() error) error {
	if failure := guest.MakeSafe(rest); failure != nil {
		return failure
	}
	return nil
}
