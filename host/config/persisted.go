package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/fault"
)

// Persisted is what an earlier connect left on disk.
type Persisted struct {
	File       string            // where it was read from, for messages
	Values     map[string]string // by key, as an environment variable would hold them
	Provenance Provenance
	Warning    string // for the operator, of what was found and not used
}

// HashToken is how a redeemed token is remembered: enough to know it again,
// useless to whoever reads it.
func HashToken(token Secret) string {
	sum := sha256.Sum256([]byte("coda node token\x00" + string(token)))
	return hex.EncodeToString(sum[:])
}

// Persist gives the settings that are kept between runs, in the order of the
// file, as values for encoding/json. An unset hint is nil. The private key is
// among them and is the caller's to keep apart.
func (s *Settings) Persist() []Setting {
	var list []Setting
	for i := range variables {
		v := &variables[i]
		if !v.Persisted {
			continue
		}
		setting := Setting{Key: v.Key}
		switch field := v.field(s).(type) {
		case *Secret:
			setting.Value = string(*field)
		case *time.Duration:
			setting.Value = int(field.Seconds())
		case *[]string:
			setting.Value = append([]string{}, *field...)
		case *string:
			setting.Value = *field
			if v.Key == "vpn_interface_hint" && *field == "" {
				setting.Value = nil
			}
		case *int:
			setting.Value = *field
		case *bool:
			setting.Value = *field
		}
		list = append(list, setting)
	}
	return list
}

// Setting is one persisted setting and its value.
type Setting struct {
	Key   string
	Value any
}

// PersistedText turns a JSON value of a persisted file into the text that an
// environment variable would hold. ok is false for null, which means absent.
func PersistedText(raw json.RawMessage) (text string, ok bool) {
	if string(raw) == "null" {
		return "", false
	}
	if err := json.Unmarshal(raw, &text); err == nil {
		return text, true
	}
	return string(raw), true
}

// fillIn takes what was held for the settings that neither the environment nor
// a file defines.
func (s *Settings) fillIn(layers []layer, held func(string) (Persisted, error)) error {
	p, err := held(s.StateDir)
	if p.Warning != "" {
		s.warn("%s", p.Warning)
	}
	if s.NodeToken != "" {
		if err != nil {
			s.warn("what an earlier connect left cannot be read and is ignored, because there is a token: %v", err)
			return nil
		}
		if p.Provenance.TokenHash == "" || p.Provenance.TokenHash != HashToken(s.NodeToken) {
			// A token for a new registration; only this machine's identity stays.
			if s.Fingerprint == "" {
				s.Fingerprint = p.Values["node_machine_fingerprint"]
			}
			return nil
		}
		s.warn("the token was redeemed before; reconnecting with the credentials it gave (unset %s)", s.tokenSource(layers))
		s.NodeToken = ""
	}
	if err != nil {
		return err
	}
	s.Provenance = p.Provenance
	for i := range variables {
		v := &variables[i]
		text, ok := p.Values[v.Key]
		if !v.Persisted || !ok || text == "" || v.definedIn(layers) && !s.cloudsKey(v, text) {
			continue
		}
		if err := v.parse(s, text); err != nil {
			return &fault.ConfigError{Where: p.File + ": " + v.Key,
				Reason: err.Error() + "; correct it there, or set " + v.Name() + ", which counts more"}
		}
	}
	return nil
}

// tokenSource names where the token stands.
func (s *Settings) tokenSource(layers []layer) string {
	key := "node_token"
	if s.NodeTokenFile != "" {
		key = "node_token_file"
	}
	return layers[rank(layers, key)].where(key)
}

// definedIn reports whether a layer sets the variable. A list that is empty or
// null does not count.
func (v *Variable) definedIn(layers []layer) bool {
	for _, l := range layers {
		text, ok := l.values[v.Key]
		if !ok {
			continue
		}
		if _, isList := v.field(&Settings{}).(*[]string); isList {
			list, err := parseList(text)
			return err != nil || len(list) > 0
		}
		return true
	}
	return false
}

// cloudsKey reports whether the held text is part of a key that the cloud sent:
// it outranks an older one that still stands in the environment.
func (s *Settings) cloudsKey(v *Variable, text string) bool {
	if !s.Provenance.KeyFromCloud {
		return false
	}
	switch v.Key {
	case "jwt_private_key":
		if strings.TrimSpace(string(s.JWTPrivateKey)) != strings.TrimSpace(text) {
			s.warn("CODA_JWT_PRIVATE_KEY is not the key that the cloud sent last; using the cloud's (unset it)")
		}
		return true
	case "jwt_key_id":
		return true
	}
	return false
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("config: %v", err)) // strings always encode
	}
	return text
}
