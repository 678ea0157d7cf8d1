package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/server"
	"github.com/conductorquantum/coda/host/vpn"
	"github.com/conductorquantum/coda/host/vpn/link"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
	"github.com/conductorquantum/coda/host/vpn/profile"
)

// tunnelPatience is how long a tunnel may take to come up at the start (protocol,
// 7.4).
const tunnelPatience = 30 * time.Second

// Names in the state directory.
const (
	tunnelFolder = "openvpn"               // where OpenVPN works
	tunnelLog    = "coda-node-openvpn.log" // what it says
	tunnelRecord = "coda-node-openvpn.pid" // which process it is
)

// tunnel is the node's way to the cloud: OpenVPN, where the node runs it, and the
// guard over it. Close ends what was started.
type tunnel struct {
	log *slog.Logger
	own *openvpn.Supervisor // nil where the node runs none

	guard *vpn.Guard
	stops []func() // in the order of the starts
	ends  sync.WaitGroup
}

func (t *tunnel) Close() {
	for i := len(t.stops) - 1; i >= 0; i-- {
		t.stops[i]()
	}
	t.stops = nil
	t.ends.Wait()
}

// run starts a loop that ends with Close, and returns what ends it sooner.
func (t *tunnel) run(loop func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.ends.Go(func() {
		defer close(ended)
		loop(ctx)
	})
	stop = func() {
		cancel()
		<-ended
	}
	t.stops = append(t.stops, stop)
	return stop
}

// resume brings up the tunnel of an earlier run before a reconnect, which may need
// it. One that does not come up is no error: the cloud's answer brings a profile,
// which may be a better one.
func (t *tunnel) resume(ctx context.Context, s config.Settings) {
	if s.NodeToken != "" || !s.VPN.Required || !s.VPN.Auto {
		return
	}
	if _, err := identity.ReadFile(s.VPN.ProfilePath); errors.Is(err, fs.ErrNotExist) {
		t.log.Info("no profile of a tunnel is kept; the cloud sends one", "path", s.VPN.ProfilePath)
		return
	}
	t.start(s)
	limit := time.After(tunnelPatience)
	for {
		status, changed := t.own.Status()
		switch {
		case status.Connected:
			return
		case status.Hopeless:
			t.log.Warn("the kept tunnel cannot be used; connecting to the cloud without it", "error", status.Problem)
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.log.Warn("the kept tunnel does not come up; connecting to the cloud without it", "error", status.Problem)
			return
		case <-ctx.Done():
			return
		}
	}
}

// establish makes the tunnel that the cloud asks for, from its profile, or only
// watches where none is asked for or somebody else makes it.
func (t *tunnel) establish(s config.Settings, text string) (*vpn.Guard, error) {
	cfg := vpn.Config{
		Required: s.VPN.Required, Hint: s.VPN.InterfaceHint, Interval: s.VPN.CheckInterval, Targets: s.ProbeURLs(),
		Probe: vpn.Prober{Headers: func(url string, h http.Header) { cloudHeaders(&s, url, h) }}.Probe,
		Open:  link.Open, Read: link.Read, Log: t.log,
	}
	switch {
	case text != "": // required, and ours to make
		if err := t.renew(s, text); err != nil {
			return nil, err
		}
		cfg.Own = t.own
	case t.own != nil:
		t.Close() // the cloud no longer asks for it
		t.own = nil
	}
	t.guard = vpn.New(cfg)
	t.run(t.guard.Run)
	return t.guard, nil
}

// await waits for the tunnel. What comes later than that is taken all the same,
// where the node may start without.
func (t *tunnel) await(ctx context.Context, s config.Settings) error {
	err := t.guard.Wait(ctx, tunnelPatience)
	if err == nil || ctx.Err() == nil && s.VPN.AllowDegradedStartup {
		return nil
	}
	if problem, ok := errors.AsType[*fault.VPNError](err); ok && t.own != nil {
		problem.Reason += fmt.Sprintf("; OpenVPN's log is %s", filepath.Join(s.StateDir, tunnelLog))
	}
	return err
}

// renew keeps the profile that the cloud sent, and has OpenVPN run with it. A
// tunnel that is up stays up: its next start takes the new one.
func (t *tunnel) renew(s config.Settings, text string) error {
	p, err := profile.Parse([]byte(text))
	if err != nil {
		return err
	}
	kept, err := identity.ReadFile(s.VPN.ProfilePath)
	if same := err == nil && bytes.Equal(kept, p.Text()); !same {
		if err := identity.WriteFile(s.VPN.ProfilePath, p.Text()); err != nil {
			return &fault.VPNError{Reason: "the tunnel's profile cannot be kept", Err: err}
		}
		if t.own != nil {
			if status, _ := t.own.Status(); !status.Connected {
				t.Close()
				t.own = nil
			}
		}
	}
	if t.own == nil {
		t.start(s)
	}
	return nil
}

// start starts OpenVPN on the kept profile.
func (t *tunnel) start(s config.Settings) {
	cfg := openvpn.Config{
		Dir:     filepath.Join(s.StateDir, tunnelFolder),
		Profile: func() ([]byte, error) { return storedProfile(s.VPN.ProfilePath) },
		Started: func(pid int) error { return noteTunnel(s.StateDir, pid) },
		Log:     t.log,
	}
	log, err := daemon.OpenLog(daemon.LogConfig{Path: filepath.Join(s.StateDir, tunnelLog), MaxBytes: 1 << 20, Keep: 2})
	if err != nil {
		t.log.Warn("OpenVPN's log cannot be kept", "error", err)
	} else {
		cfg.Output = log
		t.stops = append(t.stops, func() { log.Close() })
	}
	t.stops = append(t.stops, func() { os.Remove(filepath.Join(s.StateDir, tunnelRecord)) })
	t.own = openvpn.New(cfg)
	t.run(t.own.Run)
}

// storedProfile is the kept profile, judged again and written anew: root will read
// it. A server that does not answer is given up sooner than OpenVPN does by
// itself, which resends ever more seldom.
func storedProfile(path string) ([]byte, error) {
	text, err := identity.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &fault.VPNError{Reason: "no profile is kept at " + path + "; connect with a new token, which brings one"}
	}
	if err != nil {
		return nil, &fault.VPNError{Reason: "the kept profile is not used", Err: err}
	}
	p, err := profile.Parse(text)
	if refusal, ok := errors.AsType[*profile.Refusal](err); ok {
		return nil, &fault.VPNError{Reason: "the kept profile is refused: " + path, Err: refusal}
	}
	if err != nil {
		return nil, err
	}
	text = p.Text()
	if !p.Has("connect-timeout") && !p.Has("server-poll-timeout") {
		text = append(text, "connect-timeout 10\n"...)
	}
	return text, nil
}

// cloudHeaders sets the operator's extra headers on what goes to the cloud, and on
// nothing else.
func cloudHeaders(s *config.Settings, url string, h http.Header) {
	to, err := config.Origin(url)
	if own, _ := config.Origin(s.WebappURL); err == nil && to == own {
		s.SetHeaders(h)
	}
}

// describeTunnel is what /ready tells of the tunnel; nil where none is required.
func describeTunnel(g *vpn.Guard) *server.VPN {
	if !g.Required {
		return nil
	}
	s := g.Status()
	v := &server.VPN{
		Managed: g.Own != nil, Interface: s.Interface, Addresses: texts(s.Addresses), Restarts: s.Restarts, LastError: s.LastError,
		BytesIn: s.Own.Traffic.In, BytesOut: s.Own.Traffic.Out,
	}
	if s.Own.Remote.IsValid() {
		v.Server = s.Own.Remote.String()
	}
	if !s.Since.IsZero() {
		v.Since = &s.Since
	}
	if !s.LastAt.IsZero() {
		v.LastAt = &s.LastAt
	}
	return v
}

// texts leaves out what every interface has, and what leads nowhere.
func texts(prefixes []netip.Prefix) (list []string) {
	for _, prefix := range prefixes {
		if !prefix.Addr().IsLinkLocalUnicast() {
			list = append(list, prefix.String())
		}
	}
	return list
}
