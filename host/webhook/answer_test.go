package webhook_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/webhook"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, " ": 0, "0": 0, "1": time.Second, " 7 ": 7 * time.Second, "007": 7 * time.Second, "3600": time.Hour,
		"3601": time.Hour, "86400": time.Hour, "4294967296": time.Hour, "18446744073709551617": time.Hour, strings.Repeat("9", 10000): time.Hour,
		"-1": 0, "-99999999999999999999": 0, "+5": 0, "1.5": 0, "1e9": 0, "0x10": 0, "NaN": 0, "inf": 0, "soon": 0, "5s": 0, "5, 6": 0, "５": 0, "1_000": 0,
		"Fri, 02 Jan 2026 12:00:30 GMT":    30 * time.Second,
		"Friday, 02-Jan-26 12:00:30 GMT":   30 * time.Second,
		"Fri Jan  2 12:00:30 2026":         30 * time.Second,
		"Fri, 02 Jan 2026 13:00:00 GMT":    time.Hour,
		"Fri, 02 Jan 2026 13:00:01 GMT":    time.Hour,
		"Fri, 31 Dec 9999 23:59:59 GMT":    time.Hour,
		"Fri, 02 Jan 2026 11:59:59 GMT":    0,
		"Mon, 01 Jan 0001 00:00:00 GMT":    0,
		"Fri, 99 Jan 2026 12:00:30 GMT":    0,
		"Fri, 02 Jan 99999 12:00:30 GMT":   0,
		"2026-01-02T12:00:30Z":             0,
		"Fri, 02 Jan 2026 12:00:30 +0500":  0,
		"Fri, 02 Jan 2026 12:00:30 GMT; x": 0,
	} {
		if got := webhook.RetryAfter(text, noon); got != want {
			t.Errorf("%.40q: %s, want %s", text, got, want)
		}
	}
}

// A receiver's date is read by the receiver's clock.
func TestRetryAfterOfASkewedClock(t *testing.T) {
	t.Parallel()
	_, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		w.Header().Set("Retry-After", noon.Add(30*time.Second).Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	err := sender(t, webhook.Config{Cloud: url}).Post(t.Context(), url, "id", nil)
	if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.RetryAfter != 30*time.Second {
		t.Errorf("got %+v", err)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "7", "-7", "99999999999999999999", "NaN", noon.Add(time.Minute).Format(http.TimeFormat), "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := webhook.RetryAfter(text, noon)
		if got < 0 || got > time.Hour {
			t.Fatalf("%q: %s", text, got)
		}
		if got == 0 {
			return
		}
		// Only what says so: nothing but digits, or a date to come.
		trimmed := strings.TrimSpace(text)
		date, err := http.ParseTime(trimmed)
		if strings.Trim(trimmed, "0123456789") != "" && (err != nil || !date.After(noon)) {
			t.Fatalf("%q: %s", text, got)
		}
	})
}
