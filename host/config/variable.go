package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Variable is one setting as the outside knows it.
type Variable struct {
	Key       string // "redis_url": in files; in the environment CODA_REDIS_URL
	Help      string
	Persisted bool // kept between runs, and filled in where the environment says nothing

	min, max int  // of a number; durations count in seconds
	path     bool // names a file or a folder
	field    func(*Settings) any
	check    func(*Settings) error
}

// Name is the variable's name in the environment.
func (v *Variable) Name() string { return prefix + strings.ToUpper(v.Key) }

// Default is the text form of the setting's default, empty where it has none.
func (v *Variable) Default() string {
	s := Defaults()
	return v.Text(&s)
}

// Text is the setting as people may see it; a secret that is set shows as
// "[redacted]".
func (v *Variable) Text(s *Settings) string {
	switch field := v.field(s).(type) {
	case *Secret:
		if *field == "" {
			return ""
		}
		return field.String()
	case *time.Duration:
		return fmt.Sprint(int(field.Seconds()))
	case *[]string:
		if len(*field) == 0 {
			return ""
		}
		return string(encode(*field))
	case *map[string]Secret:
		if len(*field) == 0 {
			return ""
		}
		return string(encode(*field))
	case *string:
		return *field
	case *int:
		return fmt.Sprint(*field)
	case *bool:
		return fmt.Sprint(*field)
	}
	return ""
}

const (
	prefix     = "CODA_"
	maxSeconds = math.MaxInt32 // and the bound of counts that need none
)

// Variables is every setting that the environment and files may hold. Loading,
// persisting and the documents all follow this one list.
func Variables() []Variable { return variables[:] }

var variables = [...]Variable{
	{Key: "qpu_id", Persisted: true, Help: "QPU identity; names the job stream",
		field: func(s *Settings) any { return &s.QPUID }},
	{Key: "qpu_display_name", Persisted: true, Help: "display name, for people",
		field: func(s *Settings) any { return &s.DisplayName }},
	{Key: "native_gate_set", Persisted: true, Help: "registered gate set",
		field: func(s *Settings) any { return &s.NativeGateSet }},
	{Key: "num_qubits", Persisted: true, Help: "registered size, 1 to 50", min: 1, max: 50,
		field: func(s *Settings) any { return &s.NumQubits }},
	{Key: "jwt_key_id", Persisted: true, Help: "id of the private key",
		field: func(s *Settings) any { return &s.JWTKeyID }},
	{Key: "jwt_private_key", Persisted: true, Help: "RSA private key, PEM, PKCS#1 or PKCS#8",
		field: func(s *Settings) any { return &s.JWTPrivateKey }},
	{Key: "redis_url", Persisted: true, Help: "redis://, rediss:// or unix:// URL of the job queue",
		field: func(s *Settings) any { return &s.RedisURL },
		check: func(s *Settings) error { return CheckRedisURL(s.RedisURL) }},
	{Key: "webapp_url", Persisted: true, Help: "base URL of the cloud",
		field: func(s *Settings) any { return &s.WebappURL },
		check: checkWebapp},
	{Key: "connect_path", Persisted: true, Help: "path of the log-on endpoint",
		field: func(s *Settings) any { return &s.ConnectPath }},
	{Key: "heartbeat_path", Persisted: true, Help: "path of the heartbeat endpoint",
		field: func(s *Settings) any { return &s.HeartbeatPath }},
	{Key: "webhook_path", Persisted: true, Help: "path of the cloud's own callback",
		field: func(s *Settings) any { return &s.WebhookPath }},
	{Key: "vpn_required", Persisted: true, Help: "refuse to run without a tunnel",
		field: func(s *Settings) any { return &s.VPN.Required }},
	{Key: "vpn_check_interval_sec", Persisted: true, Help: "seconds between checks of the tunnel", min: 1, max: maxSeconds,
		field: func(s *Settings) any { return &s.VPN.CheckInterval }},
	{Key: "vpn_interface_hint", Persisted: true, Help: "name of the tunnel's interface",
		field: func(s *Settings) any { return &s.VPN.InterfaceHint }},
	{Key: "vpn_probe_targets", Persisted: true, Help: "URLs that must answer through the tunnel, a JSON array",
		field: func(s *Settings) any { return &s.VPN.ProbeTargets }},
	{Key: "node_auto_vpn", Persisted: true, Help: "let the node write the profile and run OpenVPN",
		field: func(s *Settings) any { return &s.VPN.Auto }},
	{Key: "node_vpn_profile_path", Persisted: true, Help: "where the tunnel's profile is written", path: true,
		field: func(s *Settings) any { return &s.VPN.ProfilePath }},
	{Key: "node_machine_fingerprint", Persisted: true, Help: "this host's identity; made once when empty",
		field: func(s *Settings) any { return &s.Fingerprint }},

	{Key: "node_token", Help: "one-time token of the first log-on",
		field: func(s *Settings) any { return &s.NodeToken },
		check: func(s *Settings) error { return checkToken(s.NodeToken) }},
	{Key: "node_token_file", Help: "file that holds the one-time token", path: true,
		field: func(s *Settings) any { return &s.NodeTokenFile }},
	{Key: "node_timeout_sec", Help: "seconds that one log-on attempt may take", min: 1, max: maxSeconds,
		field: func(s *Settings) any { return &s.ConnectTimeout }},
	{Key: "node_connect_retries", Help: "log-on attempts in all", min: 1, max: maxSeconds,
		field: func(s *Settings) any { return &s.ConnectRetries }},
	{Key: "node_connect_headers", Help: "extra headers to the cloud, a JSON object",
		field: func(s *Settings) any { return &s.Headers }},
	{Key: "callback_origins", Help: "origins beside the cloud's that may receive results, a JSON array",
		field: func(s *Settings) any { return &s.CallbackOrigins },
		check: normalizeOrigins},
	{Key: "allow_degraded_startup", Help: "go on when the tunnel's first check fails",
		field: func(s *Settings) any { return &s.VPN.AllowDegradedStartup }},
	{Key: "host", Help: "address that /health and /ready listen on",
		field: func(s *Settings) any { return &s.Host }},
	{Key: "port", Help: "port that /health and /ready listen on", min: 1, max: 65535,
		field: func(s *Settings) any { return &s.Port }},
	{Key: "shutdown_drain_timeout_sec", Help: "seconds that running jobs get when the node stops", min: 0, max: maxSeconds,
		field: func(s *Settings) any { return &s.DrainTimeout }},
	{Key: "heartbeat_interval_sec", Help: "seconds between heartbeats", min: 1, max: maxSeconds,
		field: func(s *Settings) any { return &s.HeartbeatInterval }},
	{Key: "executor", Help: "the executor: a .wasm file or a built-in's name",
		field: func(s *Settings) any { return &s.Executor }},
	{Key: "executor_factory", Help: "older name of executor: a .wasm file",
		field: func(s *Settings) any { return &s.ExecutorFactory }},
	{Key: "device_config", Help: "device file; default ./site/device.toml, else ./site/device.yaml", path: true,
		field: func(s *Settings) any { return &s.DeviceConfig }},
	{Key: "state_dir", Help: "private directory of what the node remembers", path: true,
		field: func(s *Settings) any { return &s.StateDir }},
	{Key: "log_format", Help: "the log's form: text for people, or json, a line each",
		field: func(s *Settings) any { return &s.Log.Format },
		check: func(s *Settings) error { return oneOf(&s.Log.Format, LogFormats, Defaults().Log.Format) }},
	{Key: "log_level", Help: "least level that is logged: debug, info, warn or error",
		field: func(s *Settings) any { return &s.Log.Level },
		check: func(s *Settings) error { return oneOf(&s.Log.Level, LogLevels, Defaults().Log.Level) }},
}

// LogFormats and LogLevels are what a Log may say.
var (
	LogFormats = []string{"text", "json"}
	LogLevels  = []string{"debug", "info", "warn", "error"}
)

// known are names that mean something but set no field: the file of settings,
// and one that older nodes read and never used.
var known = []string{keyConfigFile, "advertised_provider"}

const keyConfigFile = "config"

func keys() []string {
	list := make([]string, 0, len(variables)+len(known))
	for i := range variables {
		list = append(list, variables[i].Key)
	}
	return append(list, known...)
}

// oneOf asks for one of some words, whose case does not matter. Another one is
// replaced, so that the error itself can be logged.
func oneOf(field *string, words []string, otherwise string) error {
	word, last := strings.ToLower(*field), len(words)-1
	if slices.Contains(words, word) {
		*field = word
		return nil
	}
	err := fmt.Errorf("%s is none of %s and %s", quote(*field), strings.Join(words[:last], ", "), words[last])
	*field = otherwise
	return err
}

// checkWebapp drops a URL that cannot be used, since it may hold a password and is
// shown everywhere.
func checkWebapp(s *Settings) error {
	err := CheckHTTPURL(s.WebappURL)
	if err != nil {
		s.WebappURL = ""
	}
	return err
}

func checkToken(token Secret) error {
	if strings.TrimSpace(string(token)) == "" {
		return errors.New("holds only blanks; unset it, or set it to the token")
	}
	if strings.ContainsFunc(string(token), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("holds blanks or characters that no token has")
	}
	return nil
}

func normalizeOrigins(s *Settings) error {
	origins := make([]string, len(s.CallbackOrigins))
	for i, raw := range s.CallbackOrigins {
		if err := checkOrigin(raw); err != nil {
			return fmt.Errorf("entry %d %w", i+1, err)
		}
		origins[i], _ = Origin(raw)
	}
	s.CallbackOrigins = origins
	return nil
}
