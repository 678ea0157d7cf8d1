package identity_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/identity"
)

// What others put into the temporary directory does not keep a node from
// starting.
func TestUnsafeStateIsAWarning(t *testing.T) {
	tmp, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	t.Setenv("TMPDIR", tmp)
	if err := os.WriteFile(filepath.Join(tmp, "coda.config"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := config.Load([]string{"CODA_STATE_DIR=" + state, "CODA_NODE_TOKEN=x"}, identity.HeldOrTakenOver)
	if err != nil || !slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "older node") }) {
		t.Errorf("warnings %q, %v", s.Warnings, err)
	}
}

// What was moved is said once.
func TestTakenOverStateIsSaid(t *testing.T) {
	tmp, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	t.Setenv("TMPDIR", tmp)
	for name, text := range map[string]string{"coda.config": `{"qpu_id": "q7", "jwt_key_id": "k1"}`, "coda-private-key": "PEM"} {
		if err := os.WriteFile(filepath.Join(tmp, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"[the credentials that an older node left in " + tmp + " were moved to " + state + "]", "[]"} {
		s, err := config.Load([]string{"CODA_STATE_DIR=" + state}, identity.HeldOrTakenOver)
		if got := fmt.Sprint(s.Warnings); err != nil || got != want || s.QPUID != "q7" {
			t.Errorf("QPU %s, warnings %s, %v; want %s", s.QPUID, got, err, want)
		}
	}
}

func TestTakeOver(t *testing.T) {
	t.Parallel()
	const old = `{"qpu_id": "q7", "jwt_key_id": "k1", "redis_url": "redis://192.0.2.1", "num_qubits": 7, "node_vpn_profile_path": "TMP/coda-node.ovpn", "jwt_private_key_path": "/etc/passwd"}`
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "TMP", filepath.Dir(path))), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		prepare func(tmp, state string)
		taken   bool
		err     string
	}{
		"both files": {func(tmp, _ string) {
			write(tmp+"/coda.config", old, 0o600)
			write(tmp+"/coda-private-key", "PEM", 0o600)
		}, true, ""},
		"nothing": {func(_, _ string) {}, false, ""},
		"the store has its own": {func(tmp, state string) {
			write(tmp+"/coda.config", old, 0o600)
			if err := os.MkdirAll(state, 0o700); err != nil {
				t.Fatal(err)
			}
			write(state+"/coda.config", `{"qpu_id":"mine"}`, 0o600)
		}, false, ""},
		"readable by others": {func(tmp, _ string) { write(tmp+"/coda.config", old, 0o644) }, false, "chmod 600"},
		"a key readable by others": {func(tmp, _ string) {
			write(tmp+"/coda.config", old, 0o600)
			write(tmp+"/coda-private-key", "PEM", 0o640)
		}, false, "chmod 600"},
		"a link": {func(tmp, _ string) {
			write(tmp+"/other", old, 0o600)
			if err := os.Symlink(tmp+"/other", tmp+"/coda.config"); err != nil {
				t.Fatal(err)
			}
		}, false, "symbolic link"},
		"no JSON": {func(tmp, _ string) { write(tmp+"/coda.config", "hello", 0o600) }, false, "not a JSON object"},
	} {
		tmp, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
		tt.prepare(tmp, state)
		store := identity.NewStore(state)
		taken, err := store.TakeOver(tmp)
		if taken != tt.taken || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %t, %v", name, taken, err)
		}
		held, err := store.Load()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := held.Values["jwt_private_key"]; tt.taken && (got != "PEM" || held.Values["qpu_id"] != "q7" || held.Values["num_qubits"] != "7") {
			t.Errorf("%s: held %v", name, held.Values)
		}
		if path := held.Values["node_vpn_profile_path"]; path != "" {
			t.Errorf("%s: the tunnel's profile would be written to %s, where anybody may write", name, path)
		}
		if _, err := os.Lstat(tmp + "/coda-private-key"); tt.taken && err == nil {
			t.Errorf("%s: the old key is still there", name)
		}
		if again, err := store.TakeOver(tmp); again || err != nil && !tt.taken && tt.err == "" {
			t.Errorf("%s: a second time: %t, %v", name, again, err)
		}
	}
}
