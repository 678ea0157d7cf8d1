package devcloud

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"sync"
	"time"
)

// offlineAfter is how long a node may be silent before it counts as gone.
const offlineAfter = 90 * time.Second

// tokenState is where a one-time token is in its life.
type tokenState string

const (
	active   tokenState = "active"
	redeemed tokenState = "redeemed"
	revoked  tokenState = "revoked"
	expired  tokenState = "expired"
)

// refusal is what a node is told of a token in this state.
var refusal = map[tokenState]error{
	redeemed: errors.New("QPU node token has already been used"),
	revoked:  errors.New("QPU node token has been revoked"),
	expired:  errors.New("QPU node token has expired"),
}

// device is what is registered of a QPU.
type device struct {
	displayName   string
	nativeGateSet string
	numQubits     int
}

// Node is one installation that logged on.
type Node struct {
	KeyID        string    `json:"key_id"`
	QPU          string    `json:"qpu_id"`
	Fingerprint  string    `json:"machine_fingerprint"`
	Connectivity [][2]int  `json:"connectivity"`
	ConnectedAt  time.Time `json:"connected_at"`
	Connects     int       `json:"connects"`
	Heartbeats   int       `json:"heartbeats"`
	LastReport   *Report   `json:"last_heartbeat"`
	Online       bool      `json:"online"`
	Mode         string    `json:"connection_mode"` // https or vpn

	public *rsa.PublicKey
	tunnel *Tunnel // nil in https mode
}

// Report is a heartbeat as it came.
type Report struct {
	At           time.Time `json:"at"`
	CurrentJob   *string   `json:"current_job"`
	LastJobAt    *string   `json:"last_job_at"`
	RedisHealthy bool      `json:"redis_healthy"`
	Connectivity [][2]int  `json:"connectivity"`
}

// registry is who may log on and who did.
type registry struct {
	mu      sync.Mutex
	tokens  map[string]*token
	devices map[string]device // by QPU id
	nodes   map[string]*Node  // by key id
	order   []string          // of key ids
}

type token struct {
	state  tokenState
	qpu    string
	tunnel *Tunnel // nil: https mode
}

func newRegistry() *registry {
	return &registry{tokens: map[string]*token{}, devices: map[string]device{}, nodes: map[string]*Node{}}
}

func (r *registry) register(qpu string, d device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.devices[qpu] = d
}

// unregister also revokes the tokens that were not used: a node that redeemed one
// would be told of a device with no qubits.
func (r *registry) unregister(qpu string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.devices, qpu)
	for _, t := range r.tokens {
		if t.qpu == qpu && t.state == active {
			t.state = revoked
		}
	}
}

func (r *registry) device(qpu string) (device, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, ok := r.devices[qpu]
	return d, ok
}

func (r *registry) newToken(qpu string, tunnel *Tunnel) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := "coda-node-" + rand.Text()
	r.tokens[name] = &token{state: active, qpu: qpu, tunnel: tunnel}
	return name
}

// setState ends an active token's life, and returns the state that it then has;
// "" for one that is not known.
func (r *registry) setState(name string, state tokenState) tokenState {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, ok := r.tokens[name]
	if !ok {
		return ""
	}
	if t.state == active {
		t.state = state
	}
	return t.state
}

// lookUp gives the QPU that an active token is for.
func (r *registry) lookUp(name string) (qpu string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, ok := r.tokens[name]
	if !ok {
		return "", errors.New("QPU node token is not known")
	}
	return t.qpu, refusal[t.state]
}

// redeem uses a token up for a new node with this key. Of two that try at the
// same time one succeeds.
func (r *registry) redeem(name, fingerprint string, connectivity [][2]int, public *rsa.PublicKey) (Node, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, ok := r.tokens[name]
	if !ok {
		return Node{}, errors.New("QPU node token is not known")
	}
	if t.state != active {
		return Node{}, refusal[t.state]
	}
	t.state = redeemed
	n := &Node{
		KeyID: fmt.Sprintf("qpu-%s-%d", t.qpu, len(r.nodes)+1), QPU: t.qpu, Fingerprint: fingerprint,
		Connectivity: connectivity, ConnectedAt: time.Now(), Connects: 1,
		Mode: t.tunnel.mode(), public: public, tunnel: t.tunnel,
	}
	r.nodes[n.KeyID] = n
	r.order = append(r.order, n.KeyID)
	return *n, nil
}

func (r *registry) reconnect(keyID string, connectivity [][2]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[keyID]
	n.Connectivity, n.ConnectedAt, n.Connects = connectivity, time.Now(), n.Connects+1
}

func (r *registry) report(keyID string, report Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[keyID]
	n.LastReport, n.Heartbeats = &report, n.Heartbeats+1
}

func (r *registry) node(keyID string) (Node, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.nodes[keyID]
	if !ok {
		return Node{}, false
	}
	return *n, true
}

func (r *registry) list() []Node {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Node, 0, len(r.order))
	for _, id := range r.order {
		n := *r.nodes[id]
		seen := n.ConnectedAt
		if n.LastReport != nil && n.LastReport.At.After(seen) {
			seen = n.LastReport.At
		}
		n.Online = time.Since(seen) < offlineAfter
		list = append(list, n)
	}
	return list
}

// Revoke and Expire end an active token's life; Unregister removes a QPU, so
// that its nodes cannot reconnect, and revokes its tokens.
func (c *Cloud) Revoke(token string)   { c.registry.setState(token, revoked) }
func (c *Cloud) Expire(token string)   { c.registry.setState(token, expired) }
func (c *Cloud) Unregister(qpu string) { c.registry.unregister(qpu) }

// Nodes are the installations that logged on, in that order.
func (c *Cloud) Nodes() []Node { return c.registry.list() }
