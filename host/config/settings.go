// Package config holds a node's settings: what they are, where they come from
// and what they may be. A Settings is a plain value; whoever holds one may copy
// it, and nothing changes it behind its holder's back.
package config

import "time"

// Settings is all that a node can be told. The field comments name the
// environment variable and the default.
type Settings struct {
	// Identity and cloud.
	QPUID         string // CODA_QPU_ID
	DisplayName   string // CODA_QPU_DISPLAY_NAME
	NativeGateSet string // CODA_NATIVE_GATE_SET, "cz"
	NumQubits     int    // CODA_NUM_QUBITS, 5
	RedisURL      Secret // CODA_REDIS_URL; redis, rediss or unix; may hold a password
	JWTPrivateKey Secret // CODA_JWT_PRIVATE_KEY, PEM
	JWTKeyID      string // CODA_JWT_KEY_ID
	WebappURL     string // CODA_WEBAPP_URL
	WebhookPath   string // CODA_WEBHOOK_PATH
	ConnectPath   string // CODA_CONNECT_PATH
	HeartbeatPath string // CODA_HEARTBEAT_PATH

	// Connecting.
	NodeToken      Secret            // CODA_NODE_TOKEN, one-time
	Fingerprint    string            // CODA_NODE_MACHINE_FINGERPRINT
	ConnectTimeout time.Duration     // CODA_NODE_TIMEOUT_SEC, 15 s
	ConnectRetries int               // CODA_NODE_CONNECT_RETRIES, 3 attempts in all
	Headers        map[string]Secret // CODA_NODE_CONNECT_HEADERS, sent to the cloud only

	// The tunnel.
	VPN VPN

	// Serving.
	Host              string        // CODA_HOST, 0.0.0.0
	Port              int           // CODA_PORT, 8080
	DrainTimeout      time.Duration // CODA_SHUTDOWN_DRAIN_TIMEOUT_SEC, 30 s
	HeartbeatInterval time.Duration // CODA_HEARTBEAT_INTERVAL_SEC, 30 s

	// The executor.
	Executor     string // CODA_EXECUTOR: a path or a built-in's name
	DeviceConfig string // CODA_DEVICE_CONFIG

	// Where state is kept.
	StateDir string // CODA_STATE_DIR
}

// VPN is what the cloud or the operator says of the tunnel.
type VPN struct {
	Required      bool          // CODA_VPN_REQUIRED, true
	CheckInterval time.Duration // CODA_VPN_CHECK_INTERVAL_SEC, 10 s
	ProbeTargets  []string      // CODA_VPN_PROBE_TARGETS
	InterfaceHint string        // CODA_VPN_INTERFACE_HINT
	Auto          bool          // CODA_NODE_AUTO_VPN, true
	ProfilePath   string        // CODA_NODE_VPN_PROFILE_PATH
}

// ConnectURL is where the node logs on.
func (s *Settings) ConnectURL() string { return s.url(s.ConnectPath) }

// HeartbeatURL is where the node reports.
func (s *Settings) HeartbeatURL() string { return s.url(s.HeartbeatPath) }

// WebhookURL is the cloud's own callback, for jobs that name none that may be
// used.
func (s *Settings) WebhookURL() string { return s.url(s.WebhookPath) }
