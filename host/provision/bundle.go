package provision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// Bundle is what the cloud's answer to a connect request leads to.
type Bundle struct {
	Settings config.Settings // complete and validated

	// Profile is the tunnel's configuration, for the node to write and to run
	// OpenVPN with; "" where it is not to manage a tunnel.
	Profile string
}

// Apply reads the answer to a connect request and returns the settings that it
// leads to. The settings given stay as they are: either the whole bundle holds
// or nothing of it counts. checkProfile judges the profile of a tunnel that the
// node is to manage; nil accepts every one.
//
// The error is a *fault.NodeError that names the member and never shows a
// secret.
func Apply(settings config.Settings, body []byte, checkProfile func(profile string) error) (Bundle, error) {
	b := Bundle{Settings: settings}
	m, err := decode(body)
	if err != nil {
		return Bundle{}, bad(err)
	}
	if err := b.identity(m); err != nil {
		return Bundle{}, bad(err)
	}
	if err := b.cloud(m); err != nil {
		return Bundle{}, bad(err)
	}
	if err := b.tunnel(m, checkProfile); err != nil {
		return Bundle{}, bad(err)
	}
	return b, nil
}

// identity takes who the node is and the key that it signs with.
func (b *Bundle) identity(m members) (err error) {
	s := &b.Settings
	if s.QPUID, err = m.name("qpu_id"); err != nil {
		return err
	}
	if s.DisplayName, err = m.displayName(); err != nil {
		return err
	}
	if s.NativeGateSet, err = m.required("native_gate_set"); err != nil {
		return err
	}
	if m.has("num_qubits") {
		n, ok := m.integer("num_qubits")
		if !ok || n < 1 || n > 50 {
			return errors.New("num_qubits must be an integer from 1 to 50")
		}
		s.NumQubits = n
	}
	if key := m.text("jwt_private_key"); key != "" {
		s.JWTPrivateKey = config.Secret(key)
		s.Provenance.KeyFromCloud = true
	}
	if s.JWTPrivateKey == "" {
		return errors.New("jwt_private_key is missing, and no key is held")
	}
	if id := m.text("jwt_key_id"); id != "" {
		s.JWTKeyID = id
	}
	if s.JWTKeyID == "" {
		return errors.New("jwt_key_id is missing, and no key id is held")
	}
	return nil
}

// cloud takes where jobs come from and where reports go.
func (b *Bundle) cloud(m members) error {
	s := &b.Settings
	url, err := m.required("redis_url")
	if err != nil {
		return err
	}
	s.RedisURL = config.Secret(url)
	if err := config.CheckRedisURL(s.RedisURL); err != nil {
		return fmt.Errorf("redis_url %w", err)
	}
	base := "webapp_url"
	if s.WebappURL = m.text(base); s.WebappURL == "" {
		base = "cloud_base_url"
		if s.WebappURL, err = m.required(base); err != nil {
			return err
		}
	}
	if err := config.CheckHTTPURL(s.WebappURL); err != nil {
		return fmt.Errorf("%s %w", base, err)
	}
	for member, field := range map[string]*string{
		"connect_path": &s.ConnectPath, "heartbeat_path": &s.HeartbeatPath, "webhook_path": &s.WebhookPath,
	} {
		if path := m.text(member); path != "" {
			*field = path
		}
	}
	return nil
}

// interfaceName is what a hint may be: it ends up in front of the operating
// system.
var interfaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`)

// tunnel takes what the cloud says of the VPN. An absent member keeps what is
// set; an explicit null hint or empty list clears it.
func (b *Bundle) tunnel(m members, checkProfile func(string) error) error {
	vpn, ok := m.object("vpn")
	if !ok {
		return nil
	}
	s := &b.Settings.VPN
	if required, ok := vpn.boolean("required"); ok {
		s.Required = required
	}
	switch hint, isText := vpn.optionalText("interface_hint"); {
	case vpn.isNull("interface_hint"), isText && hint == "":
		s.InterfaceHint = ""
	case isText && !interfaceName.MatchString(hint):
		return errors.New("vpn.interface_hint is not the name of a network interface")
	case isText:
		s.InterfaceHint = hint
	}
	const day = 24 * 60 * 60
	if seconds, ok := vpn.integer("check_interval_sec"); ok && seconds >= 1 && seconds <= day {
		s.CheckInterval = time.Duration(seconds) * time.Second
	}
	if targets, ok := vpn.texts("probe_targets"); ok {
		s.ProbeTargets = targets
	} else if vpn.isNull("probe_targets") {
		s.ProbeTargets = nil
	}
	profile := vpn.text("client_profile_ovpn")
	if !s.Required {
		return nil // a profile that came along is not used
	}
	if profile == "" {
		return errors.New("vpn.client_profile_ovpn is missing, although vpn.required is true")
	}
	if !s.Auto {
		return nil // the operator runs the tunnel
	}
	if checkProfile != nil {
		if err := checkProfile(profile); err != nil {
			return fmt.Errorf("vpn.client_profile_ovpn: %w", err)
		}
	}
	b.Profile = profile
	return nil
}

func bad(err error) error {
	return &fault.NodeError{Op: "connect", Reason: "the cloud's answer cannot be used", Err: err}
}

// members are those of a JSON object, by their exact names.
type members map[string]json.RawMessage

func decode(body []byte) (members, error) {
	var m members
	if err := json.Unmarshal(body, &m); err != nil {
		if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); wrongType {
			return nil, errors.New("it is JSON, but not an object")
		}
		return nil, errors.New("it is not JSON")
	}
	if m == nil {
		return nil, errors.New("it is JSON, but not an object")
	}
	return m, nil
}

func (m members) has(name string) bool { _, ok := m[name]; return ok }

func (m members) isNull(name string) bool { return string(m[name]) == "null" }

// text is a non-empty string, or "".
func (m members) text(name string) string {
	text, _ := m.optionalText(name)
	return text
}

func (m members) optionalText(name string) (text string, ok bool) {
	raw := m[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return text, json.Unmarshal(raw, &text) == nil
}

func (m members) required(name string) (string, error) {
	text := m.text(name)
	switch {
	case text != "":
		return text, nil
	case !m.has(name):
		return "", errors.New(name + " is missing")
	}
	return "", errors.New(name + " must be a non-empty string")
}

// name is a required string that becomes part of other names.
func (m members) name(member string) (string, error) {
	text, err := m.required(member)
	if err == nil && bytes.ContainsFunc([]byte(text), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New(member + " holds control characters")
	}
	return text, err
}

// displayName is qpu_display_name or else its older alias; both may be empty.
func (m members) displayName() (string, error) {
	for _, member := range []string{"qpu_display_name", "qpu_label"} {
		if text, ok := m.optionalText(member); ok {
			if text != "" {
				return text, nil
			}
			continue
		}
		switch string(m[member]) {
		case "", "null", "false", "[]", "{}":
		default:
			if n, err := strconv.ParseFloat(string(m[member]), 64); err != nil || n != 0 {
				return "", errors.New(member + " must be a string")
			}
		}
	}
	return "", nil
}

// integer is a number written without fraction or exponent.
func (m members) integer(name string) (int, bool) {
	n, err := strconv.ParseInt(string(m[name]), 10, 32)
	return int(n), err == nil
}

func (m members) boolean(name string) (value, ok bool) {
	switch string(m[name]) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

func (m members) object(name string) (members, bool) {
	raw := m[name]
	if len(raw) == 0 || raw[0] != '{' {
		return nil, false
	}
	object, err := decode(raw)
	return object, err == nil
}

// texts is an array of strings, which may be empty.
func (m members) texts(name string) ([]string, bool) {
	raw := m[name]
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	var items []*string
	if json.Unmarshal(raw, &items) != nil {
		return nil, false
	}
	list := make([]string, len(items))
	for i, item := range items {
		if item == nil {
			return nil, false
		}
		list[i] = *item
	}
	return list, true
}
