package config_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

const token = "CODA_NODE_TOKEN=one-time"

// load reads an environment with a token and a state directory of its own.
func load(t *testing.T, environ ...string) (config.Settings, error) {
	t.Helper()
	return config.Load(append([]string{token, "CODA_STATE_DIR=" + t.TempDir()}, environ...), nil)
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Defaults()
	want.NodeToken, want.StateDir = "one-time", got.StateDir
	want.VPN.ProfilePath = filepath.Join(got.StateDir, "coda-node.ovpn")
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
	if got.ConnectURL() != "https://coda.conductorquantum.com/api/internal/qpu/connect" {
		t.Errorf("connect URL %s", got.ConnectURL())
	}
}

func TestEveryVariableIsRead(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"qpu_id": "my-qpu", "qpu_display_name": "My QPU", "native_gate_set": "cnot", "num_qubits": "20",
		"redis_url": "rediss://default:t@redis.example.com:6379", "jwt_private_key": "PEM", "jwt_key_id": "k1",
		"webapp_url": "https://cloud.example.com", "webhook_path": "/w", "connect_path": "/c", "heartbeat_path": "/h",
		"host": "127.0.0.1", "port": "8081", "vpn_required": "no", "vpn_check_interval_sec": "7",
		"vpn_probe_targets": `["https://a.example.com/h"]`, "vpn_interface_hint": "tun3", "allow_degraded_startup": "yes",
		"node_token": "tok", "node_timeout_sec": "9", "node_machine_fingerprint": "fp", "node_auto_vpn": "off",
		"node_vpn_profile_path": "/p.ovpn", "node_connect_headers": `{"X-Key": "v"}`, "node_connect_retries": "5",
		"shutdown_drain_timeout_sec": "11", "heartbeat_interval_sec": "12", "executor": "noop",
		"executor_factory": "old.wasm", "device_config": "dev.toml", "state_dir": t.TempDir(),
		"callback_origins": `["https://hooks.example.com"]`, "log_format": "json", "log_level": "debug",
	}
	environ := []string{}
	for key, text := range values {
		environ = append(environ, "CODA_"+strings.ToUpper(key)+"="+text)
	}
	s, err := config.Load(environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range config.Variables() {
		if v.Key == "node_token_file" { // stands in for node_token
			continue
		}
		want, listed := values[v.Key]
		if !listed {
			t.Errorf("%s: this test does not set it", v.Name())
			continue
		}
		switch got := v.Text(&s); {
		case got == "[redacted]" || strings.Contains(got, "redacted"):
		case strings.HasPrefix(want, "["):
			if got != want {
				t.Errorf("%s = %s, want %s", v.Name(), got, want)
			}
		case want == "no" || want == "off":
			if got != "false" {
				t.Errorf("%s = %s", v.Name(), got)
			}
		case want == "yes":
			if got != "true" {
				t.Errorf("%s = %s", v.Name(), got)
			}
		case got != want:
			t.Errorf("%s = %q, want %q", v.Name(), got, want)
		}
	}
	if s.JWTPrivateKey != "PEM" || s.NodeToken != "tok" || s.Headers["X-Key"] != "v" || s.HeartbeatInterval != 12*time.Second {
		t.Errorf("secrets or durations were not read: %v", s)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		entry, want string // want: the value as text, or "! " and part of the error
	}{
		{"CODA_PORT=1", "1"},
		{"CODA_PORT=65535", "65535"},
		{"CODA_PORT= +8_080.0 ", "8080"},
		{"CODA_PORT=", "8080"},
		{"CODA_PORT=0", "! out of range: 1 to 65535"},
		{"CODA_PORT=70000", "! out of range"},
		{"CODA_PORT=0x50", "! not a whole number"},
		{"CODA_PORT=1e3", "! not a whole number"},
		{"CODA_PORT=80.5", "! not a whole number"},
		{"CODA_PORT=_80", "! not a whole number"},
		{"CODA_PORT=٨٠", "! not a whole number"},
		{"CODA_PORT=99999999999999999999", "! out of range"},
		{"CODA_HEARTBEAT_INTERVAL_SEC=0", "! at least 1"},
		{"CODA_NODE_TIMEOUT_SEC=-1", "! at least 1"},
		{"CODA_NODE_CONNECT_RETRIES=0", "! at least 1"},
		{"CODA_VPN_CHECK_INTERVAL_SEC=0", "! at least 1"},
		{"CODA_SHUTDOWN_DRAIN_TIMEOUT_SEC=0", "0"},
		{"CODA_SHUTDOWN_DRAIN_TIMEOUT_SEC=-1", "! at least 0"},
		{"CODA_NUM_QUBITS=51", "! 1 to 50"},
		{"CODA_VPN_REQUIRED=T", "true"},
		{"CODA_VPN_REQUIRED=Off", "false"},
		{"CODA_VPN_REQUIRED= true", "! neither true nor false"},
		{"CODA_VPN_REQUIRED=", "true"},
		{"CODA_VPN_PROBE_TARGETS=null", ""},
		{"CODA_VPN_PROBE_TARGETS=", ""},
		{"CODA_VPN_PROBE_TARGETS=a,b", "! JSON array of strings"},
		{"CODA_VPN_PROBE_TARGETS=[1]", "! JSON array of strings"},
		{`CODA_VPN_PROBE_TARGETS=["a", null]`, "! null among"},
		{"CODA_VPN_INTERFACE_HINT=null", "null"},
		{"CODA_NODE_CONNECT_HEADERS=null", ""},
		{`CODA_NODE_CONNECT_HEADERS={"a b": "c"}`, "! cannot be the name of a header"},
		{`CODA_NODE_CONNECT_HEADERS={"a": "b\nc"}`, "! cannot be sent"},
		{`CODA_NODE_CONNECT_HEADERS={"X-A": "1", "x-a": "2"}`, "! one header twice, X-A and x-a"},
		{"CODA_WEBAPP_URL=ftp://example.com", "! http or https"},
		{"CODA_WEBAPP_URL=https://user:pass@example.com", "! user information"},
		{"CODA_WEBAPP_URL=https:///x", "! names no host"},
		{"CODA_WEBAPP_URL=https://example.com/?a=b", "! has a query or a fragment"},
		{"CODA_WEBAPP_URL=https://example.com/#/home", "! has a query or a fragment"},
		{"CODA_LOG_FORMAT=JSON", "json"},
		{"CODA_LOG_FORMAT=xml", `! "xml" is none of text and json`},
		{"CODA_LOG_LEVEL=Warn", "warn"},
		{"CODA_LOG_LEVEL=", "info"},
		{"CODA_LOG_LEVEL=loud", "! none of debug, info, warn and error"},
		{"CODA_REDIS_URL=http://example.com", "! redis://"},
		{"CODA_REDIS_URL=redis:///0", "! names no host"},
		{"CODA_REDIS_URL=unix:///run/redis.sock", "[redacted]"},
		{`CODA_CALLBACK_ORIGINS=["HTTPS://Hooks.Example.com:443/"]`, `["https://hooks.example.com"]`},
		{`CODA_CALLBACK_ORIGINS=["https://example.com/path"]`, "! origin alone"},
		{`CODA_CALLBACK_ORIGINS=["example.com"]`, "! http or https"},
		{"coda_host=192.0.2.1", "192.0.2.1"},
	} {
		t.Run(tt.entry, func(t *testing.T) {
			t.Parallel()
			s, err := load(t, tt.entry)
			name, _, _ := strings.Cut(strings.ToUpper(tt.entry), "=")
			if reason, wrong := strings.CutPrefix(tt.want, "! "); wrong {
				e, ok := errors.AsType[*fault.ConfigError](err)
				if !ok || e.Where != name || !strings.Contains(err.Error(), reason) {
					t.Fatalf("got %v, want an error of %s with %q", err, name, reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range config.Variables() {
				if v.Name() == name && v.Text(&s) != tt.want {
					t.Errorf("got %q, want %q", v.Text(&s), tt.want)
				}
			}
		})
	}
}

func TestNamesAreCaseInsensitiveAndCapitalsWin(t *testing.T) {
	t.Parallel()
	for _, environ := range [][]string{
		{"coda_port=1111", "CODA_PORT=2222"},
		{"CODA_PORT=2222", "Coda_Port=1111"},
		{"CODA_PORT=1111", "CODA_PORT=2222"},
	} {
		if s, err := load(t, environ...); err != nil || s.Port != 2222 {
			t.Errorf("%v: port %d, %v", environ, s.Port, err)
		}
	}
}

func TestAllErrorsAreReportedAndNoSecretIs(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	_, err := load(t, "CODA_PORT=0", "CODA_NUM_QUBITS=x",
		"CODA_REDIS_URL=http://default:"+secret+"@example.com",
		"CODA_WEBAPP_URL=https://"+secret+"@example.com",
		`CODA_NODE_CONNECT_HEADERS={"X": "`+secret+`\n"}`,
		"CODA_NODE_TOKEN="+secret+" with blanks")
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"CODA_PORT", "CODA_NUM_QUBITS", "CODA_REDIS_URL", "CODA_WEBAPP_URL", "CODA_NODE_CONNECT_HEADERS", "CODA_NODE_TOKEN"} {
		if !strings.Contains(err.Error(), name+":") {
			t.Errorf("%s is not mentioned in: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("a secret is in: %v", err)
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	t.Parallel()
	s := config.Secret("hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		if got := fmt.Sprintf(verb, s); strings.Contains(got, "hunter2") || strings.Contains(got, "68756e") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	s, err := load(t, "CODA_REDIS_ULR=redis://r", "CODA_ADVERTISED_PROVIDER=coda", "CODA_ENTIRELY_DIFFERENT=1")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "did you mean CODA_REDIS_URL?") {
		t.Errorf("warnings %q", s.Warnings)
	}
}

func TestCredentialsAreAskedForInOrder(t *testing.T) {
	t.Parallel()
	state := "CODA_STATE_DIR=" + t.TempDir()
	for _, tt := range []struct {
		environ []string
		where   string
	}{
		{[]string{state}, "CODA_JWT_PRIVATE_KEY"},
		{[]string{state, "CODA_JWT_PRIVATE_KEY=p"}, "CODA_JWT_KEY_ID"},
		{[]string{state, "CODA_JWT_PRIVATE_KEY=p", "CODA_JWT_KEY_ID=k"}, "CODA_QPU_ID"},
	} {
		_, err := config.Load(tt.environ, nil)
		e, ok := errors.AsType[*fault.ConfigError](err)
		if !ok || e.Where != tt.where || !strings.Contains(e.Reason, "CODA_NODE_TOKEN") {
			t.Errorf("%v: %v", tt.environ, err)
		}
	}
	if _, err := config.Load([]string{state, "CODA_JWT_PRIVATE_KEY=p", "CODA_JWT_KEY_ID=k", "CODA_QPU_ID=q"}, nil); err != nil {
		t.Error(err)
	}
}

func TestTokenFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := "CODA_STATE_DIR=" + t.TempDir()
	s, err := config.Load([]string{state, "CODA_NODE_TOKEN_FILE=" + file}, nil)
	if err != nil || s.NodeToken != "from-file" {
		t.Errorf("token %q, %v", string(s.NodeToken), err)
	}
	if _, err := config.Load([]string{state, "CODA_NODE_TOKEN_FILE=" + file + "x"}, nil); err == nil {
		t.Error("a missing file was taken")
	}
}

// Of a token and a file of one, and of an executor's two names, the one in the
// stronger place counts.
func TestTheStrongerPlaceCounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	file := write("token", "from-file\n")
	for name, tt := range map[string]struct {
		environ  []string
		settings string // the file's text
		want     string // the token and the executor
		err      string
	}{
		"a token above a file of one": {
			[]string{token}, "node_token_file = '" + file + "'", "one-time ", ""},
		"a token above a file that is not there": {
			[]string{token}, "node_token_file = 'nowhere'", "one-time ", ""},
		"a file above a token": {
			[]string{"CODA_NODE_TOKEN_FILE=" + file}, "node_token = 'in-settings'", "from-file ", ""},
		"an empty variable is no place": {
			[]string{"CODA_NODE_TOKEN="}, "node_token_file = '" + file + "'", "from-file ", ""},
		"both in the environment": {
			[]string{token, "CODA_NODE_TOKEN_FILE=" + file}, "", "", "CODA_NODE_TOKEN_FILE: CODA_NODE_TOKEN is set too; unset one of them"},
		"both in the file": {
			nil, "\nnode_token = 'x'\nnode_token_file = '" + file + "'", "", ":3: node_token_file: " + dir + "/coda.toml:2: node_token is set too"},
		"the older name above the newer": {
			[]string{token, "CODA_EXECUTOR_FACTORY=old.wasm"}, "executor = 'noop'", "one-time old.wasm", ""},
		"the newer name beside the older": {
			[]string{token, "CODA_EXECUTOR_FACTORY=old.wasm", "CODA_EXECUTOR=statevector"}, "executor = 'noop'", "one-time statevector", ""},
		"the newer name above the older": {
			[]string{token, "CODA_EXECUTOR=statevector"}, "executor_factory = 'old.wasm'", "one-time statevector", ""},
	} {
		t.Run(name, func(t *testing.T) {
			environ := append(tt.environ, "CODA_STATE_DIR="+dir, "CODA_CONFIG="+write("coda.toml", tt.settings))
			s, err := config.Load(environ, nil)
			if tt.err != "" {
				if e, ok := errors.AsType[*fault.ConfigError](err); !ok || !strings.Contains(e.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if got := string(s.NodeToken) + " " + cmp.Or(s.Executor, s.ExecutorFactory); err != nil || got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestLogSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "coda.toml")
	if err := os.WriteFile(file, []byte("log_format = 'json'\nlog_level = 'warn'\nport = 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// What else is wrong does not keep a log from looking as it was told to.
	s, err := load(t, "CODA_CONFIG="+file, "CODA_LOG_LEVEL=debug", "CODA_NUM_QUBITS=x")
	if want := (config.Log{Format: "json", Level: "debug"}); err == nil || s.Log != want {
		t.Errorf("%+v, %v", s.Log, err)
	}
	quiet := config.Log{Format: "text", Level: "warn"}
	for environ, want := range map[string]config.Log{
		"":                       quiet,
		"CODA_LOG_LEVEL=":        quiet,
		"CODA_LOG_LEVEL=error":   {Format: "text", Level: "error"},
		"coda_log_format=json":   {Format: "json", Level: "warn"},
		"CODA_CONFIG=/nowhere":   quiet,
		"CODA_NODE_TOKEN=a b":    quiet,
		"CODA_SOMETHING_ELSE=17": quiet,
	} {
		if got, err := config.LoadLog([]string{environ}, quiet); err != nil || got != want {
			t.Errorf("%s: %+v, %v", environ, got, err)
		}
	}
	_, err = config.LoadLog([]string{"CODA_LOG_LEVEL=loud"}, quiet)
	if e, ok := errors.AsType[*fault.ConfigError](err); !ok || e.Where != "CODA_LOG_LEVEL" {
		t.Errorf("got %v", err)
	}
}

// Headers that are the node's own are not the operator's to set, and it is said.
func TestOwnHeaders(t *testing.T) {
	t.Parallel()
	s, err := load(t, `CODA_NODE_CONNECT_HEADERS={"X-Deploy": "d", "authorization": "Bearer hunter2", "HOST": "evil.example.com",
		"transfer-encoding": "x", "content-type": "text/html", "user-agent": "lab/1", "webhook-id": "1"}`)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"Authorization": {"Bearer ours"}, "User-Agent": {"coda/1"}}
	s.SetHeaders(h)
	if want := "map[Authorization:[Bearer ours] User-Agent:[lab/1] X-Deploy:[d]]"; fmt.Sprint(h) != want {
		t.Errorf("got  %v\nwant %s", h, want)
	}
	if len(s.Warnings) != 5 || strings.Contains(strings.Join(s.Warnings, "\n"), "hunter2") ||
		!strings.Contains(s.Warnings[0], "HOST") || !strings.Contains(s.Warnings[1], "authorization") {
		t.Errorf("warnings %q", s.Warnings)
	}
}

func TestStateDir(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environ []string
		want    string
	}{
		{[]string{"HOME=/home/u"}, "/home/u/.local/state/coda"},
		{[]string{"HOME=/home/u", "XDG_STATE_HOME=/x"}, "/x/coda"},
		{[]string{"HOME=/home/u", "XDG_STATE_HOME=relative"}, "/home/u/.local/state/coda"},
		{[]string{"HOME=/home/u", "XDG_STATE_HOME=/x", "STATE_DIRECTORY=/var/lib/coda:/var/lib/b"}, "/var/lib/coda"},
		{[]string{"STATE_DIRECTORY=/var/lib/coda", "CODA_STATE_DIR=/s"}, "/s"},
	} {
		s, err := config.Load(append(tt.environ, token), nil)
		if err != nil || s.StateDir != tt.want {
			t.Errorf("%v: %s, %v; want %s", tt.environ, s.StateDir, err, tt.want)
		}
	}
}

func TestDeviceFileIsFound(t *testing.T) {
	t.Chdir(t.TempDir())
	find := func() string {
		t.Helper()
		s, err := load(t)
		if err != nil {
			t.Fatal(err)
		}
		return s.DeviceConfig
	}
	if got := find(); got != "" {
		t.Errorf("found %s in an empty folder", got)
	}
	if err := os.Mkdir("site", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"site/device.yaml", "site/device.toml"} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := find(); got != path {
			t.Errorf("found %q, want %s", got, path)
		}
	}
	// A file that is there and cannot be read is not passed over.
	if err := errors.Join(os.RemoveAll("site"), os.Mkdir("site", 0o755), os.Symlink("nowhere", "site/device.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := find(); got != "site/device.yaml" {
		t.Errorf("found %q where a link leads nowhere", got)
	}
	if err := errors.Join(os.RemoveAll("site"), os.WriteFile("site", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if got := find(); got != "" {
		t.Errorf("found %s in what is no folder", got)
	}
}
