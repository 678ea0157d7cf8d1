package queue

import (
	"testing"
	"time"
)

func TestStamp(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	for want, in := range map[string]time.Time{
		"2026-01-02T03:04:05.678901+00:00": time.Date(2026, 1, 2, 4, 4, 5, 678901999, zone),
		"2026-01-02T03:04:05.000001+00:00": time.Date(2026, 1, 2, 3, 4, 5, 1000, time.UTC),
		"2026-01-02T03:04:05+00:00":        time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC),
	} {
		if got := stamp(in); got != want {
			t.Errorf("%v is %s, want %s", in, got, want)
		}
	}
}
