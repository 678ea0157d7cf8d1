//go:build unix

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
)

func TestAFileOfSecretsThatOthersMayRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "coda.toml")
	for _, tt := range []struct {
		text    string
		mode    os.FileMode
		warning string
	}{
		{"node_token = 'hunter'\nport = 8081\n", 0o600, ""},
		{"port = 8081\n", 0o644, ""},
		{"node_token = 'hunter'\nport = 8081\n", 0o640, ""},
		{"node_token = 'hunter'\nport = 8081\n", 0o644, "coda.toml has mode 0644, so others may use its node_token; run: chmod o= "},
		{"redis_url = 'redis://:hunter@192.0.2.1'\n[node_connect_headers]\nX-Key = 'hunter'\n", 0o604, "its redis_url, node_connect_headers;"},
	} {
		if err := errors.Join(os.WriteFile(file, []byte(tt.text), 0o600), os.Chmod(file, tt.mode)); err != nil {
			t.Fatal(err)
		}
		s, err := config.Load([]string{"CODA_STATE_DIR=" + t.TempDir(), "CODA_CONFIG=" + file, "CODA_JWT_PRIVATE_KEY=k", "CODA_JWT_KEY_ID=i", "CODA_QPU_ID=q"}, nil)
		all := strings.Join(s.Warnings, "\n")
		if err != nil || !strings.Contains(all, tt.warning) || (tt.warning == "") != (all == "") || strings.Contains(all, "hunter") {
			t.Errorf("%q, mode %o: warnings %q, %v", tt.text, tt.mode, s.Warnings, err)
		}
	}
}
