package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/server"
)

// networkPatience is how long one exchange may take.
const networkPatience = 5 * time.Second

// Readiness is what a node's /ready tells, Tunnel its member vpn, Undelivered its member
// outbox, HardwareState its member device, and EndpointState one of its endpoints.
type (
	Readiness     = server.Readiness
	Tunnel        = server.VPN
	Undelivered   = server.Outbox
	HardwareState = server.Device
	EndpointState = server.Endpoint
)

const maxReadiness = 64 << 10

// AskReady asks the node at an address, host:port, whether it is ready. The
// error is a *fault.NodeError.
func AskReady(ctx context.Context, address string) (Readiness, error) {
	var r Readiness
	fail := func(reason string, err error) (Readiness, error) {
		return r, &fault.NodeError{Op: "ready", Reason: reason, Retry: true, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, networkPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(address)+"/ready", nil)
	if err != nil {
		return fail("the address "+address+" cannot be asked", err)
	}
	// The node is on this machine: no proxy is in between.
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return fail("the node does not answer at "+address, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReadiness))
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		return fail("the answer from "+address+" is none of a node's", err)
	}
	return r, nil
}

// reachable is where to dial for an address that somebody listens on.
func reachable(address string) string {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(name); name == "" || ip != nil && ip.IsUnspecified() {
		name = "localhost"
	}
	return net.JoinHostPort(name, port)
}

// running says whether a node runs on the state directory, and how it is.
func (d *doctor) running(ctx context.Context) []Finding {
	const check = "node"
	switch {
	case d.nodeErr != nil:
		return []Finding{{Check: check, Level: Problem, What: d.nodeErr.Error(), Do: "run this as the node's user or as root"}}
	case !d.node.Running:
		return d.port(ctx)
	case d.node.PID == 0:
		return []Finding{finding(check, Warning, "stop it where it was started, if it is not wanted",
			"a node runs, and cannot be verified: %s", d.node.Doubt)}
	}
	who := fmt.Sprintf("a node runs (PID %d, since %s)", d.node.PID, d.node.Since.Format(time.DateTime))
	if d.node.Stopping {
		return []Finding{finding(check, OK, "", "%s and is draining", who)}
	}
	if d.node.Address == "" {
		return []Finding{finding(check, OK, "", "%s and is starting", who)}
	}
	ready, err := d.ready()
	if err != nil {
		return []Finding{finding(check, Warning, "look at its log; if it hangs, stop and start it", "%s, but %v", who, err)}
	}
	if !ready.Ready {
		return []Finding{finding(check, Warning, "the findings below may say why; its log does", "%s and is not ready: %s", who, ready.Reason)}
	}
	found := []Finding{finding(check, OK, "", "%s and is ready, on %s", who, d.node.Address)}
	if ready.Warning != "" {
		found = append(found, finding(check, Warning, "mend that, and stop and start it; its log may say more", "it warns: %s", ready.Warning))
	}
	return found
}

// port says whether a node could listen. It opens the port for a moment.
func (d *doctor) port(ctx context.Context) []Finding {
	const check = "node"
	address := net.JoinHostPort(d.s.Host, strconv.Itoa(d.s.Port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		cause := err
		if op, ok := errors.AsType[*net.OpError](err); ok {
			cause = op.Err
		}
		return []Finding{finding(check, Problem, "end the program that listens there, or choose another CODA_HOST or CODA_PORT",
			"no node runs, and none could listen on %s: %v", address, cause)}
	}
	listener.Close()
	return []Finding{finding(check, OK, "", "no node runs; %s is free", address)}
}
