package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
)

func TestHeldSettings(t *testing.T) {
	t.Parallel()
	held := func(provenance config.Provenance, values map[string]string) func(string) (config.Persisted, error) {
		return func(string) (config.Persisted, error) {
			return config.Persisted{File: "coda.config", Values: values, Provenance: provenance}, nil
		}
	}
	credentials := map[string]string{
		"qpu_id": "held", "jwt_private_key": "held-key", "jwt_key_id": "held-id", "num_qubits": "7",
		"vpn_required": "false", "vpn_probe_targets": `["https://held.example.com"]`,
		"node_machine_fingerprint": "held-fp", "redis_url": "redis://held.example.com",
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("one-time\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	redeemed := config.Provenance{TokenHash: config.HashToken("one-time"), KeyFromCloud: true}
	for _, tt := range []struct {
		name    string
		environ []string
		held    func(string) (config.Persisted, error)
		check   func(config.Settings) bool
		warning string
	}{
		{
			name: "fills in what is not set", held: held(config.Provenance{}, credentials),
			environ: []string{"CODA_QPU_ID=", "CODA_VPN_PROBE_TARGETS=[]", "CODA_NUM_QUBITS=9"},
			check: func(s config.Settings) bool {
				return s.QPUID == "held" && !s.VPN.Required && s.NumQubits == 9 && len(s.VPN.ProbeTargets) == 1
			},
		},
		{
			name: "false and zero count as set", held: held(config.Provenance{}, map[string]string{
				"qpu_id": "q", "jwt_private_key": "k", "jwt_key_id": "i", "vpn_required": "true"}),
			environ: []string{"CODA_VPN_REQUIRED=0"},
			check:   func(s config.Settings) bool { return !s.VPN.Required },
		},
		{
			name: "an operator's key outranks the held one", held: held(config.Provenance{}, credentials),
			environ: []string{"CODA_JWT_PRIVATE_KEY=mine", "CODA_JWT_KEY_ID=my-id"},
			check:   func(s config.Settings) bool { return s.JWTPrivateKey == "mine" && s.JWTKeyID == "my-id" },
		},
		{
			name: "the cloud's newer key outranks the environment", held: held(redeemed, credentials),
			environ: []string{"CODA_JWT_PRIVATE_KEY=mine", "CODA_JWT_KEY_ID=my-id"},
			check:   func(s config.Settings) bool { return s.JWTPrivateKey == "held-key" && s.JWTKeyID == "held-id" },
			warning: "CODA_JWT_PRIVATE_KEY is not the key",
		},
		{
			name: "a spent token reconnects", held: held(redeemed, credentials), environ: []string{token},
			check:   func(s config.Settings) bool { return s.NodeToken == "" && s.QPUID == "held" },
			warning: "redeemed before; reconnecting with the credentials it gave (unset CODA_NODE_TOKEN)",
		},
		{
			name: "a spent token in a file reconnects", held: held(redeemed, credentials), environ: []string{"CODA_NODE_TOKEN_FILE=" + file},
			check:   func(s config.Settings) bool { return s.NodeToken == "" && s.QPUID == "held" },
			warning: "redeemed before; reconnecting with the credentials it gave (unset CODA_NODE_TOKEN_FILE)",
		},
		{
			name: "a file that was removed after use", held: held(redeemed, credentials), environ: []string{"CODA_NODE_TOKEN_FILE=" + file + ".gone"},
			check: func(s config.Settings) bool {
				return s.NodeToken == "" && s.QPUID == "held" && s.JWTPrivateKey == "held-key" && s.Provenance == redeemed
			},
			warning: "CODA_NODE_TOKEN_FILE: cannot read the token: open " + file + ".gone: no such file or directory; reconnecting with",
		},
		{
			name:    "a file that was removed, and an identity from elsewhere",
			environ: []string{"CODA_NODE_TOKEN_FILE=" + file + ".gone", "CODA_QPU_ID=mine", "CODA_JWT_PRIVATE_KEY=my-key", "CODA_JWT_KEY_ID=my-id"},
			check:   func(s config.Settings) bool { return s.NodeToken == "" && s.QPUID == "mine" },
			warning: "reconnecting with",
		},
		{
			name: "a new token keeps only the fingerprint", held: held(redeemed, credentials),
			environ: []string{"CODA_NODE_TOKEN=another"},
			check: func(s config.Settings) bool {
				return s.NodeToken == "another" && s.QPUID == "" && s.Fingerprint == "held-fp" && s.Provenance == config.Provenance{}
			},
		},
		{
			name: "an unreadable state does no harm beside a token", environ: []string{token},
			held:    func(string) (config.Persisted, error) { return config.Persisted{}, errors.New("unsafe") },
			check:   func(s config.Settings) bool { return s.NodeToken == "one-time" },
			warning: "unsafe",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := config.Load(append(tt.environ, "CODA_STATE_DIR="+t.TempDir()), tt.held)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.check(s) {
				t.Errorf("%+v", s)
			}
			if warnings := strings.Join(s.Warnings, "\n"); !strings.Contains(warnings, tt.warning) || (tt.warning == "") != (warnings == "") {
				t.Errorf("warnings %q, want %q", warnings, tt.warning)
			}
		})
	}
	incomplete := maps.Clone(credentials)
	delete(incomplete, "jwt_key_id")
	for name, held := range map[string]func(string) (config.Persisted, error){
		"nothing is held": nil, "the credentials are not complete": held(redeemed, incomplete),
	} {
		_, err := config.Load([]string{"CODA_STATE_DIR=/s", "CODA_NODE_TOKEN_FILE=" + file + ".gone"}, held)
		if err == nil || err.Error() != "CODA_NODE_TOKEN_FILE: cannot read the token: open "+file+".gone: no such file or directory" {
			t.Errorf("a file that is gone, and %s: %v", name, err)
		}
	}
	if _, err := config.Load([]string{"CODA_STATE_DIR=/s", "CODA_NODE_TOKEN_FILE=" + filepath.Dir(file)}, held(redeemed, credentials)); err == nil {
		t.Error("a directory for a file, which is no file that is gone, was passed over")
	}
	unsafe := func(string) (config.Persisted, error) { return config.Persisted{}, errors.New("unsafe") }
	if _, err := config.Load([]string{"CODA_STATE_DIR=/s"}, unsafe); err == nil || !strings.Contains(err.Error(), "unsafe") {
		t.Errorf("an unreadable state without a token: %v", err)
	}
	_, err := config.Load([]string{"CODA_STATE_DIR=/s"}, held(config.Provenance{}, map[string]string{"num_qubits": "many"}))
	if err == nil || !strings.Contains(err.Error(), "coda.config: num_qubits") || !strings.Contains(err.Error(), "set CODA_NUM_QUBITS") {
		t.Errorf("a bad held value: %v", err)
	}
}
