package codatest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
)

// backend does what its fields say.
type backend struct {
	open func() (coda.Device, error)
	run  func(coda.Job) (coda.Execution, error)
}

func (b backend) Open() (coda.Device, error)               { return b.open() }
func (b backend) Run(job coda.Job) (coda.Execution, error) { return b.run(job) }

// recorder is a test that may fail without failing this one.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; panic(r) }

var job = coda.Job{ID: "a", Shots: 10, Circuit: &coda.Circuit{NumQubits: 2, Measurements: []uint16{1}}}

func TestTheNodeOfATest(t *testing.T) {
	node := codatest.Start(t, map[string]string{"seed": "7", "host": "awg"})
	if v, ok := coda.Config("seed"); v != "7" || !ok {
		t.Errorf("seed is %q, %v", v, ok)
	}
	if v, ok := coda.Config("port"); v != "" || ok {
		t.Errorf("port is %q, %v", v, ok)
	}
	if keys := coda.ConfigKeys(); !slices.Equal(keys, []string{"host", "seed"}) {
		t.Errorf("the keys are %q", keys)
	}
	if coda.IsCancelled() {
		t.Error("cancelled from the start")
	}
	node.Cancel()
	if !coda.IsCancelled() {
		t.Error("not cancelled")
	}
	coda.Progress(3)
	coda.Progress(9)
	if got := node.Progress(); !slices.Equal(got, []uint64{3, 9}) {
		t.Errorf("progress is %d", got)
	}
	coda.Log(coda.LevelWarn, "hot")
	if got := node.Log(); !slices.Equal(got, []codatest.Line{{Level: coda.LevelWarn, Message: "hot"}}) {
		t.Errorf("the log is %q", got)
	}
}

func TestNodesEndWithTheirTests(t *testing.T) {
	codatest.Start(t, map[string]string{"a": "outer"})
	t.Run("inner", func(t *testing.T) {
		codatest.Start(t, map[string]string{"a": "inner"})
		if v, _ := coda.Config("a"); v != "inner" {
			t.Errorf("a is %q", v)
		}
	})
	if v, _ := coda.Config("a"); v != "outer" {
		t.Errorf("a is %q", v)
	}
}

// Without a node an executor still runs.
func TestWithoutANode(t *testing.T) {
	coda.Log(coda.LevelInfo, "into the void")
	coda.Progress(1)
	if v, ok := coda.Config("a"); v != "" || ok || coda.IsCancelled() || coda.ConfigKeys() != nil {
		t.Error("something answered")
	}
}

func TestFailures(t *testing.T) {
	busy := &coda.Failure{Kind: coda.Unavailable, Message: "the fridge is warm"}
	var none *coda.Failure
	for _, test := range []struct {
		name string
		run  func(coda.Job) (coda.Execution, error)
		want coda.Failure
	}{
		{"a failure", func(coda.Job) (coda.Execution, error) { return coda.Execution{}, busy }, *busy},
		{"a formatted failure", func(coda.Job) (coda.Execution, error) {
			return coda.Execution{}, coda.Failf(coda.Unsupported, "%d qubits", 3)
		}, coda.Failure{Kind: coda.Unsupported, Message: "3 qubits"}},
		{"a wrapped failure", func(coda.Job) (coda.Execution, error) {
			return coda.Execution{}, fmt.Errorf("cool down: %w", busy)
		}, coda.Failure{Kind: coda.Unavailable, Message: "cool down: unavailable: the fridge is warm"}},
		{"another error", func(coda.Job) (coda.Execution, error) { return coda.Execution{}, errors.New("no such board") },
			coda.Failure{Kind: coda.Internal, Message: "no such board"}},
		{"a result beside an error", func(coda.Job) (coda.Execution, error) {
			return coda.Execution{ShotsCompleted: 10}, errors.New("no such board")
		}, coda.Failure{Kind: coda.Internal, Message: "no such board"}},
		{"an error that is a nil failure", func(coda.Job) (coda.Execution, error) {
			return coda.Execution{}, none
		}, coda.Failure{Kind: coda.Internal, Message: "panic: runtime error: invalid memory address or nil pointer dereference"}},
		{"a panic with a text", func(coda.Job) (coda.Execution, error) { panic("out of luck") },
			coda.Failure{Kind: coda.Internal, Message: "panic: out of luck"}},
		{"a panic of the runtime", func(j coda.Job) (coda.Execution, error) {
			return coda.Execution{ShotsCompleted: uint64(j.Circuit.Measurements[5])}, nil
		}, coda.Failure{Kind: coda.Internal, Message: "panic: runtime error: index out of range [5] with length 1"}},
		{"a panic with a number", func(coda.Job) (coda.Execution, error) { panic(42) },
			coda.Failure{Kind: coda.Internal, Message: "panic: a value that is no text"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := codatest.Run(t, backend{run: test.run}, job)
			got, ok := errors.AsType[*coda.Failure](err)
			if !ok || *got != test.want {
				t.Errorf("got  %v\nwant %v", err, &test.want)
			}
		})
	}
}

func TestRulesOfTheContract(t *testing.T) {
	result := func(e coda.Execution) backend {
		return backend{run: func(coda.Job) (coda.Execution, error) { return e, nil }}
	}
	for _, test := range []struct {
		name string
		do   func(tb testing.TB)
		bad  bool
	}{
		{"a result", func(tb testing.TB) {
			_, _ = codatest.Run(tb, result(coda.Execution{Outcomes: []coda.Outcome{{Bits: 1, Count: 10}}, ShotsCompleted: 10}), job)
		}, false},
		{"counts that do not add up", func(tb testing.TB) {
			_, _ = codatest.Run(tb, result(coda.Execution{Outcomes: []coda.Outcome{{Bits: 1, Count: 9}}, ShotsCompleted: 10}), job)
		}, true},
		{"a job without shots", func(tb testing.TB) {
			_, _ = codatest.Run(tb, backend{}, coda.Job{ID: "a", Circuit: job.Circuit})
		}, true},
		{"a circuit of another target's gates", func(tb testing.TB) {
			c := &coda.Circuit{Target: coda.CZ, NumQubits: 2, Operations: []coda.Operation{{Gate: coda.GateCNOT, Q1: 1}}}
			_, _ = codatest.Run(tb, backend{}, coda.Job{ID: "a", Circuit: c, Shots: 1})
		}, true},
		{"a device", func(tb testing.TB) {
			_, _ = codatest.Open(tb, backend{open: func() (coda.Device, error) { return coda.Device{Name: "d", NumQubits: 1}, nil }})
		}, false},
		{"a device without a name", func(tb testing.TB) {
			_, _ = codatest.Open(tb, backend{open: func() (coda.Device, error) { return coda.Device{NumQubits: 1}, nil }})
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{TB: t}
			func() {
				defer func() {
					if p := recover(); p != nil && p != any(r) {
						panic(p)
					}
				}()
				test.do(r)
			}()
			if r.failed != test.bad {
				t.Errorf("the test failed: %v, want %v", r.failed, test.bad)
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	_, err := codatest.Open(t, backend{open: func() (coda.Device, error) {
		return coda.Device{}, coda.Failf(coda.Unavailable, "no answer from %s", "the AWG")
	}})
	if f, ok := errors.AsType[*coda.Failure](err); !ok || f.Kind != coda.Unavailable || f.Message != "no answer from the AWG" {
		t.Errorf("%v", err)
	}
}

func TestRegisteringTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a second executor was registered")
		}
	}()
	coda.Register(backend{})
	coda.Register(backend{})
}
