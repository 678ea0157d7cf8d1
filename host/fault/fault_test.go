package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/conductorquantum/coda/host/fault"
)

func TestFamily(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   fault.Error
		text  string
		retry bool
	}{
		{&fault.ConfigError{Where: "CODA_PORT", Reason: "must be a number"}, "CODA_PORT: must be a number", false},
		{&fault.AuthError{Reason: "the private key is damaged"}, "authentication: the private key is damaged", false},
		{&fault.VPNError{Reason: "no tunnel", Retry: true}, "vpn: no tunnel", true},
		{&fault.NodeError{Op: "connect", Err: io.EOF, Retry: true}, "connect: EOF", true},
		{&fault.HeartbeatRejectedError{Status: 400, Detail: "edges"}, "HTTP 400 from heartbeat endpoint: edges", false},
		{&fault.HeartbeatRejectedError{Status: 503, Detail: "later"}, "HTTP 503 from heartbeat endpoint: later", true},
		{&fault.WebhookError{URL: "https://example.com", Status: 422, Reason: "refused"}, "webhook https://example.com: HTTP 422: refused", false},
		{&fault.ExecutorError{Executor: "e", Cause: fault.Limit, Reason: "too long"}, "executor e: limit: too long", false},
		{&fault.ExecutorError{Executor: "e", Cause: fault.Lost, Reason: "killed"}, "executor e: lost: killed", true},
		{&fault.ExecutorError{Executor: "e", Cause: 99}, "executor e: unknown", false},
	} {
		if got := tt.err.Error(); got != tt.text {
			t.Errorf("says %q, want %q", got, tt.text)
		}
		found, ok := errors.AsType[fault.Error](fmt.Errorf("wrapped: %w", tt.err))
		if !ok || found.CanRetry() != tt.retry {
			t.Errorf("%s: found %t, retry %t, want %t", tt.text, ok, found.CanRetry(), tt.retry)
		}
	}
	if !errors.Is(&fault.NodeError{Err: io.EOF}, io.EOF) {
		t.Error("the cause is lost")
	}
}
