// Package host puts a node together: what starts, in which order, and what stops
// in which.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/control"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/heartbeat"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/outbox"
	"github.com/conductorquantum/coda/host/provision"
	"github.com/conductorquantum/coda/host/queue"
	"github.com/conductorquantum/coda/host/server"
	"github.com/conductorquantum/coda/host/vpn"
	"github.com/conductorquantum/coda/host/vpn/profile"
	"github.com/conductorquantum/coda/host/webhook"
	"github.com/conductorquantum/coda/host/worker"
)

// Config is what a node is run with.
type Config struct {
	Settings config.Settings
	Device   config.Device
	Version  string // of this program, for whoever gets its requests
	Log      *slog.Logger

	// Listening, if set, is called once, when the probes answer, which they do
	// from the beginning of the boot.
	Listening func(address string)
	// Ready, if set, is called once, when the node takes jobs.
	Ready func(Address)
	// Kill, if set, ends a drain early when it is closed: guests are killed and
	// their messages stay pending. It also cuts off a log-on with a token, which the
	// end of the context does not.
	Kill <-chan struct{}
}

// Address is where a node can be reached and what it runs.
type Address struct {
	HTTP     string // host and port of /health and /ready
	Executor string
	Device   abi.Device
	QPUID    string
}

// node is a running node. Its parts are set as the boot comes to them.
type node struct {
	Config
	mu      sync.Mutex
	waiting string // what the boot or the drain is at; "" while jobs are taken
	warning string
	program string
	tunnel  tunnel
	guard   *vpn.Guard
	queue   *queue.Queue
	worker  *worker.Worker
	outbox  *outbox.Store
	exec    *Equipped
}

// Run boots a node and keeps it going until ctx ends; then it drains. The error
// is a boot that failed: a member of the family in host/fault. A drain that runs
// out of time is logged; the messages it leaves are pending in the queue.
func Run(ctx context.Context, cfg Config) error {
	n := &node{Config: cfg, waiting: "the node is starting", tunnel: tunnel{log: cfg.Log}}
	s := cfg.Settings

	probes, err := server.Listen(s.Host, s.Port, n.readiness, cfg.Log)
	if err != nil {
		return err
	}
	defer closing(probes.Close)
	if cfg.Listening != nil {
		cfg.Listening(probes.Addr().String())
	}

	n.now("opening the executor")
	choice, err := Choose(s, cfg.Device)
	if err != nil {
		return err
	}
	cfg.Log.Info("executor", "name", choice.Name, "source", choice.Source)
	if choice.Warning != "" {
		cfg.Log.Warn(choice.Warning)
	}
	n.update(func() { n.program, n.warning = choice.Name, choice.Warning })
	exec, err := openExecutor(ctx, choice.Program, cfg.Device, cfg.Log)
	if err != nil {
		return err
	}
	defer func() {
		if err := exec.Close(); err != nil {
			cfg.Log.Error("the hardware may not be at rest", "error", err)
		}
	}()
	device := exec.Device()

	defer n.tunnel.Close()
	n.now("bringing up the tunnel of the last run")
	n.tunnel.resume(ctx, s)
	n.now("connecting to the cloud")
	agent := UserAgent(cfg.Version)
	s, tunnelProfile, signer, err := connect(ctx, s, device.Edges, agent, cfg)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // the log-on was not cut off, since the token works once
		cfg.Log.Info("the node logged on and was told to stop meanwhile; the next start needs no token")
		return &fault.NodeError{Op: "start", Reason: "interrupted", Retry: true, Err: ctx.Err()}
	}
	n.now("bringing up the tunnel")
	guard, err := n.tunnel.establish(s, tunnelProfile)
	if err != nil {
		return err
	}
	n.update(func() { n.guard = guard })
	if err := n.tunnel.await(ctx, s); err != nil {
		return err
	}

	kept, err := openOutbox(s.StateDir)
	if err != nil {
		return err
	}
	defer kept.Close()

	n.now("reaching the job queue")
	var cut cutter
	options, err := queueOptions(s.RedisURL, exec.Executor)
	if err != nil {
		return err
	}
	id, err := identity.NewStore(s.StateDir).NodeID()
	if err != nil {
		return err
	}
	boot := uuid.NewString()[:8]
	q := queue.New(options, s.QPUID, s.Fingerprint+"-"+id, boot)
	defer q.Close()

	sender, err := webhook.New(webhook.Config{
		Cloud: s.WebappURL, Origins: s.CallbackOrigins, Headers: s.Headers, UserAgent: agent, Signer: signer,
		Dial: cut.knows(new(net.Dialer).DialContext),
	})
	if err != nil {
		return err
	}
	var line worker.Line // nil: no tunnel can be lost where none is required
	if s.VPN.Required {
		line = guard
	}
	w := worker.New(worker.Config{
		Queue: jobs{q}, Executor: exec, Batch: batches(exec.Executor), MaxBatch: executor.MaxBatch,
		Webhook: outcomes{sender}, OwnWebhook: s.WebhookURL(), Line: line,
		Store: decisions{kept, s.StateDir},
		Halt:  halted(exec.Executor), Origin: exec.Provenance().Notes(),
		Concurrency: cfg.Device.Concurrency, Log: cfg.Log,
	})
	beatsOver := http.DefaultTransport.(*http.Transport).Clone()
	beatsOver.DialContext = cut.knows(new(net.Dialer).DialContext)
	reporter := heartbeat.New(heartbeat.Config{
		URL: s.HeartbeatURL(), Interval: s.HeartbeatInterval, Headers: s.Headers, UserAgent: agent,
		Signer: signer, Facts: facts(q, w, device.Edges), Log: cfg.Log,
		Transport: beatsOver,
	})

	// Once, so that /ready knows; the worker goes on trying.
	if err := q.Join(ctx); err != nil {
		cfg.Log.Warn("the job queue cannot be reached yet", "error", err)
	}
	beats, stopBeats := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	loops.Go(func() { reporter.Run(beats) })
	loops.Go(func() { sweepOutbox(beats, kept, cfg.Log) })
	if line != nil {
		loops.Go(func() { cut.watch(beats, line, q.Cut) })
	}
	defer loops.Wait()
	defer stopBeats()

	box := &shelf{store: kept, resend: w.Resend}
	var bench control.Bench // nil: there is nothing to bring to rest
	if exec.CanMakeSafe() {
		bench = exec
	}
	if commands, err := control.Listen(filepath.Join(s.StateDir, controlSocket), box, bench, cfg.Log); err != nil {
		cfg.Log.Warn("coda outbox cannot reach this node while it runs", "error", err)
	} else {
		defer closing(commands.Close)
	}

	n.update(func() { n.queue, n.worker, n.outbox, n.exec, n.waiting = q, w, kept, exec, "" })
	cfg.Log.Info("the node takes jobs", "qpu", s.QPUID, "executor", choice.Name, "http", probes.Addr().String())
	if cfg.Ready != nil {
		cfg.Ready(Address{HTTP: probes.Addr().String(), Executor: choice.Name, Device: device, QPUID: s.QPUID})
	}
	w.Run(ctx)

	n.now("draining: the node is stopping")
	box.rest()
	n.drain(w, exec.Executor, s.DrainTimeout)
	return nil
}

// connect logs on to the cloud, which completes the settings, and returns the
// profile of the tunnel that the node is to make, if any, and the signer of the
// identity that the settings hold.
func connect(ctx context.Context, s config.Settings, edges [][2]uint16, agent string, node Config) (_ config.Settings, tunnelProfile string, _ *identity.Signer, _ error) {
	store := identity.NewStore(s.StateDir)
	if s.Fingerprint == "" {
		var err error
		if s.Fingerprint, err = store.Fingerprint(); err != nil {
			return s, "", nil, err
		}
	}
	cfg := provision.Config{Keeper: store, Connectivity: edges, UserAgent: agent, Log: node.Log, Kill: node.Kill,
		CheckKey:     func(key config.Secret) error { _, err := identity.ParseKey(key); return err },
		CheckProfile: func(text string) error { _, err := profile.Parse([]byte(text)); return err },
	}
	if s.NodeToken == "" {
		signer, err := identity.NewSigner(s.JWTPrivateKey, s.JWTKeyID, s.QPUID)
		if err != nil {
			return s, "", nil, err
		}
		cfg.Signer = signer
	}
	bundle, err := provision.New(cfg).Connect(ctx, s)
	if err != nil {
		return s, "", nil, err
	}
	s = bundle.Settings
	signer, err := identity.NewSigner(s.JWTPrivateKey, s.JWTKeyID, s.QPUID)
	return s, bundle.Profile, signer, err
}

// drain waits for the jobs in hand, for as long as they have, or until it is told
// to stop waiting. Guests are asked to stop before that, so that those that do not
// can be killed when it is over.
func (n *node) drain(w *worker.Worker, exec *executor.Executor, limit time.Duration) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, fmt.Errorf("the limit of %s is over", limit))
	defer cancel()
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	go func() {
		select {
		case <-n.Kill: // nil: never
			kill(errors.New("the node was told not to wait"))
		case <-ctx.Done():
		}
	}()
	ask := time.AfterFunc(limit-min(exec.CancelTime(), limit/2), w.StopRuns)
	defer ask.Stop()
	defer context.AfterFunc(ctx, func() {
		w.StopRuns() // first: who is killed then has not failed
		exec.Hurry()
	})()
	if in := w.InHand(); in > 0 {
		n.Log.Info("waiting for the jobs in hand; a second signal kills them", "jobs", in, "limit", limit)
	}
	if !w.Drain(ctx) {
		n.Log.Warn("jobs were put down unfinished; their messages stay in the queue", "why", context.Cause(ctx))
	}
}

func closing(shut func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = shut(ctx) // what cannot end in a second is cut off
}

// now notes what the node is at, for /ready.
func (n *node) now(waiting string) { n.update(func() { n.waiting = waiting }) }

// update changes what probes see, which arrive at any time.
func (n *node) update(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// readiness is what /ready answers.
func (n *node) readiness() server.Readiness {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := server.Readiness{VPNState: string(vpn.Booting), Reason: n.waiting, Executor: n.program, Warning: n.warning}
	tunnelProblem := ""
	if n.guard != nil {
		status := n.guard.Status()
		r.VPNState, tunnelProblem, r.VPN = string(status.State), status.Reason, describeTunnel(n.guard)
		if n.worker == nil && tunnelProblem != "" {
			r.Reason += ": " + tunnelProblem
		}
	}
	if n.worker == nil {
		return r
	}
	r.Device = describeDevice(n.exec.Executor)
	r.Endpoints = describeEndpoints(n.exec.bench)
	r.Outbox = describeOutbox(n.outbox.Stats(), time.Now())
	r.RedisHealthy = n.queue.Healthy()
	if job := n.worker.CurrentJob(); job != "" {
		r.CurrentJob = &job
	}
	if r.Reason == "" && tunnelProblem != "" {
		r.Reason = "no jobs are taken: " + tunnelProblem
	}
	if r.Reason == "" && !r.RedisHealthy {
		r.Reason = "the job queue (Redis) cannot be reached, or refuses to hand out jobs"
	}
	if why := n.worker.Full(); r.Reason == "" && why != "" {
		r.Reason = "no jobs are taken: " + why
	}
	if why := n.worker.Refused(); r.Reason == "" && why != "" {
		r.Reason = why
	}
	if why := n.worker.Alone(); why != "" {
		r.Warning = strings.TrimPrefix(r.Warning+"; "+why, "; ")
	}
	r.Ready = r.Reason == ""
	return r
}

// facts is what a heartbeat reports.
func facts(q *queue.Queue, w *worker.Worker, edges [][2]uint16) func() heartbeat.Facts {
	return func() heartbeat.Facts {
		f := heartbeat.Facts{CurrentJob: w.CurrentJob(), RedisHealthy: q.Healthy(), Connectivity: edges}
		if at := w.LastJobAt(); !at.IsZero() {
			f.LastJobAt = &at
		}
		return f
	}
}
