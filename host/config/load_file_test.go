package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
)

func TestSettingsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "coda.toml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("port = 9000\nhost = \"127.0.0.1\"\nvpn_required = false\nvpn_probe_targets = [\"https://a.example.com\"]\n[node_connect_headers]\nX-Key = \"v\"\n")
	s, err := load(t, "CODA_CONFIG="+file, "CODA_HOST=192.0.2.9")
	if err != nil {
		t.Fatal(err)
	}
	if s.Port != 9000 || s.Host != "192.0.2.9" || s.VPN.Required || len(s.VPN.ProbeTargets) != 1 || s.Headers["X-Key"] != "v" {
		t.Errorf("%+v", s)
	}
	write("host = \"127.0.0.1\"\nprot = 9000\n")
	_, err = load(t, "CODA_CONFIG="+file)
	if want := file + ":2: prot: unknown; did you mean port?"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// What else the file says counts all the same: the state directory above all.
	write("prot = 9000\nport = inf\nstate_dir = 'state'\nhost = 7\n")
	s, err = config.Load([]string{token, "CODA_CONFIG=" + file}, nil)
	if want := file + ":1: prot: unknown; did you mean port?\n" + file + ":2: port: is not a finite number"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if s.StateDir != filepath.Join(dir, "state") || s.Host != "7" {
		t.Errorf("%+v", s)
	}
	write("host = \"127.0.0.1\"\nport = 90000\n")
	_, err = load(t, "CODA_CONFIG="+file)
	if err == nil || !strings.HasPrefix(err.Error(), file+":2: port: 90000 is out of range") {
		t.Errorf("got %v", err)
	}
}

// Relative paths in a file of settings count from its own folder.
func TestPathsInASettingsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "coda.toml")
	for text, want := range map[string]string{
		"device_config = 'site/device.toml'":    dir + "/site/device.toml",
		"device_config = '/etc/device.toml'":    "/etc/device.toml",
		"state_dir = 'state'":                   dir + "/state",
		"node_vpn_profile_path = './p.ovpn'":    dir + "/p.ovpn",
		"executor = 'backend.wasm'":             dir + "/backend.wasm",
		"executor = './noop'":                   dir + "/noop",
		"executor = 'noop'":                     "noop",
		"executor_factory = 'package.x:create'": "package.x:create",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.Load([]string{token, "HOME=" + dir, "CODA_CONFIG=" + file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		key, _, _ := strings.Cut(text, " ")
		for _, v := range config.Variables() {
			if got := v.Text(&s); v.Key == key && got != want {
				t.Errorf("%s gives %s, want %s", text, got, want)
			}
		}
	}
}

// Where the file cannot be read, it is not known where state is kept, and none is
// looked for or taken over.
func TestWithoutTheSettingsFileStateIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "coda.toml")
	if err := os.WriteFile(file, []byte("state_dir = state\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + "x"} {
		asked := ""
		held := func(dir string) (config.Persisted, error) { asked = dir; return config.Persisted{}, nil }
		s, err := config.Load([]string{token, "HOME=" + dir, "CODA_CONFIG=" + path}, held)
		if err == nil || s.StateDir != "" || asked != "" {
			t.Errorf("%s: state in %q, asked for %q, %v", path, s.StateDir, asked, err)
		}
		s, err = config.Load([]string{token, "CODA_STATE_DIR=" + dir, "CODA_CONFIG=" + path}, held)
		if err == nil || s.StateDir != dir || asked != dir {
			t.Errorf("%s: state in %q, asked for %q, %v", path, s.StateDir, asked, err)
		}
	}
}

// What a parser says of a file does not repeat a secret that lacks its quotes.
func TestSyntaxErrorsRepeatNoValue(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "coda.toml")
	for text, want := range map[string]string{
		"node_token = hunter":               ":1: is not TOML: a value is expected; text must stand in quotes",
		"node_token = [1, hunter]":          "text must stand in quotes",
		"node_token = 1hunter":              "expected a top-level item to end",
		"node_token = 4711e":                "Invalid float",
		"node_token = 4711_":                "Invalid",
		"node_token = 047110":               "cannot have leading zeroes",
		"node_token = 4711-13-45":           "invalid datetime",
		"node_token = 47110815471108154711": "is out of range",
		"node_token = 4711.x":               "Invalid float",
		"node_token = \"hunter\\xzz\"":      "hexadecimal digits",
		"node_token = \"hunter\\uzzzz\"":    "hexadecimal digits",
		"node_token = \"hunter":             "expected '\"'",
		"port = 1\nport = 2":                ":2: is not TOML: Key 'port' has already been defined",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := load(t, "CODA_CONFIG="+file)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
			continue
		}
		if said := strings.TrimPrefix(err.Error(), file); strings.Contains(said, "hunter") || strings.Contains(said, "4711") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
