// Package vpn watches the way to the cloud: whether the tunnel that jobs need is
// there, how it is known, and since when. The tunnel is the node's own (package
// openvpn) or somebody else's. What is found is one state, and a gate that opens
// and closes with it.
package vpn

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/vpn/link"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

// State is how the tunnel stands, in the words of the wire (protocol, 7.8).
type State string

// The states.
const (
	Booting     State = "booting"         // no check has come to an end
	Unavailable State = "vpn_unavailable" // it has not been there yet
	Ready       State = "ready"           // it is there, or none is required
	Degraded    State = "degraded"        // it was there
)

// Tunnel is a tunnel of the node's own.
type Tunnel interface {
	Status() (openvpn.Status, <-chan struct{})
	// Restart makes the connection that was made at a time anew.
	Restart(made time.Time, reason string)
}

// Config sets a guard up.
type Config struct {
	// Required: without a tunnel no jobs are taken. Otherwise the state is always
	// Ready, and nothing is checked.
	Required bool
	// Own is the tunnel that the node manages; nil where somebody else does.
	Own Tunnel
	// Hint names the interface of somebody else's tunnel; "" takes any that is a
	// tunnel's. An own tunnel is known by what OpenVPN reports, and needs none.
	Hint string
	// Interval lies between two rounds of probes.
	Interval time.Duration
	// Targets are the URLs that must answer through the tunnel.
	Targets []string
	// Probe asks one target. It ends with its context.
	Probe func(ctx context.Context, url string) error
	// Open begins to watch the interfaces, and Read looks at them once: link.Open
	// and link.Read.
	Open func() (link.Monitor, error)
	Read func() (link.State, error)
	Log  *slog.Logger
}

// Status is what the guard knows.
type Status struct {
	State     State
	Reason    string // why it is not Ready; "" where it is
	Interface string // of the tunnel; "" where there is none
	Addresses []netip.Prefix
	Since     time.Time // when the tunnel was last found well; zero where it is not
	Restarts  int       // of an own tunnel: how often it had to be made again
	LastError string    // also after its end
	LastAt    time.Time // when LastError began
	Own       openvpn.Status
}

// Guard says whether the tunnel is there.
type Guard struct {
	Config

	// What the loop alone knows.
	links   link.State
	tunnel  tunnel // as it was last found
	asking  sync.WaitGroup
	probing context.CancelFunc // of the round under way; nil where there is none
	answers chan []error       // of a round that was not given up
	probed  answer
	refusal string    // what the failed ones of the last round said
	since   time.Time // of the first failed round in a row
	rounds  int       // failed ones in a row
	mends   int       // restarts since a round last passed

	mu      sync.Mutex
	status  Status
	gate    gate
	decided chan struct{} // closed when the state is not Booting any more
}

// New makes a guard. It does nothing before Run.
func New(cfg Config) *Guard {
	g := &Guard{Config: cfg, decided: make(chan struct{})}
	g.status.State, g.status.Reason = Booting, "the tunnel is looked for"
	g.gate.init()
	return g
}

// Status is what the guard knows now. The traffic in it is up to date.
func (g *Guard) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	status := g.status
	if g.Own != nil {
		own, _ := g.Own.Status()
		status.Own.Traffic = own.Traffic
	}
	return status
}

// Up is closed while jobs can be taken. Ask again after each change.
func (g *Guard) Up() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gate.up
}

// Down is closed while jobs cannot be taken. Ask again after each change.
func (g *Guard) Down() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gate.down
}

// Wait returns once the state is Ready. Where the limit passes before, or it is
// clear that waiting does not help, the state becomes Unavailable and the error, a
// *fault.VPNError, says why.
func (g *Guard) Wait(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-g.Up():
		return nil
	case <-g.decided:
	case <-timer.C:
		g.giveUp()
	case <-ctx.Done():
		return &fault.VPNError{Reason: "interrupted", Retry: true, Err: ctx.Err()}
	}
	if status := g.Status(); status.State != Ready {
		return &fault.VPNError{Reason: status.Reason, Retry: true}
	}
	return nil
}

// gate is two channels, of which one is closed.
type gate struct{ up, down chan struct{} }

func (g *gate) init() {
	g.up, g.down = make(chan struct{}), make(chan struct{})
	close(g.down)
}

// set opens or closes the gate.
func (g *gate) set(open bool) {
	select {
	case <-g.up:
		if !open {
			g.up = make(chan struct{})
			close(g.down)
		}
	default:
		if open {
			g.down = make(chan struct{})
			close(g.up)
		}
	}
}
