package guests_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/instrument"
	"github.com/conductorquantum/coda/host/instrument/fake"
	"github.com/conductorquantum/coda/host/testkit/goguest"
)

// The driver as a file, in the sandbox, against a board that is not there: what it
// counts, how each fault ends, and what it leaves open.
func TestQubic(t *testing.T) {
	t.Parallel()
	board, err := fake.NewXMLRPC(fake.XMLRPCConfig{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- board.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	url := "http://" + listener.Addr().String()
	bench, err := instrument.Open(instrument.Config{Endpoints: map[string]config.Endpoint{
		"qubic": {Target: config.Target{Scheme: "http", Base: url}, URL: url, Timeout: 2 * time.Second},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bench.Close)
	e, err := executor.Open(t.Context(), executor.Config{
		Name: "qubic", Wasm: goguest.Build(t, "qubic"), CacheDir: t.TempDir(), Hardware: bench.Door,
		Files:    map[string][]byte{"classifier.json": board.Classifier()},
		Settings: map[string]string{"programs": "json", "qubits": `["Q0", "Q1", "Q2", "Q3", "Q4"]`},
		Limits:   executor.Limits{CompileTime: time.Hour, CancelTime: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if d := e.Device(); d.Name != "qubic" || d.NumQubits != 5 || d.Target != abi.CNOT || !e.Kept() {
		t.Errorf("device %+v, kept %v", d, e.Kept())
	}
	job := &abi.Job{ID: "a", Shots: 200, Circuit: &abi.Circuit{Target: abi.CNOT, NumQubits: 5, Measurements: []uint16{3, 0}, Operations: []abi.Operation{
		{Gate: abi.X90, Q0: 3, Q1: 3}, {Gate: abi.X90, Q0: 3, Q1: 3},
	}}}
	right := func(what string) {
		t.Helper()
		got, err := e.Run(t.Context(), job)
		if err != nil || !slices.Equal(got.Outcomes, []abi.Outcome{{Bits: 0b01, Count: 200}}) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		for _, s := range bench.Status() {
			if s.Open != 0 {
				t.Errorf("%s: %d calls of %s are left open", what, s.Open, s.Name)
			}
		}
	}
	right("the first job")
	for kind, want := range map[fake.Kind]fault.Cause{
		fake.Drop: fault.Unavailable, fake.Half: fault.Unavailable, fake.Silent: fault.Unavailable, fake.Garbage: fault.Internal,
	} {
		if err := board.Faults.Set(fake.Fault{Kind: kind, To: 1}); err != nil {
			t.Fatal(err)
		}
		_, err := e.Run(t.Context(), job)
		if failed, ok := errors.AsType[*fault.ExecutorError](err); !ok || failed.Cause != want {
			t.Errorf("%s: %v, want %v", kind, err, want)
		}
		right("after " + string(kind))
	}

	// A job that is cancelled while the server is silent.
	if err := board.Faults.Set(fake.Fault{Kind: fake.Silent, To: 1}); err != nil {
		t.Fatal(err)
	}
	before := board.Total()
	running, cancel := context.WithCancel(t.Context())
	go func() {
		for board.Total() == before {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err = e.Run(running, job)
	if failed, ok := errors.AsType[*fault.ExecutorError](err); !ok || failed.Cause != fault.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
	right("after a cancelled job")

	jobs := []*abi.Job{job, job, job}
	calls := board.Total()
	results, err := e.RunBatch(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil || r.Execution.ShotsCompleted != 200 {
			t.Errorf("job %d of a batch: %+v", i, r)
		}
	}
	if n := board.Total() - calls; n != 1 {
		t.Errorf("a batch took %d calls", n)
	}
}
