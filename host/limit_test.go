package host_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/outbox"
	"github.com/conductorquantum/coda/host/worker"
)

// The longest that the worker lets pass is the longest that the outbox keeps: what
// it did not keep would be kept in vain for ever.
func TestWhatTheWorkerTakesIsKept(t *testing.T) {
	t.Parallel()
	store, err := outbox.Open(filepath.Join(t.TempDir(), "outbox.db"), outbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, tt := range []struct{ more, id, text int }{{0, worker.MaxJobID, worker.MaxText}, {1, worker.MaxJobID + 1, 1}, {1, 1, worker.MaxText + 1}} {
		_, err := store.Decide(t.Context(), outbox.Decision{
			JobID: strings.Repeat("j", tt.id), MessageID: "1-0", WebhookID: "w", Kind: outbox.Failed,
			URL: strings.Repeat("u", tt.text), Failure: strings.Repeat("f", tt.text), Body: []byte("b"),
		})
		if (tt.more == 0) != (err == nil) || err != nil && !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("an id of %d bytes and texts of %d: %v", tt.id, tt.text, err)
		}
	}
}
