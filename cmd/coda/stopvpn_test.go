//go:build linux

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/conductorquantum/coda/host/daemon"
	noted "github.com/conductorquantum/coda/host/process"
	"github.com/conductorquantum/coda/host/testkit/require"
	"github.com/conductorquantum/coda/host/vpn/link"
)

// left is a process that stands for an OpenVPN that a node left running on a state
// directory.
func left(t *testing.T, state string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed, here or by the test
	})
	text, err := json.Marshal(noted.Of(cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(state, "coda-node-openvpn.pid"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// ends checks that it was asked to end, and by what.
func ends(t *testing.T, cmd *exec.Cmd, by syscall.Signal) {
	t.Helper()
	_ = cmd.Wait() // the signal is an error of it
	if got := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(); got != by {
		t.Errorf("it ended by %v", got)
	}
}

func TestStopVPN(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	service := left(t, l.state)
	pid := strconv.Itoa(service.Process.Pid)
	out, messages := l.run(t, exitOK, "stop-vpn")
	if out != "Stopping Coda VPN service...\nCoda VPN service stopped (PID "+pid+")\n" || messages != "" {
		t.Errorf("it says\n%s%s", out, messages)
	}
	ends(t, service, syscall.SIGTERM)
	out, messages = l.run(t, exitFailed, "stop-vpn")
	if out != "Stopping Coda VPN service...\nNo Coda VPN service was found\n" || messages != "" {
		t.Errorf("once more it says\n%s%s", out, messages)
	}

	// What is no record of ours gets nobody a signal.
	bystander := left(t, l.state)
	record := filepath.Join(l.state, "coda-node-openvpn.pid")
	if err := os.Chmod(record, 0o666); err != nil {
		t.Fatal(err)
	}
	out, messages = l.run(t, exitFailed, "stop-vpn")
	if !strings.HasSuffix(out, "\nFailed to stop Coda VPN service\n") || !strings.Contains(messages, record+" has mode 0666") {
		t.Errorf("it says\n%s%s", out, messages)
	}
	if !alive(bystander.Process.Pid) {
		t.Error("it was signalled all the same")
	}
}

// A node that runs has its tunnel back in a moment, which whoever stops it must
// know.
func TestStopVPNOfANodeThatRuns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	held, err := daemon.Lock(l.state, daemon.About{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() })
	service := left(t, l.state)
	out, _ := l.run(t, exitOK, "stop-vpn")
	if !strings.HasSuffix(out, "\nThe node (PID "+strconv.Itoa(os.Getpid())+") runs and brings it back; to stop both: coda stop\n") {
		t.Errorf("it says\n%s", out)
	}
	ends(t, service, syscall.SIGTERM)
	if err := held.Stopping(); err != nil {
		t.Fatal(err)
	}
	service = left(t, l.state)
	if out, _ := l.run(t, exitOK, "stop-vpn"); strings.Contains(out, "brings it back") {
		t.Errorf("of one that stops it says\n%s", out)
	}
	ends(t, service, syscall.SIGTERM)
}

func TestResetStopsTheVPN(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	service := left(t, l.state)
	out, _ := l.run(t, exitOK, "reset")
	want := "Coda VPN service stopped (PID " + strconv.Itoa(service.Process.Pid) + ")\n"
	if !strings.Contains(out, want) || !strings.Contains(out, "  removed    "+l.state+"/coda-node-openvpn.pid\n") {
		t.Errorf("reset lacks %q:\n%s", want, out)
	}
	ends(t, service, syscall.SIGTERM)

	// A record that names nobody: reset says so, and is done with it the next time.
	if err := os.WriteFile(filepath.Join(l.state, "coda-node-openvpn.pid"), []byte("-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, messages := l.run(t, exitFailed, "reset")
	if !strings.Contains(messages, "coda-node-openvpn.pid names no process") || !strings.Contains(out, "  removed    "+l.state+"/coda-node-openvpn.pid\n") {
		t.Errorf("reset says\n%s%s", out, messages)
	}
	if out, _ := l.run(t, exitOK, "reset"); !strings.Contains(out, "No Coda VPN service was found\n") {
		t.Errorf("reset says\n%s", out)
	}
}

// What a node says of its tunnel is shown to people, and to programs as it comes.
func TestStatusOfATunnel(t *testing.T) {
	t.Parallel()
	const (
		well   = `{"managed":true,"interface":"tun0","addresses":["10.8.0.2/24","fd00::2/64"],"server":"192.0.2.1:1194","since":"2026-01-02T03:04:05Z","restarts":3,"bytes_in":12,"bytes_out":34,"last_error":"OpenVPN is reconnecting","last_error_at":"2026-01-02T03:04:01Z"}`
		down   = `{"managed":true,"restarts":1,"last_error":"OpenVPN is reconnecting"}`
		others = `{"managed":false,"interface":"wg0","addresses":["10.9.0.2/24"],"since":"2026-01-02T03:04:05Z","restarts":0}`
	)
	for name, tt := range map[string]struct {
		vpn, state string
		want       []string
		not        []string
		iface      string
	}{
		"well": {well, "ready", []string{"VPN STATE     ready\n", "VPN IFACE     tun0\n  VPN ADDRESS   10.8.0.2/24, fd00::2/64\n  VPN SERVER    192.0.2.1:1194\n  VPN SINCE     2026-01-0",
			"VPN RESTARTS  3\n  VPN ERROR     OpenVPN is reconnecting, at 2026-01-0"}, []string{"VPN MADE BY"}, `"tun0"`},
		"down":            {down, "degraded", []string{"VPN STATE     degraded\n", "VPN IFACE     not detected\n  VPN SINCE     -\n  VPN RESTARTS  1\n  VPN ERROR     OpenVPN is reconnecting\n"}, []string{"VPN ADDRESS", "VPN SERVER"}, "null"},
		"somebody else's": {others, "ready", []string{"VPN IFACE     wg0\n  VPN ADDRESS   10.9.0.2/24\n  VPN SINCE     2026-01-0", "VPN MADE BY   somebody else (CODA_NODE_AUTO_VPN=false)\n"}, []string{"VPN RESTARTS", "VPN ERROR"}, `"wg0"`},
		"none":            {"", "ready", []string{"VPN STATE     ready\n", "VPN IFACE     not detected\n"}, []string{"VPN SINCE", "VPN MADE BY"}, "null"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			member := ""
			if tt.vpn != "" {
				member = `,"vpn":` + tt.vpn
			}
			node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"ready":true,"vpn_state":"`+tt.state+`","redis_healthy":true,"current_job":null,"executor":"noop"`+member+`}`)
			}))
			defer node.Close()
			state := filepath.Join(t.TempDir(), "state")
			held, err := daemon.Lock(state, daemon.About{})
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			if err := held.Serving(strings.TrimPrefix(node.URL, "http://")); err != nil {
				t.Fatal(err)
			}
			status := func(args ...string) string {
				p := launch(t, t.TempDir(), []string{"CODA_STATE_DIR=" + state}, append([]string{"status"}, args...)...)
				p.exits(t, exitOK)
				return p.stdout.String()
			}
			out := status()
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("it lacks %q:\n%s", want, out)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(out, not) {
					t.Errorf("it has %q:\n%s", not, out)
				}
			}
			out = status("--json")
			if !strings.Contains(out, `"vpn_iface":`+tt.iface+"}") || !strings.Contains(out, member+`},"state_dir"`) || tt.vpn == "" && strings.Contains(out, `"vpn":`) {
				t.Errorf("as JSON: %s", out)
			}
		})
	}
}

// Where nobody runs a node, the interface is named that one would take for somebody
// else's tunnel.
func TestStatusOfSomebodyElsesTunnel(t *testing.T) {
	t.Parallel()
	links, err := link.Read()
	if err != nil {
		t.Fatal(err)
	}
	usable := ""
	for name, i := range links {
		if i.Usable() {
			usable = name
		}
	}
	if usable == "" {
		require.Missing(t, "netns", "no interface of this machine is up")
	}
	state := filepath.Join(t.TempDir(), "state")
	for _, tt := range []struct{ auto, hint, want string }{
		{"false", usable, usable},
		{"false", "coda-none0", "not detected"},
		{"true", usable, "not detected"}, // the node makes its own
	} {
		env := []string{"CODA_STATE_DIR=" + state, "CODA_NODE_AUTO_VPN=" + tt.auto, "CODA_VPN_INTERFACE_HINT=" + tt.hint}
		p := launch(t, t.TempDir(), env, "status")
		p.exits(t, exitFailed)
		if out := p.stdout.String(); !strings.Contains(out, "VPN IFACE     "+tt.want+"\n") {
			t.Errorf("%+v:\n%s", tt, out)
		}
	}
}
