package provision_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/provision"
)

// row is one line of the case file. Where a row is marked as a quirk, its safer
// members replace the others.
type row struct {
	ID            string
	Bundle        json.RawMessage
	Prior         map[string]json.RawMessage
	OK            bool
	Expect        map[string]json.RawMessage
	Why           string
	Effects       map[string]bool
	TunnelPresent bool `json:"tunnel_present"`
	Quirk         bool
	SaferOK       bool                       `json:"safer_ok"`
	SaferExpect   map[string]json.RawMessage `json:"safer_expect"`
	SaferEffects  map[string]bool            `json:"safer_effects"`
}

func rows(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("testdata/bundles.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var list []row
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Quirk {
			r.OK = r.SaferOK
			r.Expect = overlay(r.Expect, r.SaferExpect)
			r.Effects = overlay(r.Effects, r.SaferEffects)
		}
		list = append(list, r)
	}
	return list
}

func overlay[V any](under, over map[string]V) map[string]V {
	all := map[string]V{}
	maps.Copy(all, under)
	maps.Copy(all, over)
	return all
}

// settings are those before a connect, all others at their defaults.
func (r *row) settings(t *testing.T) config.Settings {
	t.Helper()
	environ := []string{"CODA_STATE_DIR=" + t.TempDir()}
	for key, raw := range r.Prior {
		text, _ := config.PersistedText(raw)
		environ = append(environ, "CODA_"+strings.ToUpper(key)+"="+text)
	}
	s, err := config.Load(environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBundleCases(t *testing.T) {
	t.Parallel()
	list := rows(t)
	if len(list) != 51 {
		t.Fatalf("%d rows, want 51", len(list))
	}
	for _, r := range list {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			prior := r.settings(t)
			before := fmt.Sprintf("%+v%s%s", prior, string(prior.JWTPrivateKey), string(prior.RedisURL))
			judged := 0
			b, err := provision.Apply(prior, r.Bundle, func(string) error {
				judged++
				if r.Why == "forbidden directive" { // the verdict itself is the tunnel's to give
					return errors.New("line 2: up")
				}
				return nil
			})
			if after := fmt.Sprintf("%+v%s%s", prior, string(prior.JWTPrivateKey), string(prior.RedisURL)); after != before {
				t.Error("the settings given were changed")
			}
			if r.OK != (err == nil) {
				t.Fatalf("got %v, want ok %v (%s)", err, r.OK, r.Why)
			}
			if err != nil {
				if _, ok := errors.AsType[*fault.NodeError](err); !ok {
					t.Errorf("an error of another kind: %v", err)
				}
				if b.Profile != "" || b.Settings.NodeToken != "" {
					t.Error("a refused bundle left a trace")
				}
			}
			if got := b.Profile != ""; got != r.Effects["profile_written"] {
				t.Errorf("profile to be written: %v", got)
			}
			if got := b.Profile != "" && !r.TunnelPresent; got != r.Effects["openvpn_started"] {
				t.Errorf("OpenVPN to be started: %v", got)
			}
			if b.Profile != "" && judged != 1 {
				t.Errorf("the profile was judged %d times", judged)
			}
			for key, raw := range r.Expect {
				want, _ := config.PersistedText(raw)
				if got := field(t, &b.Settings, key); !same(got, want) {
					t.Errorf("%s = %q, want %q (%s)", key, got, want, r.Why)
				}
			}
		})
	}
}

// same compares texts, lists without regard to blanks.
func same(got, want string) bool {
	var a, b []string
	if json.Unmarshal([]byte(got), &a) == nil && json.Unmarshal([]byte(want), &b) == nil {
		return slices.Equal(a, b)
	}
	return got == want
}

func field(t *testing.T, s *config.Settings, key string) string {
	t.Helper()
	switch key {
	case "connect_url":
		return s.ConnectURL()
	case "heartbeat_url":
		return s.HeartbeatURL()
	case "vpn_probe_urls":
		text, _ := json.Marshal(s.ProbeURLs())
		return string(text)
	case "jwt_private_key":
		return string(s.JWTPrivateKey)
	case "redis_url":
		return string(s.RedisURL)
	}
	for _, v := range config.Variables() {
		if v.Key == key {
			return v.Text(s)
		}
	}
	t.Fatalf("no setting %s", key)
	return ""
}

const key = `-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n`

// bundle is a good answer, with members replaced by name ("" removes one).
func bundle(t *testing.T, changes map[string]string) []byte {
	t.Helper()
	m := map[string]json.RawMessage{
		"qpu_id": json.RawMessage(`"my-qpu"`), "native_gate_set": json.RawMessage(`"cz"`), "num_qubits": json.RawMessage(`5`),
		"jwt_private_key": json.RawMessage(`"` + key + `"`), "jwt_key_id": json.RawMessage(`"k1"`),
		"redis_url": json.RawMessage(`"rediss://default:SECRET@redis.example.com:6379"`), "cloud_base_url": json.RawMessage(`"https://cloud.example.com"`),
		"vpn": json.RawMessage(`{"required": false, "interface_hint": null, "check_interval_sec": null, "probe_targets": [], "client_profile_ovpn": null}`),
	}
	for name, raw := range changes {
		m[name] = json.RawMessage(raw)
		if raw == "" {
			delete(m, name)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What the case file does not hold: the safer behaviours of the register.
func TestBundleMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		changes map[string]string
		want    map[string]string // settings, or "error": part of the text
	}{
		{"Q21 a boolean is no integer", map[string]string{"num_qubits": "true"}, map[string]string{"error": "num_qubits"}},
		{"Q21 zero qubits", map[string]string{"num_qubits": "0"}, map[string]string{"error": "num_qubits"}},
		{"Q21 51 qubits", map[string]string{"num_qubits": "51"}, map[string]string{"error": "num_qubits"}},
		{"null qubits", map[string]string{"num_qubits": "null"}, map[string]string{"error": "num_qubits"}},
		{"an exponent", map[string]string{"num_qubits": "5e0"}, map[string]string{"error": "num_qubits"}},
		{"50 qubits", map[string]string{"num_qubits": "50"}, map[string]string{"num_qubits": "50"}},
		{"Q22 a null webapp_url hides nothing", map[string]string{"webapp_url": "null"}, map[string]string{"webapp_url": "https://cloud.example.com"}},
		{"Q22 nor does an empty one", map[string]string{"webapp_url": `""`}, map[string]string{"webapp_url": "https://cloud.example.com"}},
		{"Q23 not http", map[string]string{"cloud_base_url": `"ftp://cloud.example.com"`}, map[string]string{"error": "cloud_base_url is not an http"}},
		{"Q24 an absent hint keeps", map[string]string{"vpn": `{"required": false}`}, map[string]string{"vpn_interface_hint": "tun7", "vpn_probe_targets": `["https://old.example.com"]`}},
		{"Q24 null and [] clear", nil, map[string]string{"vpn_interface_hint": "", "vpn_probe_targets": ""}},
		{"Q24 null targets clear", map[string]string{"vpn": `{"required": false, "probe_targets": null}`}, map[string]string{"vpn_probe_targets": ""}},
		{"targets of another type stay", map[string]string{"vpn": `{"required": false, "probe_targets": ["a", 1]}`}, map[string]string{"vpn_probe_targets": `["https://old.example.com"]`}},
		{"targets with null stay", map[string]string{"vpn": `{"required": false, "probe_targets": [null]}`}, map[string]string{"vpn_probe_targets": `["https://old.example.com"]`}},
		{"Q31 a hint that is no name", map[string]string{"vpn": `{"required": false, "interface_hint": "up; reboot"}`}, map[string]string{"error": "interface_hint"}},
		{"no VPN object", map[string]string{"vpn": ""}, map[string]string{"vpn_interface_hint": "tun7"}},
		{"display name of another type", map[string]string{"qpu_display_name": "7"}, map[string]string{"error": "qpu_display_name must be a string"}},
		{"false display name", map[string]string{"qpu_display_name": "false", "qpu_label": `"L"`}, map[string]string{"qpu_display_name": "L"}},
		{"zero display name", map[string]string{"qpu_display_name": "0.0"}, map[string]string{"qpu_display_name": ""}},
		{"control characters in the id", map[string]string{"qpu_id": `"a\nb"`}, map[string]string{"error": "qpu_id"}},
		{"names are exact", map[string]string{"qpu_id": "", "QPU_ID": `"x"`}, map[string]string{"error": "qpu_id is missing"}},
		{"a Redis URL of another kind", map[string]string{"redis_url": `"http://SECRET@redis.example.com"`}, map[string]string{"error": "redis_url must start with"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			prior := config.Defaults()
			prior.VPN.InterfaceHint, prior.VPN.ProbeTargets = "tun7", []string{"https://old.example.com"}
			b, err := provision.Apply(prior, bundle(t, tt.changes), nil)
			if reason, fails := tt.want["error"]; fails {
				if err == nil || !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "SECRET") {
					t.Fatalf("got %v, want %q", err, reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range tt.want {
				if got := field(t, &b.Settings, key); got != want {
					t.Errorf("%s = %q, want %q", key, got, want)
				}
			}
			if !b.Settings.Provenance.KeyFromCloud {
				t.Error("the key's origin is not remembered")
			}
		})
	}
}

// Q25: a profile that comes without the requirement starts nothing.
func TestAProfileIsUsedOnlyWhereRequired(t *testing.T) {
	t.Parallel()
	for required, want := range map[string]string{"true": "client\n", "false": ""} {
		b, err := provision.Apply(config.Defaults(), bundle(t, map[string]string{
			"vpn": `{"required": ` + required + `, "client_profile_ovpn": "client\n"}`,
		}), nil)
		if err != nil || b.Profile != want {
			t.Errorf("required %s: profile %q, %v", required, b.Profile, err)
		}
	}
}

func FuzzApply(f *testing.F) {
	text, err := os.ReadFile("testdata/bundles.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(r.Bundle))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := provision.Apply(config.Defaults(), body, nil)
		if err != nil {
			if _, ok := errors.AsType[*fault.NodeError](err); !ok {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		s := b.Settings
		if s.QPUID == "" || s.JWTPrivateKey == "" || s.JWTKeyID == "" || s.RedisURL == "" || s.NumQubits < 1 || s.NumQubits > 50 ||
			s.VPN.CheckInterval <= 0 || s.VPN.Required && s.VPN.Auto && b.Profile == "" && bytes.Contains(body, []byte(`"vpn":{`)) {
			t.Fatalf("%+v from %s", s, body)
		}
	})
}
