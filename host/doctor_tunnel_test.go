package host_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/testkit/require"
	"github.com/conductorquantum/coda/host/vpn/link"
)

// provisioned makes the subject a node that has logged on before, in vpn mode or in
// https mode.
func (p *subject) provisioned(t *testing.T, tunnel bool) {
	t.Helper()
	delete(p.env, "CODA_NODE_TOKEN")
	s := config.Defaults()
	s.WebappURL, s.QPUID, s.JWTKeyID, s.JWTPrivateKey = p.env["CODA_WEBAPP_URL"], "q", "k", config.Secret(newKey(t))
	s.RedisURL, s.VPN.Required = "redis://:secret-password@127.0.0.1:1", tunnel
	if err := identity.NewStore(p.env["CODA_STATE_DIR"]).Save(s); err != nil {
		t.Fatal(err)
	}
}

const keptProfile = "client\ndev tun\nremote 192.0.2.1 1194\n<ca>\nTUlJQg==\n</ca>\n<cert>\nTUlJQg==\n</cert>\n<key>\nsecretsecret\n</key>\n"

// What is missing is a problem only where it is known to be needed. An OpenVPN that
// is too old is missed on every machine.
func TestDoctorKnowsWhetherATunnelIsNeeded(t *testing.T) {
	bin := t.TempDir()
	write(t, bin+"/openvpn", "#!/bin/sh\necho OpenVPN 2.4.0\n", 0o755)
	t.Setenv("PATH", bin)
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, p *subject)
		wants   []string
	}{
		"before the first log-on": {func(*testing.T, *subject) {}, []string{
			"ok vpn whether a tunnel is required is said by the cloud, at the log-on", "ok vpn openvpn is " + bin,
			"openvpn is OpenVPN 2.4, older than 2.5 → only a node that makes a tunnel needs it: install a newer one", "!problem vpn", "!warning vpn"}},
		"before it, though required": {func(_ *testing.T, p *subject) { p.env["CODA_VPN_REQUIRED"] = "true" }, []string{"ok vpn whether", "!problem vpn"}},
		"a key from elsewhere": {func(t *testing.T, p *subject) {
			delete(p.env, "CODA_NODE_TOKEN")
			p.env["CODA_JWT_PRIVATE_KEY"], p.env["CODA_JWT_KEY_ID"], p.env["CODA_QPU_ID"] = newKey(t), "k", "q"
		}, []string{"ok settings complete, for a reconnect", "ok vpn whether", "!problem vpn"}},
		"no credentials": {func(_ *testing.T, p *subject) { delete(p.env, "CODA_NODE_TOKEN") }, []string{"ok vpn whether", "!problem vpn"}},
		"a node in vpn mode": {func(t *testing.T, p *subject) { p.provisioned(t, true) }, []string{
			"ok vpn a tunnel is required, and the node makes it", "ok vpn openvpn is " + bin,
			"problem vpn " + bin + "/openvpn is OpenVPN 2.4, older than 2.5 → install a newer one",
			"ok vpn no profile is kept at ", "/coda-node.ovpn; the cloud sends one at the log-on"}},
		"a node in https mode": {func(t *testing.T, p *subject) { p.provisioned(t, false) }, []string{
			"ok vpn no tunnel is required", "openvpn is OpenVPN 2.4, older than 2.5 → only a node that makes a tunnel needs it: ", "!problem vpn", "!no profile"}},
		"a new token on it": {func(t *testing.T, p *subject) {
			p.provisioned(t, true)
			p.env["CODA_NODE_TOKEN"] = "secret-token"
		}, []string{"ok vpn whether", "!problem vpn"}},
		"the operator's word against the cloud's": {func(t *testing.T, p *subject) {
			p.provisioned(t, true)
			p.env["CODA_VPN_REQUIRED"] = "false"
		}, []string{"ok vpn no tunnel is required", "!problem vpn"}},
		"a node that runs, started with more": {func(t *testing.T, p *subject) {
			p.provisioned(t, true)
			p.serves(t, `{"ready":true,"vpn_state":"ready","redis_healthy":true,"vpn":{"managed":true,"interface":"tun0","since":"2026-01-02T03:04:05Z","restarts":0}}`)
		}, []string{"ok vpn the tunnel of the node that runs is there: interface tun0; since 2026-01-0",
			"older than 2.5 → a node that is started from here needs it: ", "!problem vpn /", "!a tunnel is required"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := healthy(t)
			tt.prepare(t, p)
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
		})
	}
}

// serves makes this process the node of the subject's state directory, with an
// answer of its own for /ready.
func (p *subject) serves(t *testing.T, ready string) {
	t.Helper()
	url := cloudThat(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ready) })
	if err := lock(t, p).Serving(strings.TrimPrefix(url, "http://")); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorSeesTheTunnelOfTheNode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ready string
		wants []string
	}{
		"well": {`{"ready":true,"vpn_state":"ready","redis_healthy":true,"vpn":{"managed":true,"interface":"tun0","addresses":["10.8.0.2/24","fd00::2/64"],"server":"192.0.2.1:1194","since":"2026-01-02T03:04:05Z","restarts":3,"last_error":"OpenVPN is reconnecting","last_error_at":"2026-01-02T03:04:01Z"}}`,
			[]string{"ok vpn the tunnel of the node that runs is there: interface tun0; addresses 10.8.0.2/24, fd00::2/64; server 192.0.2.1:1194; since 2026-01-0", "; restarts 3",
				"ok vpn its last trouble, which is over: OpenVPN is reconnecting, at 2026-01-0", "/api/internal/qpu/health answers", "!problem vpn", "!warning vpn"}},
		"down": {`{"ready":false,"vpn_state":"degraded","reason":"no jobs are taken: OpenVPN is reconnecting","vpn":{"managed":true,"restarts":3,"last_error":"OpenVPN is reconnecting","last_error_at":"2026-01-02T03:04:01Z"}}`,
			[]string{"warning node a node runs", "problem vpn the tunnel of the node that runs is down: OpenVPN is reconnecting, at 2026-01-0", "→ OpenVPN's log says more: ", "/coda-node-openvpn.log", "!answers → "}},
		"not there yet": {`{"ready":false,"vpn_state":"booting","reason":"bringing up the tunnel: OpenVPN is connecting","vpn":{"managed":true,"restarts":0}}`,
			[]string{"problem vpn the tunnel of the node that runs is down: bringing up the tunnel: OpenVPN is connecting → "}},
		"somebody else's": {`{"ready":true,"vpn_state":"ready","vpn":{"managed":false,"interface":"tun0","addresses":["10.8.0.2/24"],"since":"2026-01-02T03:04:05Z","restarts":0}}`,
			[]string{"ok vpn somebody else's tunnel, which the node that runs needs, is there: interface tun0; addresses 10.8.0.2/24; since 2026-01-0", "!openvpn is", "!restarts"}},
		"somebody else's, down": {`{"ready":false,"vpn_state":"degraded","reason":"x","vpn":{"managed":false,"interface":"tun0","restarts":0,"last_error":"the tunnel's interface tun0 is down"}}`,
			[]string{"problem vpn somebody else's tunnel, which the node that runs needs, is down: the tunnel's interface tun0 is down → start that tunnel"}},
		"none":            {`{"ready":true,"vpn_state":"ready","redis_healthy":true}`, []string{"ok vpn the node that runs needs no tunnel", "!problem vpn"}},
		"it still starts": {`{"ready":false,"vpn_state":"booting","reason":"connecting to the cloud"}`, []string{"ok vpn whether a tunnel is required"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			p.serves(t, tt.ready)
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
		})
	}
}

func TestDoctorJudgesTheKeptProfile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tunnel  bool // the cloud asks for one
		prepare func(t *testing.T, p *subject, path string)
		wants   []string
	}{
		"accepted": {true, func(t *testing.T, _ *subject, path string) { write(t, path, keptProfile, 0o600) },
			[]string{"ok vpn the kept profile ", "/coda-node.ovpn is accepted", "with coda.config, coda-private-key, coda-node.ovpn → ", "!problem state"}},
		"for all to read": {true, func(t *testing.T, _ *subject, path string) { write(t, path, keptProfile, 0o644) },
			[]string{"problem vpn the kept profile is not used: ", "has mode 0644", "chmod 600 ", "!problem state"}},
		"a link": {true, func(t *testing.T, _ *subject, path string) {
			write(t, path+"-elsewhere", keptProfile, 0o600)
			symlink(t, path+"-elsewhere", path)
		}, []string{"problem vpn the kept profile is not used: ", "is a symbolic link", "!problem state"}},
		"a directive": {true, func(t *testing.T, _ *subject, path string) { write(t, path, keptProfile+"up /tmp/x\n", 0o600) },
			[]string{"problem vpn the kept profile is refused: ", "/coda-node.ovpn: line 13: up is not allowed: it runs a program → remove it"}},
		"a directive, before a token": {true, func(t *testing.T, p *subject, path string) {
			write(t, path, keptProfile+"up /tmp/x\n", 0o600)
			p.env["CODA_NODE_TOKEN"] = "secret-token"
		}, []string{"warning vpn the kept profile is refused: "}},
		"elsewhere": {true, func(t *testing.T, p *subject, _ string) {
			p.env["CODA_NODE_VPN_PROFILE_PATH"] = file(t, "lab.ovpn", keptProfile, 0o640)
		}, []string{"problem vpn the kept profile is not used: ", "/lab.ovpn has mode 0640"}},
		"left over": {false, func(t *testing.T, _ *subject, path string) { write(t, path, keptProfile, 0o600) },
			[]string{"ok vpn the kept profile ", "is not used → remove it", "!problem vpn", "!warning vpn"}},
		"left over, for all to read": {false, func(t *testing.T, _ *subject, path string) { write(t, path, keptProfile, 0o644) },
			[]string{"problem vpn the kept profile is not used: ", "has mode 0644"}},
		"not needed": {true, func(t *testing.T, p *subject, path string) {
			write(t, path, keptProfile, 0o600)
			p.env["CODA_NODE_AUTO_VPN"] = "false"
		}, []string{"somebody else makes it", "ok vpn the kept profile ", "is not used → remove it"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			p.provisioned(t, tt.tunnel)
			tt.prepare(t, p, filepath.Join(p.env["CODA_STATE_DIR"], "coda-node.ovpn"))
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
		})
	}
}

func TestDoctorLooksForSomebodyElsesTunnel(t *testing.T) {
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
	for name, tt := range map[string]struct {
		required bool
		env      map[string]string
		wants    []string
	}{
		"there": {true, map[string]string{"CODA_VPN_INTERFACE_HINT": usable}, []string{
			"ok vpn a tunnel is required, and somebody else makes it", "ok vpn a node takes " + usable + " (CODA_VPN_INTERFACE_HINT), with ",
			"/api/internal/qpu/health answers → \n", "!openvpn is", "!problem vpn"}},
		"a target is down": {true, map[string]string{"CODA_VPN_INTERFACE_HINT": usable, "CODA_VPN_PROBE_TARGETS": `["http://name:secret@127.0.0.1:1/x?key=secret"]`}, []string{
			"problem vpn http://127.0.0.1:1/x does not answer: dial tcp 127.0.0.1:1: ", "→ see that the tunnel leads there"}},
		"not there": {true, map[string]string{"CODA_VPN_INTERFACE_HINT": "coda-none0"}, []string{
			"problem vpn there is no interface coda-none0 (CODA_VPN_INTERFACE_HINT)", "→ see that the tunnel's program runs", "!answers → "}},
		"not there, nor needed": {false, map[string]string{"CODA_VPN_INTERFACE_HINT": "coda-none0"}, []string{"ok vpn no tunnel is required", "!coda-none0", "!problem vpn"}},
		"before the log-on": {true, map[string]string{"CODA_VPN_INTERFACE_HINT": "coda-none0", "CODA_NODE_TOKEN": "secret-token"},
			[]string{"ok vpn whether", "ok vpn there is no interface coda-none0", "!problem vpn"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			p.provisioned(t, tt.required)
			p.env["CODA_NODE_AUTO_VPN"] = "false"
			for name, value := range tt.env {
				p.env[name] = value
			}
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
			if _, err := os.Stat(filepath.Join(p.env["CODA_STATE_DIR"], "openvpn")); err == nil {
				t.Error("the doctor made the folder of OpenVPN")
			}
		})
	}
}

// What lies behind a tunnel that is not there is not to blame for it.
func TestDoctorBlamesNobodyBehindATunnel(t *testing.T) {
	t.Parallel()
	const (
		down = `{"ready":false,"vpn_state":"degraded","reason":"x","vpn":{"managed":true,"restarts":3,"last_error":"OpenVPN is reconnecting"}}`
		well = `{"ready":true,"vpn_state":"ready","vpn":{"managed":true,"interface":"tun0","since":"2026-01-02T03:04:05Z","restarts":0}}`
	)
	for name, tt := range map[string]struct {
		tunnel bool
		env    map[string]string
		ready  string // of the node that runs; "" where none does
		want   string
	}{
		"no node has made it":    {true, nil, "", "warning"},
		"the node's is down":     {true, nil, down, "warning"},
		"the node's is well":     {true, nil, well, "problem"},
		"none is required":       {false, nil, "", "problem"},
		"somebody else makes it": {true, map[string]string{"CODA_NODE_AUTO_VPN": "false"}, "", "problem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			p.provisioned(t, tt.tunnel)
			p.env["CODA_WEBAPP_URL"] = "http://127.0.0.1:1"
			for name, value := range tt.env {
				p.env[name] = value
			}
			if tt.ready != "" {
				p.serves(t, tt.ready)
			}
			found, _ := p.examine(t.Context(), t)
			do := " → check the address"
			if tt.want == "warning" {
				do = " → see whether it answers once the node has its tunnel, which it may be behind; else check the address"
			}
			expect(t, found, tt.want+" cloud TCP: 127.0.0.1:1 refuses the connection"+do, tt.want+" redis redis://[redacted]@127.0.0.1:1: ")
		})
	}
}
