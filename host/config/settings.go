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
	WebappURL     string // CODA_WEBAPP_URL, https://coda.conductorquantum.com
	WebhookPath   string // CODA_WEBHOOK_PATH
	ConnectPath   string // CODA_CONNECT_PATH
	HeartbeatPath string // CODA_HEARTBEAT_PATH

	// Connecting.
	NodeToken      Secret            // CODA_NODE_TOKEN, one-time
	NodeTokenFile  string            // CODA_NODE_TOKEN_FILE; read into NodeToken
	Fingerprint    string            // CODA_NODE_MACHINE_FINGERPRINT; made by identity when empty
	ConnectTimeout time.Duration     // CODA_NODE_TIMEOUT_SEC, 15 s
	ConnectRetries int               // CODA_NODE_CONNECT_RETRIES, 3 attempts in all
	Headers        map[string]Secret // CODA_NODE_CONNECT_HEADERS, sent to the cloud only

	// Callbacks.
	CallbackOrigins []string // CODA_CALLBACK_ORIGINS, beside the cloud's own: "https://example.com"

	// The tunnel.
	VPN VPN

	// Serving.
	Host              string        // CODA_HOST, 0.0.0.0
	Port              int           // CODA_PORT, 8080
	DrainTimeout      time.Duration // CODA_SHUTDOWN_DRAIN_TIMEOUT_SEC, 30 s
	HeartbeatInterval time.Duration // CODA_HEARTBEAT_INTERVAL_SEC, 30 s

	// The executor.
	Executor        string // CODA_EXECUTOR: a path or a built-in's name
	ExecutorFactory string // CODA_EXECUTOR_FACTORY: the older name
	DeviceConfig    string // CODA_DEVICE_CONFIG, else ./site/device.toml or ./site/device.yaml

	Log Log

	// Where state is kept: CODA_STATE_DIR, else $STATE_DIRECTORY, else
	// $XDG_STATE_HOME/coda, else ~/.local/state/coda.
	StateDir string

	// Provenance is remembered between runs; no variable sets it.
	Provenance Provenance

	// Warnings are for the operator's log: what Load passed over or decided.
	Warnings []string
}

// Log is what a node's log looks like.
type Log struct {
	Format string // CODA_LOG_FORMAT: "text" for people, the default, or "json", a line each
	Level  string // CODA_LOG_LEVEL, the least that is logged: debug, info, the default, warn or error
}

// VPN is what the cloud or the operator says of the tunnel.
type VPN struct {
	Required             bool          // CODA_VPN_REQUIRED, true
	CheckInterval        time.Duration // CODA_VPN_CHECK_INTERVAL_SEC, 10 s
	ProbeTargets         []string      // CODA_VPN_PROBE_TARGETS
	InterfaceHint        string        // CODA_VPN_INTERFACE_HINT
	Auto                 bool          // CODA_NODE_AUTO_VPN, true
	ProfilePath          string        // CODA_NODE_VPN_PROFILE_PATH, in the state directory
	AllowDegradedStartup bool          // CODA_ALLOW_DEGRADED_STARTUP
}

// Provenance is where the credentials in hand came from.
type Provenance struct {
	TokenHash    string // HashToken of the token that was redeemed last
	KeyFromCloud bool   // the cloud sent the private key, not the environment
}

// Defaults are the settings of a node that was told nothing.
func Defaults() Settings {
	return Settings{
		NativeGateSet:     "cz",
		NumQubits:         5,
		WebappURL:         "https://coda.conductorquantum.com",
		WebhookPath:       "/api/internal/qpu/webhook",
		ConnectPath:       "/api/internal/qpu/connect",
		HeartbeatPath:     "/api/internal/qpu/heartbeat",
		ConnectTimeout:    15 * time.Second,
		ConnectRetries:    3,
		VPN:               VPN{Required: true, CheckInterval: 10 * time.Second, Auto: true},
		Host:              "0.0.0.0",
		Port:              8080,
		DrainTimeout:      30 * time.Second,
		HeartbeatInterval: 30 * time.Second,
		Log:               Log{Format: "text", Level: "info"},
	}
}
