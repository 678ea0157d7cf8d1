//go:build linux

package openvpn_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/nettest"
	"github.com/conductorquantum/coda/host/testkit/openvpntest"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

// scene is a client between whose namespace and its server's there is a cable.
type scene struct {
	*openvpn.Supervisor
	t      *testing.T
	server *openvpntest.Server
	client *nettest.Namespace
	dir    string
	log    *record // of the supervisor
	output *record // of OpenVPN
	ended  chan struct{}
	stop   func()
}

// record keeps what is written, and shows it with the test.
type record struct {
	t  *testing.T
	mu sync.Mutex
	b  strings.Builder
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.b.Write(p)
	return r.t.Output().Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

func newScene(t *testing.T, change func(*openvpn.Config)) *scene {
	t.Helper()
	s := &scene{t: t, client: nettest.New(t), log: &record{t: t}, output: &record{t: t}, ended: make(chan struct{})}
	far := nettest.New(t)
	nettest.Link(t, s.client, far, "192.0.2.2/24", "192.0.2.1/24")
	s.server = openvpntest.New(t, far, "192.0.2.1")
	s.dir = filepath.Join(t.TempDir(), strings.Repeat("deep/", 30)) // deeper than a socket's address is long
	cfg := openvpn.Config{
		Program: s.client.Program(openvpntest.Program(t)), Dir: s.dir,
		Profile: func() ([]byte, error) { return []byte(s.server.Profile()), nil },
		Output:  s.output, Log: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	s.Supervisor = openvpn.New(cfg)
	return s
}

// run starts the supervisor; the test's end ends it, within its time.
func (s *scene) run() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(s.ended)
		s.Run(ctx)
	}()
	s.stop = func() {
		cancel()
		select {
		case <-s.ended:
		case <-time.After(30 * time.Second):
			s.t.Error("the supervisor does not end")
		}
	}
	s.t.Cleanup(func() { s.stop() })
}

// until waits for a status.
func (s *scene) until(what string, is func(openvpn.Status) bool) openvpn.Status {
	s.t.Helper()
	limit := time.After(60 * time.Second)
	for {
		status, changed := s.Status()
		if is(status) {
			return status
		}
		select {
		case <-changed:
		case <-limit:
			s.t.Fatalf("never %s: %+v", what, status)
		}
	}
}

func connected(s openvpn.Status) bool { return s.Connected }
func broken(s openvpn.Status) bool    { return !s.Connected && s.Problem != "" }

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestConnectionFromStartToStop(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.server.Start()
	s.run()
	status := s.until("connected", connected)
	if status.Interface != "tun0" || len(status.Local) != 1 || status.Local[0].String() != "10.8.0.2" ||
		status.Remote.String() != "192.0.2.1:1194" || status.PID == 0 || status.Restarts != 0 || status.Problem != "" {
		t.Errorf("%+v", status)
	}
	link, err := s.client.Netlink.LinkByName("tun0")
	if err != nil || link.Attrs().Name != "tun0" {
		t.Errorf("%v, %v", link, err)
	}
	// The key lies where nobody else reads it, and only while it must.
	profile := filepath.Join(s.dir, "profile.ovpn")
	if info, err := os.Stat(profile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if info, err := os.Stat(s.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	for status.Traffic.In == 0 { // which is no change to wait for
		time.Sleep(50 * time.Millisecond)
		status, _ = s.Status()
	}

	s.stop()
	// The server hears of it: nobody had to kill OpenVPN.
	if !strings.Contains(s.output.String(), "received, process exiting") {
		t.Error("OpenVPN was killed")
	}
	if !gone(status.PID) {
		t.Error("the process is still there")
	}
	if left, _ := os.ReadDir(s.dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if after, _ := s.Status(); after.Connected || after.PID != 0 || after.Interface != "" {
		t.Errorf("%+v", after)
	}
}

func TestAServerThatDiesAndComesBack(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.server.Start()
	s.run()
	first := s.until("connected", connected)
	s.server.Kill()
	killed := time.Now()
	status := s.until("broken", broken)
	t.Logf("noticed after %s", time.Since(killed))
	if !strings.Contains(status.Problem, "ping-restart") || status.Restarts != 1 {
		t.Errorf("%+v", status)
	}
	s.server.Start()
	again := s.until("connected again", connected)
	if again.PID != first.PID || again.Since.Equal(first.Since) || again.Problem != "" || again.LastError == "" || again.LastErrorAt.IsZero() {
		t.Errorf("first %+v, again %+v", first, again)
	}
}

func TestAProcessThatEndsIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.server.Start()
	s.run()
	for _, tt := range []struct {
		name string
		do   func(openvpn.Status)
		want string
	}{
		{"killed", func(st openvpn.Status) { _ = syscall.Kill(st.PID, syscall.SIGKILL) }, "it ended with signal: killed"},
		{"stopped, so that it does not answer", func(st openvpn.Status) { _ = syscall.Kill(st.PID, syscall.SIGSTOP) }, "it does not answer on its management socket"},
		{"restarted for a reason", func(st openvpn.Status) { s.Restart(st.Since, "the moon is full") }, "the moon is full"},
	} {
		before := s.until("connected", connected)
		tt.do(before)
		s.until(tt.name, broken)
		again := s.until("connected again", connected)
		if !strings.Contains(again.LastError, tt.want) {
			t.Errorf("%s: %q", tt.name, again.LastError)
		}
		if again.PID == before.PID || again.Restarts != before.Restarts+1 || !gone(before.PID) {
			t.Errorf("%s: before %+v, again %+v", tt.name, before, again)
		}
	}
	// A wish that was for an earlier connection is nobody's.
	now := s.until("connected", connected)
	s.Restart(now.Since.Add(-time.Second), "long ago")
	time.Sleep(100 * time.Millisecond) // nothing tells that something was passed over
	if after, _ := s.Status(); !after.Connected || after.PID != now.PID {
		t.Errorf("%+v", after)
	}
}

func TestStartsThatFail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		change   func(*scene, *openvpn.Config)
		want     []string
		hopeless bool
	}{
		{"the program is missing", func(_ *scene, c *openvpn.Config) { c.Program = "/nonexistent/openvpn" },
			[]string{"cannot be started", "/nonexistent/openvpn"}, false},
		{"the profile is refused", func(_ *scene, c *openvpn.Config) {
			c.Profile = func() ([]byte, error) { return nil, &fault.VPNError{Reason: "line 3: up runs a program"} }
		}, []string{"line 3: up runs a program"}, true},
		{"OpenVPN refuses the profile", func(_ *scene, c *openvpn.Config) {
			c.Profile = func() ([]byte, error) { return []byte("client\nbogus\n"), nil }
		}, []string{"it ended with status 1: Options error: ", "bogus"}, false},
		{"it asks for a password", func(s *scene, c *openvpn.Config) {
			c.Profile = func() ([]byte, error) { return []byte(s.server.Profile() + "auth-user-pass\n"), nil }
		}, []string{"it asks for something that nobody here can answer"}, false},
		{"it never connects to us", func(s *scene, c *openvpn.Config) {
			path := filepath.Join(s.t.TempDir(), "openvpn")
			if err := os.WriteFile(path, []byte("#!/bin/sh\necho never mind\nexec sleep 1000\n"), 0o700); err != nil {
				s.t.Fatal(err)
			}
			c.Program = path
		}, []string{"it did not connect to its management socket: never mind"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			tt.change(s, &s.Config)
			s.run()
			status := s.until("failing", func(st openvpn.Status) bool { return broken(st) && st.Restarts > 0 })
			for _, want := range tt.want {
				if !strings.Contains(status.Problem, want) {
					t.Errorf("%q lacks %q", status.Problem, want)
				}
			}
			if status.Hopeless != tt.hopeless {
				t.Errorf("hopeless %t", status.Hopeless)
			}
		})
	}
}
