package host

import (
	"testing"
	"testing/synctest"

	"github.com/conductorquantum/coda/host/outbox"
)

// What the operator has sent again is so, also where the clock was set back since it
// was decided: else it is parked once more, unsent.
func TestARetryAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kept := func(t *testing.T, use func(store *outbox.Store) error) {
		t.Helper()
		store, err := openOutbox(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := use(store); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	kept(t, func(store *outbox.Store) error {
		d := outbox.Decision{JobID: "j", MessageID: "1-0", WebhookID: "00000000-0000-5000-8000-000000000000", URL: "https://example.com/hook",
			Kind: outbox.Completed, Body: []byte("{}")}
		if _, err := store.Decide(t.Context(), d); err != nil {
			return err
		}
		if h, err := (decisions{store, dir}).Find("j"); err != nil || h.Resent {
			t.Errorf("sent again before it was parked: %+v, %v", h, err)
		}
		return store.Park(t.Context(), "j", "refused")
	})
	synctest.Test(t, func(t *testing.T) { // where it is the year 2000
		kept(t, func(store *outbox.Store) error {
			if err := store.Retry(t.Context(), "j"); err != nil {
				return err
			}
			h, err := decisions{store, dir}.Find("j")
			if !h.Resent || h.Parked || !h.Published {
				t.Errorf("%+v", h)
			}
			return err
		})
	})
}
