package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
	"github.com/conductorquantum/coda/host/instrument/fake"
)

// lab is a board that is not there, and the driver of it.
type lab struct {
	*driver
	node  *codatest.Node
	board *fake.XMLRPC
	wires map[string]*wire // by endpoint
	files fstest.MapFS
}

// newLab starts a board of five qubits and a driver with programs = "json", unless the
// settings say otherwise.
func newLab(t *testing.T, cfg fake.XMLRPCConfig, settings map[string]string) *lab {
	t.Helper()
	l := &lab{wires: map[string]*wire{}, files: fstest.MapFS{}}
	var err error
	if l.board, err = fake.NewXMLRPC(cfg); err != nil {
		t.Fatal(err)
	}
	l.files["classifier.json"] = &fstest.MapFile{Data: l.board.Classifier()}
	l.serve(t, "qubic", l.board.Serve)
	all := map[string]string{"programs": asJSON, "qubits": `["Q0","Q1","Q2","Q3","Q4"]`}
	maps.Copy(all, settings)
	l.node = codatest.Start(t, all)
	l.driver = newDriver(l.files, func(endpoint string) *http.Client {
		return &http.Client{Transport: l.wires[endpoint]}
	})
	return l
}

// serve puts a server behind an endpoint.
func (l *lab) serve(t *testing.T, endpoint string, serve func(context.Context, net.Listener) error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener) }()
	w := &wire{base: "http://" + listener.Addr().String()}
	l.wires[endpoint] = w
	t.Cleanup(func() {
		w.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (l *lab) open(t *testing.T) coda.Device {
	t.Helper()
	device, err := codatest.Open(t, l.driver)
	if err != nil {
		t.Fatal(err)
	}
	return device
}

// wire is an endpoint as a node has it, over real HTTP: with the node's words for what
// goes wrong.
type wire struct {
	http.Transport
	base    string
	timeout time.Duration // 0: none
	ctx     context.Context
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if w.ctx != nil {
		ctx = w.ctx
	}
	if w.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.timeout)
		defer cancel()
	}
	target, err := url.Parse(w.base + r.URL.RequestURI())
	if err != nil {
		return nil, err
	}
	r = r.Clone(ctx)
	r.URL, r.Host = target, ""
	response, err := w.Transport.RoundTrip(r)
	if err == nil { // bodies cross whole
		var body []byte
		body, err = io.ReadAll(response.Body)
		response.Body.Close()
		response.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	kind := coda.IOOther
	switch timeout, _ := errors.AsType[net.Error](err); {
	case err == nil:
		return response, nil
	case errors.Is(err, context.Canceled):
		kind = coda.IOCancelled
	case timeout != nil && timeout.Timeout():
		kind = coda.IOTimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		kind = coda.IOClosed
	}
	return nil, &coda.IOError{Op: "send to", Endpoint: "qubic", Kind: kind}
}

func job(shots uint64, c coda.Circuit) coda.Job {
	if c.NumQubits == 0 {
		c.NumQubits = 5
	}
	return coda.Job{ID: "a", Shots: shots, Circuit: &c}
}

func op(g coda.Gate, param float64, qubits ...uint16) coda.Operation {
	return coda.Operation{Gate: g, Q0: qubits[0], Q1: qubits[len(qubits)-1], Param: param}
}

// flip takes a qubit from 0 to 1.
func flip(q uint16) []coda.Operation {
	return []coda.Operation{op(coda.X90, 0, q), op(coda.X90, 0, q)}
}

// ghz entangles qubits 0 to n-1.
func ghz(n uint16) coda.Circuit {
	c := coda.Circuit{Target: coda.CNOT, Operations: []coda.Operation{
		op(coda.VirtualZ, math.Pi/2, 0), op(coda.X90, 0, 0), op(coda.VirtualZ, math.Pi/2, 0),
	}}
	for q := range n {
		if q > 0 {
			c.Operations = append(c.Operations, op(coda.GateCNOT, 0, q-1, q))
		}
		c.Measurements = append(c.Measurements, q)
	}
	return c
}

func failure(t *testing.T, err error, kind coda.FailureKind, words ...string) {
	t.Helper()
	f, ok := errors.AsType[*coda.Failure](err)
	if !ok || f.Kind != kind {
		t.Fatalf("failed as %v, want %v", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(f.Message, w) {
			t.Errorf("message %q lacks %q", f.Message, w)
		}
	}
}

func counts(e coda.Execution) map[uint64]uint64 {
	m := map[uint64]uint64{}
	for _, o := range e.Outcomes {
		m[o.Bits] = o.Count
	}
	return m
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
