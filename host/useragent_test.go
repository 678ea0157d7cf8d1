package host_test

import (
	"testing"

	"github.com/conductorquantum/coda/host"
)

func TestUserAgent(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"v1.2.3":  "coda/v1.2.3",
		"(devel)": "coda/devel",
		"v0.0.0-20260102030405-0123456789ab+dirty": "coda/v0.0.0-20260102030405-0123456789ab+dirty",
		"a b\r\nX: 1": "coda/abX1",
		"":            "coda",
	} {
		if got := host.UserAgent(version); got != want {
			t.Errorf("%q: got %q, want %q", version, got, want)
		}
	}
}
