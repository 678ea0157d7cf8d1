package identity

import (
	"testing"

	"github.com/conductorquantum/coda/host/config"
)

// SaveKeyOnly is a save that a crash ends before the config is replaced.
func SaveKeyOnly(t *testing.T, dir string, settings config.Settings) {
	t.Helper()
	if err := NewStore(dir).saveKey([]byte(settings.JWTPrivateKey)); err != nil {
		t.Fatal(err)
	}
}
