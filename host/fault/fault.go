// Package fault is the family of errors that a node expects: seven kinds that
// errors.As finds as one, each knowing whether trying again can help.
//
// A message says what was wrong, where, and what to do. None carries a secret.
package fault

import (
	"fmt"
	"strings"
	"time"
)

// Error is implemented by every kind of the family, as a pointer.
type Error interface {
	error
	// CanRetry reports whether the same attempt may succeed later.
	CanRetry() bool
	family()
}

// ConfigError is a setting, or a file of settings, that cannot be used.
type ConfigError struct {
	Where  string // the variable, or file and dotted field: "device.toml: limits.memory"
	Reason string // what is wrong and what to do; never a secret's value
	Err    error
}

// AuthError is a credential that is missing, unusable or refused.
type AuthError struct {
	Reason string
	Err    error
}

// VPNError is a tunnel that is not there or may not be made.
type VPNError struct {
	Reason string
	Retry  bool
	Err    error
}

// NodeError is a failure between this node and the cloud, or on this machine.
type NodeError struct {
	Op     string // "connect", "state"
	Reason string
	Retry  bool
	Err    error
}

// HeartbeatRejectedError is an answer other than 2xx to a heartbeat.
type HeartbeatRejectedError struct {
	Status int
	Detail string // at most 800 characters of the cloud's own words
}

// WebhookError is a result that one POST did not deliver.
type WebhookError struct {
	URL        string // without userinfo and query
	Status     int    // 0 when no answer came
	Retry      bool
	Next       Disposition   // what is to follow
	RetryAfter time.Duration // what the receiver asked for; 0 if nothing
	Reason     string
	Err        error
}

func (e *ConfigError) Error() string { return join(e.Where, e.Reason, e.Err) }
func (e *AuthError) Error() string   { return join("authentication", e.Reason, e.Err) }
func (e *VPNError) Error() string    { return join("vpn", e.Reason, e.Err) }
func (e *NodeError) Error() string   { return join(e.Op, e.Reason, e.Err) }
func (e *HeartbeatRejectedError) Error() string {
	return fmt.Sprintf("HTTP %d from heartbeat endpoint: %s", e.Status, e.Detail)
}
func (e *WebhookError) Error() string {
	where := "webhook " + e.URL
	if e.Status != 0 {
		where += fmt.Sprintf(": HTTP %d", e.Status)
	}
	return join(where, e.Reason, e.Err)
}

func (e *ConfigError) CanRetry() bool            { return false }
func (e *AuthError) CanRetry() bool              { return false }
func (e *VPNError) CanRetry() bool               { return e.Retry }
func (e *NodeError) CanRetry() bool              { return e.Retry }
func (e *HeartbeatRejectedError) CanRetry() bool { return e.Status >= 500 || e.Status == 429 }
func (e *WebhookError) CanRetry() bool           { return e.Retry }

func (e *ConfigError) Unwrap() error  { return e.Err }
func (e *AuthError) Unwrap() error    { return e.Err }
func (e *VPNError) Unwrap() error     { return e.Err }
func (e *NodeError) Unwrap() error    { return e.Err }
func (e *WebhookError) Unwrap() error { return e.Err }

func (*ConfigError) family()            {}
func (*AuthError) family()              {}
func (*VPNError) family()               {}
func (*NodeError) family()              {}
func (*HeartbeatRejectedError) family() {}
func (*WebhookError) family()           {}

// join writes "where: reason: cause" without the parts that are empty.
func join(where, reason string, cause error) string {
	parts := make([]string, 0, 3)
	for _, s := range []string{where, reason} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if cause != nil {
		parts = append(parts, cause.Error())
	}
	return strings.Join(parts, ": ")
}
