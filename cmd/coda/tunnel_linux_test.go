package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/devcloud"
	identity "github.com/conductorquantum/coda/host/process"
	"github.com/conductorquantum/coda/host/testkit/nettest"
	"github.com/conductorquantum/coda/host/testkit/openvpntest"
	"github.com/conductorquantum/coda/host/testkit/redistest"
)

// Where the cloud is found: by anybody, and through the tunnel.
const (
	outside = "http://192.0.2.1:8000"
	inside  = "http://" + openvpntest.Inside + ":8000"
)

// site is a node in a network of its own. A cable leads to another network with an
// OpenVPN server, a cloud, and a Redis that the node is told to reach through the
// tunnel.
type site struct {
	t      *testing.T
	near   *nettest.Namespace
	server *openvpntest.Server
	cloud  *devcloud.Cloud
	dir    string
	state  string
	coda   string // the program, in the near network
	ready  *http.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	l := &site{t: t, near: nettest.New(t), dir: workshop(t)}
	l.state = filepath.Join(l.dir, "state")
	far := nettest.New(t)
	nettest.Link(t, far, l.near, "192.0.2.1/24", "192.0.2.2/24")
	l.server = openvpntest.New(t, far, "192.0.2.1")
	l.server.Start()

	redis := redistest.Start(t)
	l.relay(far, "0.0.0.0:6379", strings.TrimPrefix(redis, "unix://"))
	var err error
	l.cloud, err = devcloud.New(devcloud.Config{
		RedisURL: redis, NodeRedisURL: "redis://" + openvpntest.Inside + ":6379", BaseURL: inside,
		Profile: l.server.Profile(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.cloud.Close() })
	listener, err := far.Listen("tcp", "0.0.0.0:8000")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: l.cloud.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until it is closed
	t.Cleanup(func() { server.Close() })

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	named := filepath.Join(t.TempDir(), "coda")
	if err := os.Symlink(self, named); err != nil {
		t.Fatal(err)
	}
	l.coda = l.near.Program(named)
	l.ready = &http.Client{Transport: &http.Transport{DialContext: l.near.Dial}, Timeout: 10 * time.Second}
	t.Cleanup(l.ready.CloseIdleConnections)
	return l
}

// relay carries connections of one network to a socket.
func (l *site) relay(ns *nettest.Namespace, address, socket string) {
	l.t.Helper()
	listener, err := ns.Listen("tcp", address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				to, err := net.Dial("unix", socket)
				if err != nil {
					return
				}
				defer to.Close()
				go func() {
					_, _ = io.Copy(to, from)
					to.Close()
				}()
				_, _ = io.Copy(from, to)
			}()
		}
	}()
}

// start starts a node, in the near network.
func (l *site) start(env []string, args ...string) *process {
	l.t.Helper()
	env = append([]string{"CODA_STATE_DIR=" + l.state}, env...)
	args = append([]string{"start", "--executor", "backend.wasm", "-H", "127.0.0.1"}, args...)
	return launchProgram(l.t, l.coda, nil, nil, l.dir, env, args...)
}

// within has coda started after a command of a shell, in a mount namespace of its
// own.
func (l *site) within(command string) {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "coda")
	script := fmt.Sprintf("#!/bin/sh\nexec unshare --mount --propagation private sh -c '%s && exec \"$0\" \"$@\"' %s \"$@\"\n", command, l.coda)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		l.t.Fatal(err)
	}
	l.coda = path
}

// provisioned starts a node with a token and waits until it takes jobs.
func (l *site) provisioned() *process {
	l.t.Helper()
	p := l.start([]string{"CODA_WEBAPP_URL=" + outside}, "--token", l.cloud.Token())
	p.waitFor(l.t, "the node takes jobs")
	return p
}

// readiness is what the node says of itself.
func (l *site) readiness() (host.Readiness, int) {
	l.t.Helper()
	var r host.Readiness
	answer, err := l.ready.Get("http://127.0.0.1:8080/ready")
	if err != nil {
		l.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&r); err != nil {
		l.t.Fatal(err)
	}
	return r, answer.StatusCode
}

// until asks again and again until the node says what is wanted.
func (l *site) until(what string, is func(host.Readiness) bool) host.Readiness {
	l.t.Helper()
	for began := time.Now(); ; time.Sleep(200 * time.Microsecond) {
		r, _ := l.readiness()
		if is(r) {
			return r
		}
		if time.Since(began) > 2*time.Minute {
			l.t.Fatalf("never %s: %+v %+v", what, r, r.VPN)
		}
	}
}

func (l *site) untilReady() host.Readiness {
	l.t.Helper()
	return l.until("ready", func(r host.Readiness) bool { return r.Ready })
}

// lost waits until the node has said that the tunnel was lost after a moment, and
// returns how long after that it knew. It may be back by now.
func (l *site) lost(since time.Time) (r host.Readiness, after time.Duration) {
	l.t.Helper()
	r = l.until("lost", func(r host.Readiness) bool { return r.VPN.LastAt != nil && r.VPN.LastAt.After(since) })
	if (r.VPNState == "ready") != (r.VPN.Since != nil) {
		l.t.Errorf("%+v %+v", r, r.VPN)
	}
	return r, r.VPN.LastAt.Sub(since)
}

// submit queues jobs that give zeros.
func (l *site) submit(n int) []string {
	l.t.Helper()
	circuit, err := os.ReadFile(filepath.Join(l.dir, "zeros.json"))
	if err != nil {
		l.t.Fatal(err)
	}
	jobs := make([]devcloud.Job, n)
	for i := range jobs {
		jobs[i] = devcloud.Job{IR: circuit, Shots: 10}
	}
	ids, err := l.cloud.Submit(l.t.Context(), jobs...)
	if err != nil {
		l.t.Fatal(err)
	}
	return ids
}

// completed waits until jobs have their result.
func (l *site) completed(ids ...string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Minute)
	defer cancel()
	for _, id := range ids {
		if body, err := l.cloud.Wait(ctx, id); err != nil || !strings.Contains(string(body), `"counts":{"00":10}`) {
			l.t.Fatalf("job %s gave %s, %v", id, body, err)
		}
	}
}

// openvpn is the process that makes the tunnel.
func (l *site) openvpn() identity.ID {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.state, "coda-node-openvpn.pid"))
	if err != nil {
		l.t.Fatal(err)
	}
	var id identity.ID
	if err := json.Unmarshal(text, &id); err != nil {
		l.t.Fatal(err)
	}
	return id
}

// gone waits for the end of a process that nobody here is the parent of.
func (l *site) gone(id identity.ID) {
	l.t.Helper()
	for began := time.Now(); !id.Ended(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			l.t.Fatalf("process %d is still there", id.PID)
		}
	}
}

// A node that the cloud puts behind a tunnel makes it, works through it, and
// leaves nothing of it; later it comes back by what it kept.
func TestBehindATunnel(t *testing.T) {
	t.Parallel()
	l := newSite(t)
	first := l.provisioned()
	l.completed(l.submit(3)...)
	r, status := l.readiness()
	if status != http.StatusOK || r.VPNState != "ready" || r.VPN == nil || !r.VPN.Managed || r.VPN.Interface != "tun0" ||
		!slices.Equal(r.VPN.Addresses, []string{"10.8.0.2/24"}) || r.VPN.Server != "192.0.2.1:1194" || r.VPN.Since == nil || r.VPN.Restarts != 0 {
		t.Errorf("%d %+v %+v", status, r, r.VPN)
	}
	tunnel := l.openvpn()
	first.signal(t, syscall.SIGTERM)
	first.exits(t, exitOK)
	l.gone(tunnel)
	if left, err := os.ReadDir(filepath.Join(l.state, "openvpn")); err != nil || len(left) != 0 {
		t.Errorf("OpenVPN left %v, %v", left, err)
	}
	if info, err := os.Stat(filepath.Join(l.state, "coda-node.ovpn")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the profile: %v, %v", info, err)
	}

	// The cloud that it knows now is behind the tunnel.
	again := l.start(nil)
	again.waitFor(t, "the node takes jobs")
	l.completed(l.submit(3)...)
	tunnel = l.openvpn()

	// No tunnel outlives its node, however that ends.
	again.signal(t, syscall.SIGKILL)
	<-again.ended
	l.gone(tunnel)

	last := l.start(nil)
	last.waitFor(t, "the node takes jobs")
	tunnel = l.openvpn()
	if err := syscall.Kill(tunnel.PID, syscall.SIGSTOP); err != nil { // it cannot hear that its node dies
		t.Fatal(err)
	}
	last.signal(t, syscall.SIGKILL)
	<-last.ended
	l.gone(tunnel)
}

// What is lost is known at once, comes back by itself, and costs no job.
func TestATunnelThatIsLost(t *testing.T) {
	t.Parallel()
	l := newSite(t)
	node := l.provisioned()
	pid := node.cmd.Process.Pid

	lost := map[string][]time.Duration{}
	for i := range 20 {
		how, do := "deleted", l.near.Delete
		if i%2 == 1 {
			how, do = "set down", l.near.Down
		}
		l.untilReady()
		began := time.Now()
		do("tun0")
		r, after := l.lost(began)
		lost[how] = append(lost[how], after)
		if !strings.Contains(r.VPN.LastError, "the tunnel's interface tun0") {
			t.Errorf("%s: %+v", how, r.VPN)
		}
	}
	for how, took := range lost {
		slices.Sort(took)
		t.Logf("link %s: /ready is 503 after %s (median of %d; slowest %s)", how, took[len(took)/2], len(took), took[len(took)-1])
	}

	l.untilReady()
	killed := time.Now()
	l.server.Kill()
	r, after := l.lost(killed)
	t.Logf("server killed: /ready is 503 after %s, with a keepalive of %s", after, openvpntest.Keepalive)
	if r, status := l.readiness(); status != http.StatusServiceUnavailable || r.VPNState != "degraded" || !strings.HasPrefix(r.Reason, "no jobs are taken: ") {
		t.Errorf("%d, %+v", status, r)
	}
	if !strings.Contains(r.VPN.LastError, "ping-restart") && !strings.Contains(r.VPN.LastError, "through the tunnel") {
		t.Errorf("%+v", r.VPN)
	}
	waiting := l.submit(5)
	time.Sleep(time.Second) // nothing may happen
	for _, id := range waiting {
		if state, _, err := l.cloud.State(t.Context(), id); err != nil || state.State != "queued" {
			t.Errorf("%s: %+v, %v", id, state, err)
		}
	}
	back := time.Now()
	l.server.Start()
	l.completed(waiting...)
	t.Logf("server back: the jobs that waited had run after %s", time.Since(back))

	for _, tt := range []struct {
		signal syscall.Signal
		reason string
	}{
		{syscall.SIGKILL, "signal: killed|tun0"}, // of which the link tells as well
		{syscall.SIGSTOP, "does not answer on its management socket"},
	} {
		l.untilReady()
		id := l.openvpn()
		began := time.Now()
		if err := syscall.Kill(id.PID, tt.signal); err != nil {
			t.Fatal(err)
		}
		_, after := l.lost(began)
		r := l.untilReady()
		t.Logf("OpenVPN: %s: known after %s, back after %s", tt.signal, after, time.Since(began))
		if !regexp.MustCompile(tt.reason).MatchString(r.VPN.LastError) {
			t.Errorf("%s: %+v", tt.signal, r.VPN)
		}
		l.gone(id)
		l.completed(l.submit(1)...)
	}
	if node.cmd.Process.Pid != pid {
		t.Error("the node was started again")
	}
	node.signal(t, syscall.SIGTERM)
	node.exits(t, exitOK)
}

// A tunnel that cannot be made keeps the node from starting, with the reason; or
// it starts without, if it may, and says why it takes no jobs.
func TestATunnelThatCannotBeMade(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		path  func(t *testing.T) string // the folder in front of the PATH
		inner string                    // what is done before coda is started
		env   []string
		want  string
	}{
		{"OpenVPN refuses to start", func(t *testing.T) string {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "openvpn"), []byte("#!/bin/sh\necho 'Options error: it is Monday'\nexit 1\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "", nil, "it ended with status 1: Options error: it is Monday"},
		{"OpenVPN is missing", nil, "mount --bind /dev/null " + openvpntest.Program(t), nil, "openvpn is not found; install it"},
		{"the device is missing", nil, "mount --bind /dev/null /dev/net/tun", nil, "/dev/net/tun"},
		{"nobody makes one", nil, "", []string{"CODA_NODE_AUTO_VPN=false"}, "there is no tunnel interface"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newSite(t)
			path := os.Getenv("PATH")
			if tt.path != nil {
				path = tt.path(t) + ":" + path
			}
			env := append([]string{"CODA_WEBAPP_URL=" + outside, "PATH=" + path}, tt.env...)
			if tt.inner != "" {
				l.within(tt.inner)
			}
			failing := l.start(env, "--token", l.cloud.Token())
			failing.waitFor(t, "coda: vpn: .*"+tt.want)
			failing.exits(t, exitStart)

			// The token is spent, and what it bought was kept.
			degraded := l.start(append(env, "CODA_ALLOW_DEGRADED_STARTUP=true"))
			degraded.waitFor(t, "the node takes jobs")
			r, status := l.readiness()
			if status != http.StatusServiceUnavailable || r.VPNState != "vpn_unavailable" || !strings.Contains(r.Reason, tt.want) {
				t.Errorf("%d, %+v", status, r)
			}
			if tt.env != nil { // somebody makes one after all
				device := l.near.Tun("tun7", "10.8.0.9/24")
				defer device.Close()
				l.until("not even then", func(r host.Readiness) bool { return r.VPN.Interface == "tun7" })
			}
			degraded.signal(t, syscall.SIGTERM)
			degraded.exits(t, exitOK)
		})
	}
}
