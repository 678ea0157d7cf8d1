package vpn

import (
	"context"
	"fmt"
	"time"

	"github.com/conductorquantum/coda/host/vpn/link"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

const (
	reopenAfter = time.Second // where interfaces cannot be watched
	asking      = "the tunnel is up, and what must answer through it is being asked"
)

// Run watches until ctx ends. Nothing that it meets ends it before.
func (g *Guard) Run(ctx context.Context) {
	if !g.Required {
		g.conclude(tunnel{}, "")
		return
	}
	changes := make(chan link.Change)
	receiving := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(receiving)
		g.receive(ctx, changes)
	}()
	defer func() {
		cancel()
		<-receiving
		g.asking.Wait()
	}()

	next := time.NewTimer(0) // the probes' turn
	defer next.Stop()
	for {
		var own openvpn.Status
		var changed <-chan struct{}
		if g.Own != nil {
			own, changed = g.Own.Status()
		}
		g.look(ctx, own)
		select {
		case <-ctx.Done():
			return
		case change := <-changes:
			g.links = change.After
			switch {
			case change.Lost(g.tunnel.Name): // and perhaps found again
				g.conclude(g.tunnel, fmt.Sprintf("the tunnel's interface %s was lost", g.tunnel.Name))
				g.forget()
			case change.Routes:
				g.probe(ctx)
			}
		case <-changed:
		case <-next.C:
			g.probe(ctx)
		case errs := <-g.answers:
			next.Reset(g.judge(errs))
		}
	}
}

// receive hands on what happens to the interfaces. What fails is begun anew.
func (g *Guard) receive(ctx context.Context, to chan<- link.Change) {
	for {
		err := g.follow(ctx, to)
		if ctx.Err() != nil {
			return
		}
		g.Log.Warn("the network interfaces cannot be watched; trying again", "error", err)
		select {
		case <-time.After(reopenAfter):
		case <-ctx.Done():
			return
		}
	}
}

func (g *Guard) follow(ctx context.Context, to chan<- link.Change) error {
	m, err := g.Open()
	if err != nil {
		return err
	}
	defer m.Close()
	for {
		change, err := m.Receive(ctx)
		if err != nil {
			return err
		}
		select {
		case to <- change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look finds the tunnel and concludes how things stand. A tunnel that came up, or
// is another one than before, is probed at once.
func (g *Guard) look(ctx context.Context, own openvpn.Status) {
	found, problem := g.find(own)
	if problem != "" || !found.same(g.tunnel) {
		g.forget()
	}
	g.tunnel = found
	if problem == "" {
		switch g.probed {
		case unknown:
			g.probe(ctx)
			problem = asking
		case refused:
			problem = g.refusal
		}
		if g.probed == passed { // also where there is nobody to ask
			problem = ""
		}
	}
	g.conclude(found, problem)
}

// conclude makes a state of what was found, and tells of it if it is another one.
func (g *Guard) conclude(found tunnel, problem string) {
	g.mu.Lock()
	before, since := g.status.State, g.status.Since
	s := &g.status
	s.Interface, s.Addresses = found.Name, found.Addrs
	s.Own, s.Restarts = found.own, found.own.Restarts
	s.Reason = problem
	switch {
	case problem == "":
		s.State = Ready
		if before != Ready {
			s.Since = time.Now()
		}
	case before == Ready:
		s.State = Degraded
	case before == Booting && found.own.Hopeless:
		s.State = Unavailable
	}
	if problem != "" {
		s.Since = time.Time{}
		if (before == Ready || problem != s.LastError) && problem != asking && s.State != Booting {
			s.LastError, s.LastAt = problem, time.Now()
		}
	}
	g.gate.set(s.State == Ready)
	now := *s
	if before == Booting && now.State != Booting {
		close(g.decided)
	}
	g.mu.Unlock()
	g.report(before, now, since)
}

// giveUp ends the boot of a tunnel that has not come.
func (g *Guard) giveUp() {
	g.mu.Lock()
	before := g.status
	if before.State == Booting {
		g.status.State = Unavailable
		g.status.LastError, g.status.LastAt = before.Reason, time.Now()
		close(g.decided)
	}
	now := g.status
	g.mu.Unlock()
	g.report(before.State, now, time.Time{})
}

// report tells of a change of state, once. Since is when the one before began, if
// that was Ready.
func (g *Guard) report(before State, now Status, since time.Time) {
	switch {
	case before == now.State || !g.Required:
	case now.State == Ready:
		g.Log.Info("the tunnel is there", "interface", now.Interface, "addresses", now.Addresses, "restarts", now.Restarts)
	case before == Ready:
		g.Log.Warn("the tunnel is lost; no jobs are taken until it is back",
			"reason", now.Reason, "held", time.Since(since).Round(time.Millisecond))
	default:
		g.Log.Warn("the tunnel is not there; no jobs are taken until it is", "reason", now.Reason)
	}
}
