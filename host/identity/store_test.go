//go:build unix

package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
)

func settings(id, key string) config.Settings {
	s := config.Defaults()
	s.QPUID, s.JWTKeyID, s.JWTPrivateKey = id, id+"-key", config.Secret(key)
	s.RedisURL = "rediss://default:t@redis.example.com:6379"
	s.VPN.Required = false
	s.Provenance = config.Provenance{TokenHash: config.HashToken("tok"), KeyFromCloud: true}
	return s
}

func save(t *testing.T, dir string, s config.Settings) {
	t.Helper()
	if err := identity.NewStore(dir).Save(s); err != nil {
		t.Fatal(err)
	}
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state", "coda")
	if p, err := identity.Held(dir); err != nil || len(p.Values) != 0 {
		t.Fatalf("an absent directory: %v, %v", p, err)
	}
	want := settings("my-qpu", "-----BEGIN KEY-----\r\nline\n")
	want.VPN.ProbeTargets = []string{"https://a.example.com", "https://b.example.com"}
	save(t, dir, want)

	got, err := config.Load([]string{"CODA_STATE_DIR=" + dir}, identity.Held)
	if err != nil {
		t.Fatal(err)
	}
	want.StateDir, want.VPN.ProfilePath = got.StateDir, got.VPN.ProfilePath
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
	if got.JWTPrivateKey != want.JWTPrivateKey || got.RedisURL != want.RedisURL {
		t.Error("secrets changed on the way")
	}
	for path, mode := range map[string]os.FileMode{"": 0o700, "coda.config": 0o600, "coda-private-key": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%q: %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestConfigFileIsTheOneOlderNodesRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	save(t, dir, settings("my-qpu", "pem"))
	text, err := os.ReadFile(filepath.Join(dir, "coda.config"))
	if err != nil {
		t.Fatal(err)
	}
	eighteen := []string{
		"qpu_id", "qpu_display_name", "native_gate_set", "num_qubits", "jwt_key_id", "jwt_private_key_path", "redis_url",
		"webapp_url", "connect_path", "heartbeat_path", "webhook_path", "vpn_required", "vpn_check_interval_sec",
		"vpn_interface_hint", "vpn_probe_targets", "node_auto_vpn", "node_vpn_profile_path", "node_machine_fingerprint",
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	var order []string
	for depth := 0; ; {
		tok, err := decoder.Token()
		if err != nil {
			break
		}
		if d, ok := tok.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
			continue
		}
		if key, ok := tok.(string); ok && depth == 1 {
			order = append(order, key)
			var value any
			if err := decoder.Decode(&value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(order) < len(eighteen) || !slices.Equal(order[:len(eighteen)], eighteen) {
		t.Errorf("members %v, want first %v", order, eighteen)
	}
	for _, part := range []string{"{\n  \"qpu_id\": \"my-qpu\",\n", "\"vpn_interface_hint\": null,", "\"vpn_probe_targets\": [],", "\n}\n"} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	if strings.Contains(string(text), "pem") {
		t.Error("the private key is in the config file")
	}
}

// A crash leaves the files as they were after some step of a save: the pair
// that is read must be the old one or the new one.
// TestCrashTwice: a save interrupted between its two renames, and the next one
// as soon as its key is written.
func TestCrashTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	save(t, dir, settings("old", "old-pem"))
	old, err := os.ReadFile(filepath.Join(dir, "coda-private-key"))
	if err != nil {
		t.Fatal(err)
	}
	save(t, dir, settings("new", "new-pem"))
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("coda-private-key.next", "new-pem") // as the first crash left it
	write("coda-private-key", string(old))

	// The second save ends as soon as its own key is written.
	identity.SaveKeyOnly(t, dir, settings("third", "third-pem"))
	p, err := identity.Held(dir)
	if err != nil || p.Values["qpu_id"] != "new" || p.Values["jwt_private_key"] != "new-pem" {
		t.Errorf("held %s with key %s, %v", p.Values["qpu_id"], p.Values["jwt_private_key"], err)
	}
}

func TestCrashDuringSave(t *testing.T) {
	t.Parallel()
	read := func(dir, name string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	oldDir, newDir := t.TempDir(), t.TempDir()
	save(t, oldDir, settings("old", "old-pem"))
	save(t, newDir, settings("new", "new-pem"))
	newConfig := strings.ReplaceAll(string(read(newDir, "coda.config")), newDir, "DIR")
	for _, tt := range []struct {
		name  string
		files map[string]string // what the save had written, over the old state
		want  string
	}{
		{"nothing written", nil, "old"},
		{"key half written", map[string]string{".coda-private-key.next.tmp": "new-"}, "old"},
		{"key written", map[string]string{"coda-private-key.next": "new-pem"}, "old"},
		{"config half written", map[string]string{"coda-private-key.next": "new-pem", ".coda.config.tmp": "{"}, "old"},
		{"config replaced", map[string]string{"coda-private-key.next": "new-pem", "coda.config": newConfig}, "new"},
		{"key replaced", map[string]string{"coda-private-key": "new-pem", "coda.config": newConfig}, "new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			save(t, dir, settings("old", "old-pem"))
			for name, text := range tt.files {
				text = strings.ReplaceAll(text, "DIR", dir)
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p, err := identity.Held(dir)
			if err != nil {
				t.Fatal(err)
			}
			if p.Values["qpu_id"] != tt.want || p.Values["jwt_private_key"] != tt.want+"-pem" {
				t.Errorf("read %s with key %s, want %s", p.Values["qpu_id"], p.Values["jwt_private_key"], tt.want)
			}
			save(t, dir, settings("next", "next-pem"))
			if entries, _ := os.ReadDir(dir); len(entries) != 2 {
				t.Errorf("left behind after the next save: %v", entries)
			}
			if p, err := identity.Held(dir); err != nil || p.Values["jwt_private_key"] != "next-pem" {
				t.Errorf("after the next save: %v, %v", p.Values, err)
			}
		})
	}
}

func TestFilesOfAnOlderNode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(t.TempDir(), "elsewhere.pem")
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(key, "pem\n", 0o400)
	write(filepath.Join(dir, "coda.config"), `{"qpu_id": "q", "num_qubits": 7.0, "vpn_required": false, "redis_url": null,
		"jwt_private_key_path": "`+key+`", "jwt_key_id": "k", "register_path": "/x", "vpn_probe_targets": ["a"], "port": 1}`, 0o600)
	p, err := identity.Held(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"qpu_id": "q", "num_qubits": "7.0", "vpn_required": "false", "jwt_key_id": "k",
		"jwt_private_key": "pem\n", "vpn_probe_targets": `["a"]`}
	if g, w := fmt.Sprint(p.Values), fmt.Sprint(want); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
	s, err := config.Load([]string{"CODA_STATE_DIR=" + dir}, identity.Held)
	if err != nil || s.NumQubits != 7 {
		t.Errorf("%d qubits, %v", s.NumQubits, err)
	}
}

func TestUnsafeFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		harm func(dir string) error
		want string
	}{
		{"config readable by others", func(dir string) error { return os.Chmod(filepath.Join(dir, "coda.config"), 0o640) }, "chmod 600"},
		{"key readable by others", func(dir string) error { return os.Chmod(filepath.Join(dir, "coda-private-key"), 0o604) }, "chmod 600"},
		{"directory writable by others", func(dir string) error { return os.Chmod(dir, 0o777) }, "chmod 700"},
		{"config is a link", func(dir string) error {
			path := filepath.Join(dir, "coda.config")
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		}, "symbolic link"},
		{"config is not JSON", func(dir string) error { return os.WriteFile(filepath.Join(dir, "coda.config"), []byte("{"), 0o600) }, "not a JSON object"},
		{"config is no object", func(dir string) error { return os.WriteFile(filepath.Join(dir, "coda.config"), []byte("[]"), 0o600) }, "not a JSON object"},
		{"config is null", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "coda.config"), []byte("null"), 0o600)
		}, "not a JSON object"},
		{"config is huge", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "coda.config"), make([]byte, 2<<20), 0o600)
		}, "larger than"},
		{"key of another config", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "coda-private-key"), []byte("other"), 0o600)
		}, "is not the key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			save(t, dir, settings("q", "pem"))
			if err := tt.harm(dir); err != nil {
				t.Fatal(err)
			}
			_, err := identity.Held(dir)
			if _, ok := errors.AsType[*fault.ConfigError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("blank config", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "coda.config"), []byte(" \n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := identity.Held(dir); err != nil || len(p.Values) != 0 {
			t.Errorf("%v, %v", p.Values, err)
		}
	})
}

func TestSaveFailsWhereOthersMayWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	err := identity.NewStore(dir).Save(settings("q", "pem"))
	if _, ok := errors.AsType[*fault.NodeError](err); !ok {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("wrote %v", entries)
	}
}

func TestFingerprintIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	first, err := identity.NewStore(dir).Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	number, ok := strings.CutPrefix(first, host+"-")
	if !ok || number == "" || strings.Trim(number, "0123456789") != "" {
		t.Errorf("fingerprint %q", first)
	}
	if err := os.WriteFile(filepath.Join(dir, "coda-fingerprint"), []byte("kept-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := identity.NewStore(dir).Fingerprint(); err != nil || again != "kept-1" {
		t.Errorf("%q, %v", again, err)
	}
	for _, damaged := range []string{"kept\x00\x00", "kept-1\nkept-2\n", "\xff\xfe"} {
		if err := os.WriteFile(filepath.Join(dir, "coda-fingerprint"), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := identity.NewStore(dir).Fingerprint()
		if e, ok := errors.AsType[*fault.ConfigError](err); !ok || !strings.Contains(e.Reason, "is damaged") {
			t.Errorf("%q gives %q, %v", damaged, got, err)
		}
	}
}
