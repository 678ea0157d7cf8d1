package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/vpn"
	"github.com/conductorquantum/coda/host/vpn/link"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

const ofTunnel = "vpn" // the check of what follows

// demand is whether jobs are to come through a tunnel.
type demand uint8

const (
	untold   demand = iota // nobody has said so yet: the cloud will, at the log-on
	unneeded               // none is required
	needed                 // one is
)

// tunnel looks at the one of the node that runs, and at what a node needs to reach
// the cloud through one, its own or somebody else's.
func (d *doctor) tunnel(ctx context.Context) []Finding {
	var found []Finding
	demand := d.demand()
	running, asked := d.runningTunnel()
	switch {
	case asked && running == nil:
		demand = unneeded
		found = append(found, finding(ofTunnel, OK, "", "the node that runs needs no tunnel"))
	case asked:
		demand = needed
		found = append(found, d.describeRunning(running)...)
		if running.Since != nil {
			found = append(found, d.probes(ctx)...)
		}
		if !running.Managed {
			return append(found, d.keptProfile(unneeded)...)
		}
	case demand == untold && d.s.StateDir == "":
		found = append(found, d.notLookedAt(ofTunnel))
	case demand == untold:
		found = append(found, finding(ofTunnel, OK, "", "whether a tunnel is required is said by the cloud, at the log-on"))
	case demand == unneeded:
		found = append(found, finding(ofTunnel, OK, "", "no tunnel is required"))
	case d.s.VPN.Auto:
		found = append(found, finding(ofTunnel, OK, "", "a tunnel is required, and the node makes it"))
	default:
		found = append(found, finding(ofTunnel, OK, "", "a tunnel is required, and somebody else makes it (CODA_NODE_AUTO_VPN=false)"))
	}
	if d.s.VPN.Auto || running != nil {
		found = append(found, d.means(ctx, demand)...)
		return append(found, d.keptProfile(demand)...)
	}
	if demand != unneeded {
		foreign, isThere := d.foreign(demand)
		found = append(found, foreign)
		if isThere && demand == needed {
			found = append(found, d.probes(ctx)...)
		}
	}
	return append(found, d.keptProfile(unneeded)...)
}

// runningTunnel is what the node that runs says of its tunnel, nil where it needs
// none. Asked is false where no node says anything.
func (d *doctor) runningTunnel() (tunnel *Tunnel, asked bool) {
	if d.node.PID == 0 || d.node.Address == "" {
		return nil, false
	}
	ready, err := d.ready()
	if err != nil || ready.VPN == nil && ready.VPNState != string(vpn.Ready) { // it has not come that far
		return nil, false
	}
	return ready.VPN, true
}

// demand is what is known before a node runs. The settings alone do not say: that a
// tunnel is required is their default, and the cloud's word at the log-on counts
// more. What it said is kept, and counts for as long as the node reconnects.
func (d *doctor) demand() demand {
	if d.s.NodeToken != "" || d.s.JWTPrivateKey == "" || d.s.StateDir == "" {
		return untold
	}
	held, err := identity.Held(d.s.StateDir)
	switch _, said := held.Values["vpn_required"]; {
	case err != nil, !said:
		return untold
	case d.s.VPN.Required:
		return needed
	default:
		return unneeded
	}
}

// unreached is that something does not answer. While there is no tunnel that only a
// node makes, that says little: it may be behind it.
func (d *doctor) unreached(check, do, what string) Finding {
	running, asked := d.runningTunnel()
	if asked && running != nil && running.Since == nil || !asked && d.s.VPN.Auto && d.demand() == needed {
		return finding(check, Warning, "see whether it answers once the node has its tunnel, which it may be behind; else "+do, "%s", what)
	}
	return finding(check, Problem, do, "%s", what)
}

// means looks for what a node that is started from here needs to make a tunnel. One
// that runs may have been given more.
func (d *doctor) means(ctx context.Context, demand demand) []Finding {
	level, only := OK, "only a node that makes a tunnel needs it: "
	switch {
	case demand == needed && d.node.Running:
		only = "a node that is started from here needs it: "
	case demand == needed:
		level, only = Problem, ""
	}
	var found []Finding
	program := openvpn.Find()
	if program != "" {
		found = append(found, finding(ofTunnel, OK, "", "openvpn is %s", program))
	}
	lacks := openvpn.Missing(ctx, program)
	for _, lack := range lacks {
		found = append(found, finding(ofTunnel, level, only+lack.Do, "%s", lack.What))
	}
	if len(lacks) == 0 {
		found = append(found, finding(ofTunnel, OK, "", "nothing is missing to make a tunnel"))
	}
	return found
}

// keptProfile judges the profile of the last run as a start would.
func (d *doctor) keptProfile(demand demand) []Finding {
	path := d.s.VPN.ProfilePath
	if path == "" {
		return nil // the settings say why
	}
	const anew = "remove it: the cloud sends one at the log-on"
	_, err := identity.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && demand == needed:
		return []Finding{finding(ofTunnel, OK, "", "no profile is kept at %s; the cloud sends one at the log-on", path)}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil: // it holds a key, so that matters also where it is not used
		return []Finding{finding(ofTunnel, Problem, "mend that if nobody else has read or written it; else "+anew, "the kept profile is not used: %v", err)}
	}
	_, err = storedProfile(path)
	switch {
	case demand == unneeded:
		return []Finding{finding(ofTunnel, OK, "remove it, if no tunnel will be wanted again", "the kept profile %s is not used", path)}
	case err == nil:
		return []Finding{finding(ofTunnel, OK, "", "the kept profile %s is accepted", path)}
	}
	level := Warning
	if demand == needed {
		level = Problem
	}
	return []Finding{finding(ofTunnel, level, anew, "%s", strings.TrimPrefix(err.Error(), ofTunnel+": "))}
}

// describeRunning tells of the tunnel of the node that runs.
func (d *doctor) describeRunning(t *Tunnel) []Finding {
	whose, do := "the tunnel of the node that runs", "OpenVPN's log says more: "+filepath.Join(d.s.StateDir, tunnelLog)
	if !t.Managed {
		whose, do = "somebody else's tunnel, which the node that runs needs,", "start that tunnel, or see what it says"
	}
	last := ""
	if t.LastError != "" {
		last = t.LastError
		if t.LastAt != nil {
			last += ", at " + t.LastAt.Local().Format(time.DateTime)
		}
	}
	if t.Since == nil {
		ready, _ := d.ready() // it has answered
		return []Finding{finding(ofTunnel, Problem, do, "%s is down: %s", whose, cmp.Or(last, ready.Reason))}
	}
	about := []string{"interface " + t.Interface}
	if len(t.Addresses) > 0 {
		about = append(about, "addresses "+strings.Join(t.Addresses, ", "))
	}
	if t.Server != "" {
		about = append(about, "server "+t.Server)
	}
	about = append(about, "since "+t.Since.Local().Format(time.DateTime))
	if t.Managed {
		about = append(about, fmt.Sprintf("restarts %d", t.Restarts))
	}
	found := []Finding{finding(ofTunnel, OK, "", "%s is there: %s", whose, strings.Join(about, "; "))}
	if last != "" {
		found = append(found, finding(ofTunnel, OK, "", "its last trouble, which is over: %s", last))
	}
	return found
}

// foreign looks for the interface that a node would take for somebody else's
// tunnel, and says whether it can be used.
func (d *doctor) foreign(demand demand) (f Finding, isThere bool) {
	level := OK
	if demand == needed {
		level = Problem
	}
	links, err := link.Read()
	if err != nil {
		return finding(ofTunnel, level, "run this as the node's user or as root", "%v", err), false
	}
	found, problem := vpn.Foreign(links, d.s.VPN.InterfaceHint)
	why := "the first one that can be used; CODA_VPN_INTERFACE_HINT names another"
	if d.s.VPN.InterfaceHint != "" {
		why = "CODA_VPN_INTERFACE_HINT"
	}
	switch {
	case problem == "":
		return finding(ofTunnel, OK, "", "a node takes %s (%s), with %s", found.Name, why, strings.Join(texts(found.Addrs), ", ")), true
	case found.Name == "":
		return finding(ofTunnel, level, "see that the tunnel's program runs", "%s", problem), false
	default:
		return finding(ofTunnel, level, "see that the tunnel's program runs and has its addresses", "a node takes %s (%s), but %s", found.Name, why, problem), false
	}
}

// ForeignTunnel names the interface of somebody else's tunnel that a node with these
// settings takes; "" where it needs none, makes its own, or there is none to use.
func ForeignTunnel(s config.Settings) string {
	if !s.VPN.Required || s.VPN.Auto {
		return ""
	}
	links, err := link.Read()
	if err != nil {
		return ""
	}
	if found, problem := vpn.Foreign(links, s.VPN.InterfaceHint); problem == "" {
		return found.Name
	}
	return ""
}

// probes asks what must answer through the tunnel, side by side, as the node does.
func (d *doctor) probes(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, networkPatience)
	defer cancel()
	prober := vpn.Prober{Headers: func(url string, h http.Header) { cloudHeaders(&d.s, url, h) }}
	targets := d.s.ProbeURLs()
	found := make([]Finding, len(targets))
	var all sync.WaitGroup
	for i, target := range targets {
		all.Go(func() {
			found[i] = finding(ofTunnel, OK, "", "%s answers", vpn.Shown(target))
			if err := prober.Probe(ctx, target); err != nil {
				found[i] = finding(ofTunnel, Problem, "see that the tunnel leads there (ip route get ADDRESS), and that the target is up",
					"%s does not answer: %v", vpn.Shown(target), err)
			}
		})
	}
	all.Wait()
	return found
}
