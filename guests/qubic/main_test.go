package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
	"github.com/conductorquantum/coda/guests/sdk/go/httpsend"
	"github.com/conductorquantum/coda/host/instrument/fake"
)

// lab is a board that is not there, and the driver of it.
type lab struct {
	*driver
	node  *codatest.Node
	board *fake.XMLRPC
	wires map[string]*wire // by endpoint
	sent  map[string]int   // requests, by endpoint
	files fstest.MapFS
}

// newLab starts a board of five qubits and a driver with programs = "json", unless the
// settings say otherwise.
func newLab(t *testing.T, cfg fake.XMLRPCConfig, settings map[string]string) *lab {
	t.Helper()
	l := &lab{wires: map[string]*wire{}, sent: map[string]int{}, files: fstest.MapFS{}}
	var err error
	if l.board, err = fake.NewXMLRPC(cfg); err != nil {
		t.Fatal(err)
	}
	l.files["classifier.json"] = &fstest.MapFile{Data: l.board.Classifier()}
	l.serve(t, "qubic", l.board.Serve)
	all := map[string]string{"programs": asJSON, "qubits": `["Q0","Q1","Q2","Q3","Q4"]`}
	maps.Copy(all, settings)
	l.node = codatest.Start(t, all)
	l.driver = newDriver(l.files, func(endpoint string, r httpsend.Request) (httpsend.Response, error) {
		l.sent[endpoint]++
		return l.wires[endpoint].send(r)
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

func (w *wire) send(r httpsend.Request) (httpsend.Response, error) {
	ctx := w.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	if w.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.timeout)
		defer cancel()
	}
	answer, err := w.do(ctx, r)
	kind := coda.IOOther
	switch timeout, _ := errors.AsType[net.Error](err); {
	case err == nil:
		return answer, nil
	case errors.Is(err, context.Canceled):
		kind = coda.IOCancelled
	case timeout != nil && timeout.Timeout():
		kind = coda.IOTimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		kind = coda.IOClosed
	}
	return httpsend.Response{}, &coda.IOError{Op: "send to", Endpoint: "qubic", Kind: kind}
}

func (w *wire) do(ctx context.Context, r httpsend.Request) (httpsend.Response, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, w.base+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return httpsend.Response{}, err
	}
	for _, h := range r.Header {
		request.Header.Add(h[0], h[1])
	}
	response, err := w.RoundTrip(request)
	if err != nil {
		return httpsend.Response{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return httpsend.Response{Status: response.StatusCode, Body: body}, err
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
