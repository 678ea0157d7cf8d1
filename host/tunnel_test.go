package host

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/process"
	"github.com/conductorquantum/coda/host/testkit/require"
	"github.com/conductorquantum/coda/host/vpn"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
)

// ActAsOpenVPN is an OpenVPN that connects at once, on an interface that it does
// not make. It writes down what it was started with.
func ActAsOpenVPN(args []string) int {
	if slices.Equal(args, []string{"--version"}) {
		fmt.Println("OpenVPN 2.6.0")
		return 0
	}
	fmt.Println("started with", args)
	conn, err := net.Dial("unix", args[slices.Index(args, "--management")+1])
	if err != nil {
		fmt.Println(err)
		return 1
	}
	say := func(text string) { _, _ = fmt.Fprint(conn, text) } // the node sees it where it fails
	say(">HOLD:Waiting for hold release:0\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		switch lines.Text() {
		case "hold release":
			say(">LOG:1,I,TUN/TAP device lo opened\r\n>STATE:1,CONNECTED,SUCCESS,127.0.0.1,192.0.2.1,1194,,\r\n>BYTECOUNT:1,2\r\n")
		case "signal SIGTERM":
			return 0
		}
	}
	return 0
}

// hiddenKey is what nothing may show.
const hiddenKey = "aGlkZGVu"

func profileOf(server string, more ...string) string {
	return "client\ndev tun\nremote " + server + " 1194\n" + strings.Join(more, "") + "<ca>\nTUlJQg==\n</ca>\n<cert>\nTUlJQg==\n</cert>\n<key>\n" + hiddenKey + "\n</key>\nreneg-sec 0\n"
}

// site is a node's machine whose OpenVPN is the one above.
type site struct {
	*tunnel
	s   config.Settings
	log bytes.Buffer // to be read after Close
}

func newSite(t *testing.T) *site {
	t.Helper()
	if runtime.GOOS == "windows" {
		require.Missing(t, "unix", "OpenVPN has no Unix sockets there")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "openvpn")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	site := &site{s: config.Defaults()}
	site.s.StateDir = filepath.Join(t.TempDir(), "state")
	site.s.VPN.ProfilePath = filepath.Join(site.s.StateDir, "coda-node.ovpn")
	site.s.VPN.ProbeTargets = []string{"http://127.0.0.1:1"} // so nothing is asked of anybody
	site.tunnel = &tunnel{log: slog.New(slog.NewTextHandler(&site.log, nil))}
	t.Cleanup(site.Close)
	return site
}

// keep puts a profile where the last run would have left one.
func (s *site) keep(t *testing.T, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(s.s.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.s.VPN.ProfilePath, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func (s *site) kept(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.s.VPN.ProfilePath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// connected waits for the tunnel of the site's own.
func (s *site) connected(t *testing.T) openvpn.Status {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		status, changed := s.own.Status()
		if status.Connected {
			return status
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("it does not connect: %+v", status)
		}
	}
}

// started is how often OpenVPN was started.
func (s *site) started() int {
	said, _ := os.ReadFile(filepath.Join(s.s.StateDir, tunnelLog)) // none, if never
	return bytes.Count(said, []byte("started with"))
}

// only checks what is left in the state directory.
func (s *site) only(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	_ = filepath.WalkDir(s.s.StateDir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			got = append(got, strings.TrimPrefix(path, s.s.StateDir+"/"))
		}
		return nil
	})
	if !slices.Equal(got, want) {
		t.Errorf("in the state directory are %q, want %q", got, want)
	}
}

func TestNoTunnelIsResumed(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *site){
		"none is required":        func(t *testing.T, s *site) { s.keep(t, profileOf("192.0.2.1"), 0o600); s.s.VPN.Required = false },
		"somebody else makes it":  func(t *testing.T, s *site) { s.keep(t, profileOf("192.0.2.1"), 0o600); s.s.VPN.Auto = false },
		"there is a token to use": func(t *testing.T, s *site) { s.keep(t, profileOf("192.0.2.1"), 0o600); s.s.NodeToken = "t" },
		"no profile is kept":      func(*testing.T, *site) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			change(t, s)
			s.resume(t.Context(), s.s)
			if s.own != nil || s.started() != 0 || len(s.stops) != 0 {
				t.Errorf("%+v, %d starts", s.own, s.started())
			}
		})
	}
}

// Nobody asks for a tunnel: nothing is run, and nothing stands in the way of jobs.
func TestNoTunnelIsEstablished(t *testing.T) {
	for name, auto := range map[string]bool{"auto": true, "not auto": false} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.s.VPN.Required, s.s.VPN.Auto = false, auto
			guard, err := s.establish(s.s, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.await(t.Context(), s.s); err != nil || guard.Status().State != vpn.Ready || describeTunnel(guard) != nil {
				t.Errorf("%+v, %v", guard.Status(), err)
			}
			s.Close()
			if s.own != nil || s.started() != 0 {
				t.Error("OpenVPN was started")
			}
			s.only(t)
		})
	}
}

func TestSomebodyElsesTunnelNeedsNoOpenVPN(t *testing.T) {
	s := newSite(t)
	s.s.VPN.Auto, s.s.VPN.InterfaceHint = false, "coda-none0"
	guard, err := s.establish(s.s, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.await(ctx, s.s); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if v := describeTunnel(guard); v == nil || v.Managed {
		t.Errorf("%+v", v)
	}
	s.Close()
	if s.started() != 0 {
		t.Error("OpenVPN was started")
	}
	s.only(t)
}

// A tunnel from the profile of the last run to its end.
func TestATunnelIsMadeAndUndone(t *testing.T) {
	s := newSite(t)
	s.keep(t, "# by hand\n"+profileOf("192.0.2.1"), 0o600)
	s.resume(t.Context(), s.s)
	first := s.connected(t)
	if got := storedRecord(t, s.s.StateDir); got != process.Of(first.PID) {
		t.Errorf("the record is %+v", got)
	}
	copied, err := os.ReadFile(filepath.Join(s.s.StateDir, tunnelFolder, "profile.ovpn"))
	if err != nil || string(copied) != profileOf("192.0.2.1")+"connect-timeout 10\n" {
		t.Errorf("OpenVPN reads %q, %v", copied, err)
	}

	// The same profile from the cloud, and another one: what is up stays up.
	for _, server := range []string{"192.0.2.1", "192.0.2.2"} {
		guard, err := s.establish(s.s, profileOf(server))
		if err != nil {
			t.Fatal(err)
		}
		if now, _ := s.own.Status(); now.PID != first.PID || !now.Connected || guard.Own != s.own {
			t.Errorf("%s: before %+v, now %+v", server, first, now)
		}
		if s.kept(t) != profileOf(server) {
			t.Errorf("%s: kept is %q", server, s.kept(t))
		}
	}
	// Its next start takes the new one.
	s.own.Restart(first.Since, "a test")
	var second openvpn.Status
	for second = first; second.PID == first.PID || !second.Connected; second = s.connected(t) {
		time.Sleep(time.Millisecond)
	}
	copied, _ = os.ReadFile(filepath.Join(s.s.StateDir, tunnelFolder, "profile.ovpn"))
	if !bytes.Contains(copied, []byte("remote 192.0.2.2 1194\n")) {
		t.Errorf("OpenVPN reads %q", copied)
	}

	// Nobody asks for it any more.
	s.s.VPN.Required = false
	if _, err := s.establish(s.s, ""); err != nil {
		t.Fatal(err)
	}
	if id := process.Of(second.PID); id.Start != "" || s.own != nil {
		t.Error("OpenVPN runs on")
	}
	s.Close()
	s.Close() // twice is no harm
	s.only(t, tunnelLog, "coda-node.ovpn")
	if s.started() != 2 {
		t.Errorf("%d starts", s.started())
	}
	if text, _ := os.ReadFile(filepath.Join(s.s.StateDir, tunnelLog)); strings.Contains(s.log.String()+string(text), hiddenKey) {
		t.Errorf("a key was logged:\n%s%s", s.log.String(), text)
	}
}

func storedRecord(t *testing.T, dir string) (id process.ID) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, tunnelRecord))
	if err == nil {
		err = json.Unmarshal(text, &id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// What stop-vpn ends, a node that runs has back, without a word from anybody.
func TestAStoppedTunnelComesBack(t *testing.T) {
	s := newSite(t)
	if _, err := s.establish(s.s, profileOf("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	first := s.connected(t)
	pid, err := StopTunnel(t.Context(), s.s.StateDir)
	if err != nil || pid != first.PID || process.Of(pid).Start != "" {
		t.Errorf("%d, %v", pid, err)
	}
	for now := first; now.PID == first.PID || !now.Connected; now = s.connected(t) {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	if pid, err := StopTunnel(t.Context(), s.s.StateDir); pid != 0 || err != nil {
		t.Errorf("after the end: %d, %v", pid, err)
	}
}

// A profile that may not be used is no reason to wait, nor to start anything: the
// cloud's may be better.
func TestABadProfileDoesNotKeepANodeFromConnecting(t *testing.T) {
	s := newSite(t)
	s.keep(t, profileOf("192.0.2.1"), 0o644)
	s.resume(t.Context(), s.s)
	if s.own == nil || s.started() != 0 {
		t.Fatalf("%d starts", s.started())
	}
	if _, err := s.establish(s.s, profileOf("192.0.2.2")); err != nil {
		t.Fatal(err)
	}
	s.connected(t)
	if info, err := os.Stat(s.s.VPN.ProfilePath); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	s.Close()
	if said := s.log.String(); !strings.Contains(said, "connecting to the cloud without it") || !strings.Contains(said, "coda-node.ovpn has mode 0644") {
		t.Errorf("it logs\n%s", said)
	}
}

func TestAWaitForTheTunnelEndsWithTheNode(t *testing.T) {
	s := newSite(t)
	s.keep(t, profileOf("192.0.2.1"), 0o600)
	// An OpenVPN that says nothing to anybody.
	bin := t.TempDir()
	put(t, filepath.Join(bin, "openvpn"), "#!/bin/sh\nexec sleep 1000\n", 0o700)
	t.Setenv("PATH", bin)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	s.resume(ctx, s.s)
	s.Close()
	if took := time.Since(began); took > tunnelPatience {
		t.Errorf("it took %s", took)
	}
	s.only(t, tunnelLog, "coda-node.ovpn")
}

// The cloud's profile is judged before anything is kept.
func TestARefusedProfileIsNotKept(t *testing.T) {
	s := newSite(t)
	s.keep(t, profileOf("192.0.2.1"), 0o600)
	_, err := s.establish(s.s, profileOf("192.0.2.2", "up /tmp/x\n"))
	if err == nil || !strings.Contains(err.Error(), "line 4: up is not allowed") || strings.Contains(err.Error(), hiddenKey) {
		t.Errorf("%v", err)
	}
	s.Close()
	if s.kept(t) != profileOf("192.0.2.1") || s.started() != 0 {
		t.Errorf("kept is %q, after %d starts", s.kept(t), s.started())
	}
}

// Q30: who could have written the kept profile is asked, and the policy, before
// every start of a process with privileges.
func TestTheKeptProfileIsJudgedAgain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    string // of the error; "" where it is accepted
	}{
		"as it was kept": {func(t *testing.T, path string) { put(t, path, profileOf("192.0.2.1"), 0o600) }, ""},
		"gone":           {func(*testing.T, string) {}, "connect with a new token"},
		"for all to read": {func(t *testing.T, path string) { put(t, path, profileOf("192.0.2.1"), 0o644) },
			"has mode 0644, so others may read or change it; run: chmod 600 "},
		"for a group to write": {func(t *testing.T, path string) { put(t, path, profileOf("192.0.2.1"), 0o620) }, "has mode 0620"},
		"a link": {func(t *testing.T, path string) {
			put(t, path+".elsewhere", profileOf("192.0.2.1"), 0o600)
			if err := os.Symlink(path+".elsewhere", path); err != nil {
				t.Fatal(err)
			}
		}, "is a symbolic link"},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is no regular file"},
		"a directive that runs a program": {func(t *testing.T, path string) { put(t, path, profileOf("192.0.2.1", "up /tmp/x\n"), 0o600) },
			"line 4: up is not allowed: it runs a program"},
		"a key astray": {func(t *testing.T, path string) {
			put(t, path, profileOf("192.0.2.1", strings.ToLower(hiddenKey)+"\n"), 0o600)
		},
			"line 4: this directive is not among those that are allowed"},
		"cut short": {func(t *testing.T, path string) { put(t, path, "client\ndev tun\n<key>\n"+hiddenKey, 0o600) }, "line "},
		"another's": {func(t *testing.T, path string) {
			put(t, path, profileOf("192.0.2.1"), 0o600)
			if err := os.Chown(path, 65534, -1); err != nil {
				require.Missing(t, "root", "only root can give files away")
			}
		}, "belongs to user 65534"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "coda-node.ovpn")
			tt.prepare(t, path)
			text, err := storedProfile(path)
			if tt.want == "" {
				if err != nil || string(text) != profileOf("192.0.2.1")+"connect-timeout 10\n" {
					t.Errorf("%q, %v", text, err)
				}
				return
			}
			if err == nil || text != nil {
				t.Fatalf("%q is used", text)
			}
			if e, ok := errors.AsType[*fault.VPNError](err); !ok || e.CanRetry() {
				t.Errorf("%T %v", err, err)
			}
			if said := err.Error(); !strings.Contains(said, tt.want) || !strings.Contains(said, path) || strings.Contains(strings.ToLower(said), strings.ToLower(hiddenKey)) {
				t.Errorf("%q, not %q", said, tt.want)
			}
		})
	}
}

// A profile that says itself how long to try is not told otherwise.
func TestTheKeptProfilesOwnPatience(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"connect-timeout 60\n", "server-poll-timeout 60\n"} {
		path := filepath.Join(t.TempDir(), "coda-node.ovpn")
		put(t, path, profileOf("192.0.2.1", line), 0o600)
		if text, err := storedProfile(path); err != nil || string(text) != profileOf("192.0.2.1", line) {
			t.Errorf("%q, %v", text, err)
		}
	}
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}
