package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxXMLBody     = 64 << 20 // bytes
	maxXMLShots    = 1_000_000
	headerPatience = 10 * time.Second
	fullScale      = 1 << 30 // of a sample, far from where 32 bits end
)

// Readout is where the samples of a qubit lie: I is the real part, Q the imaginary.
type Readout struct {
	Zero, One complex128
	Sigma     float64 // of either part
}

var defaultReadout = Readout{Zero: complex(6000, 2000), One: complex(-4000, 5000), Sigma: 1000}

// XMLRPCConfig is what the XML-RPC server has beside the others.
type XMLRPCConfig struct {
	Config
	Readout   []Readout // by qubit; those that are missing are as by default
	Couplings [][2]int  // (control, target) of the calibrated CNOTs; nil: any two, either way
	NegativeZ bool      // the lab's virtual_z turns by -phase
}

// XMLRPC is a QubiC board's server: XML-RPC over HTTP, one request at a time. A call
// is a request.
type XMLRPC struct {
	core
	readout   []Readout
	couplings map[[2]int]bool
	sign      float64

	board   sync.Mutex // one request at a time
	busy    atomic.Bool
	random  *rand.Rand // of outcomes
	samples *rand.Rand // of the noise in samples
}

// NewXMLRPC does no I/O.
func NewXMLRPC(cfg XMLRPCConfig) (*XMLRPC, error) {
	x := &XMLRPC{sign: 1}
	if err := x.init(cfg.Config); err != nil {
		return nil, err
	}
	for q := range x.cfg.Qubits {
		r := defaultReadout
		if q < len(cfg.Readout) {
			r = cfg.Readout[q]
		}
		for _, v := range []float64{real(r.Zero), imag(r.Zero), real(r.One), imag(r.One), r.Sigma} {
			if !(v >= -fullScale && v <= fullScale) {
				return nil, fmt.Errorf("readout of Q%d: %v is not from -2^30 to 2^30", q, v)
			}
		}
		x.readout = append(x.readout, r)
	}
	if cfg.Couplings != nil {
		x.couplings = map[[2]int]bool{}
		for _, pair := range cfg.Couplings {
			x.couplings[pair] = true
		}
	}
	if cfg.NegativeZ {
		x.sign = -1
	}
	x.random, x.samples = x.cfg.random(ofOutcomes), x.cfg.random(ofNoise+1)
	return x, nil
}

// Busy reports whether a call is being done.
func (x *XMLRPC) Busy() bool { return x.busy.Load() }

// Classifier is the Gaussian mixture that tells the samples apart, as QubiC's
// GMMManager.savejson writes it.
func (x *XMLRPC) Classifier() json.RawMessage {
	type mixture struct {
		Labels []int `json:"labels"`
		GMM    struct {
			Type        string          `json:"covariance_type"`
			Components  int             `json:"n_components"`
			Means       [][2]float64    `json:"means_"`
			Covariances [][2][2]float64 `json:"covariances_"`
			Weights     []float64       `json:"weights_"`
		} `json:"gmm"`
	}
	all := map[string]mixture{}
	for q, r := range x.readout {
		v := max(r.Sigma*r.Sigma, 1) // samples are whole numbers
		m := mixture{Labels: []int{0, 1}}
		m.GMM.Type, m.GMM.Components = "full", 2
		m.GMM.Means = [][2]float64{{real(r.Zero), imag(r.Zero)}, {real(r.One), imag(r.One)}}
		m.GMM.Covariances = [][2][2]float64{{{v, 0}, {0, v}}, {{v, 0}, {0, v}}}
		m.GMM.Weights = []float64{0.5, 0.5}
		all["Q"+strconv.Itoa(q)] = m
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // finite numbers in plain types
	}
	return text
}

// Serve serves HTTP until ctx ends. It closes the listener.
func (x *XMLRPC) Serve(ctx context.Context, listener net.Listener) error {
	serving, end := context.WithCancel(ctx)
	defer end()
	var connections sync.WaitGroup
	server := &http.Server{
		ReadHeaderTimeout: headerPatience,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		BaseContext:       func(net.Listener) context.Context { return serving },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				connections.Add(1)
				x.connect()
			case http.StateClosed:
				x.disconnect()
				connections.Done()
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x.serve(serving, w, r)
		}),
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(serving, func() {
		defer close(closed)
		server.Close()
	})
	err := server.Serve(listener)
	if stop() {
		server.Close()
	} else {
		<-closed
	}
	end()
	connections.Wait()
	if errors.Is(err, http.ErrServerClosed) || ctx.Err() != nil {
		return nil
	}
	return err
}

// serve does one request. An answer that goes wrong is written by hand.
func (x *XMLRPC) serve(serving context.Context, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "an XML-RPC call is a POST", http.StatusNotImplemented)
		return
	}
	if r.URL.Path != "/" && r.URL.Path != "/RPC2" {
		http.Error(w, "calls go to / or /RPC2", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxXMLBody))
	if err != nil {
		http.Error(w, fmt.Sprintf("the body is not complete, or of more than %d bytes", maxXMLBody), http.StatusBadRequest)
		return
	}
	method, params, err := parseCall(body)
	name := method
	if err != nil {
		name = "?"
	}
	h := x.Faults.meet(name)
	x.note(name, h)
	if !pause(r.Context(), h.delay) {
		panic(http.ErrAbortHandler)
	}
	var reply []byte
	if err != nil {
		reply = faultXML(raised("ExpatError", "%v", err))
	} else {
		reply = x.call(serving, method, params)
	}
	if h.kind == "" {
		x.head(w.Header(), len(reply))
		_, _ = w.Write(reply) // nobody else to tell
		return
	}
	x.spoil(w, r, reply, h.kind)
}

func (x *XMLRPC) head(h http.Header, length int) {
	h.Set("Content-Type", "text/xml")
	h.Set("Content-Length", strconv.Itoa(length))
}

// spoil answers as a fault has it. The head promises the whole answer.
func (x *XMLRPC) spoil(w http.ResponseWriter, r *http.Request, reply []byte, kind Kind) {
	switch kind {
	case Garbage:
		reply = x.noise.instead(reply)
		x.head(w.Header(), len(reply))
		_, _ = w.Write(reply)
	case Drop, Half:
		x.head(w.Header(), len(reply))
		_, _ = w.Write(reply[:len(reply)/2])
		_ = http.NewResponseController(w).Flush()
		if kind == Drop {
			panic(http.ErrAbortHandler) // how net/http is told to close the connection
		}
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Silent:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// call does what is asked for. The board has time for one call, and goes on with it
// when whoever asked is gone.
func (x *XMLRPC) call(serving context.Context, method string, params []any) []byte {
	x.board.Lock()
	defer x.board.Unlock()
	if method != "run_circuit_batch" {
		return faultXML(raised("Exception", "method %q is not supported", method))
	}
	x.busy.Store(true)
	defer x.busy.Store(false)
	value, took, err := x.runBatch(params)
	if err != nil {
		return faultXML(raised("Exception", "%v", err))
	}
	pause(serving, took)
	return responseXML(value)
}

// raised is how Python's server answers for an exception.
func raised(class, format string, args ...any) *xmlFault {
	return &xmlFault{1, fmt.Sprintf("<class '%s'>:", class) + fmt.Sprintf(format, args...)}
}
