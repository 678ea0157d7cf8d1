// Package server answers the node's probes over HTTP, from the first moment of
// the boot to the end of the drain.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/conductorquantum/coda/host/fault"
)

// Readiness is what /ready tells (protocol, 12). The specified members come
// first and in their order; Reason says what a node that is not ready waits for.
type Readiness struct {
	Ready        bool       `json:"ready"`
	VPNState     string     `json:"vpn_state"` // booting, vpn_unavailable, ready or degraded
	RedisHealthy bool       `json:"redis_healthy"`
	CurrentJob   *string    `json:"current_job"`
	Reason       string     `json:"reason,omitempty"`
	Executor     string     `json:"executor,omitempty"`
	Warning      string     `json:"warning,omitempty"`
	Device       *Device    `json:"device,omitempty"`    // nil unless the executor can bring its hardware to rest
	Endpoints    []Endpoint `json:"endpoints,omitempty"` // those of the device file
	VPN          *VPN       `json:"vpn,omitempty"`       // nil where no tunnel is required
	Outbox       *Outbox    `json:"outbox,omitempty"`    // nil until it is open
}

// Device is what /ready tells of hardware that must not be left as a killed job left
// it.
type Device struct {
	Safe   bool       `json:"safe"`             // it is at rest, or a job is at work on it
	Reason string     `json:"reason,omitempty"` // why it may not be at rest
	Since  *time.Time `json:"since,omitempty"`  // that it is so
}

// Endpoint is what /ready tells of one that the device file grants, since the start.
type Endpoint struct {
	Name      string `json:"name"`
	Interface string `json:"interface"` // byte-stream, http or registers
	Open      int64  `json:"open"`      // connections and windows
	Calls     uint64 `json:"calls"`
	Errors    uint64 `json:"errors"`
	BytesIn   uint64 `json:"bytes_in"`
	BytesOut  uint64 `json:"bytes_out"`
}

// Outbox is what /ready tells of outcomes that nobody has taken yet. What is being
// sent for the first time is among them.
type Outbox struct {
	Waiting   int        `json:"waiting"`
	Parked    int        `json:"parked"`
	Bytes     int64      `json:"bytes"`               // of the bodies of both
	Oldest    *time.Time `json:"oldest_at,omitempty"` // when the oldest of those that wait was decided
	OldestAge float64    `json:"oldest_age_sec"`      // 0 where none waits
}

// VPN is what /ready tells of the tunnel.
type VPN struct {
	Managed   bool       `json:"managed"` // by the node; else by somebody else
	Interface string     `json:"interface,omitempty"`
	Addresses []string   `json:"addresses,omitempty"` // prefixes: "10.8.0.2/24"
	Server    string     `json:"server,omitempty"`    // address and port, of a managed one
	Since     *time.Time `json:"since,omitempty"`     // when it was last found well; absent where it is not
	Restarts  int        `json:"restarts"`            // how often a managed one was made again
	BytesIn   uint64     `json:"bytes_in,omitempty"`  // through the OpenVPN that runs
	BytesOut  uint64     `json:"bytes_out,omitempty"`
	LastError string     `json:"last_error,omitempty"` // also after its end
	LastAt    *time.Time `json:"last_error_at,omitempty"`
}

// Server is the node's HTTP endpoint.
type Server struct {
	http *http.Server
	addr net.Addr
	done chan struct{}
}

// Listen opens the endpoint: of an IPv4 address there alone, 0.0.0.0 included, which
// to net.Listen alone would mean every address of the machine, and which "::" means.
// State is called for every probe, from many
// goroutines, and must not wait.
func Listen(host string, port int, state func() Readiness, log *slog.Logger) (*Server, error) {
	network := "tcp"
	if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
		network = "tcp4"
	}
	listener, err := net.Listen(network, net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, &fault.NodeError{Op: "http",
			Reason: "the health endpoint cannot listen; choose another address, or end the program that has it", Err: err}
	}
	return serve(listener, state, log), nil
}

func serve(listener net.Listener, state func() Readiness, log *slog.Logger) *Server {
	s := &Server{
		addr: listener.Addr(),
		done: make(chan struct{}),
		http: &http.Server{
			Handler:           handler(state),
			ReadTimeout:       5 * time.Second,
			ReadHeaderTimeout: 5 * time.Second,
			WriteTimeout:      10 * time.Second,
			IdleTimeout:       60 * time.Second,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the health endpoint stopped", "error", err)
		}
	}()
	return s
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.addr }

// Close ends the server once the requests in flight are answered, or ctx ends.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	return err
}

func handler(state func() Readiness) http.Handler {
	r := chi.NewRouter()
	r.Get("/health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	r.Get("/ready", func(w http.ResponseWriter, _ *http.Request) {
		now, status := state(), http.StatusOK
		if !now.Ready {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, now)
	})
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, map[string]string{"detail": "Not Found"})
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", http.MethodGet)
		answer(w, http.StatusMethodNotAllowed, map[string]string{"detail": "Method Not Allowed"})
	})
	return r
}

func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"detail":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client is gone if this fails
}
