package identity

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/private"
)

// The files of a state directory.
const (
	configFile      = "coda.config"           // settings and where the key is, JSON
	keyFile         = "coda-private-key"      // PEM
	nextKeyFile     = "coda-private-key.next" // a key whose config is being written
	fingerprintFile = "coda-fingerprint"      // this machine's identity
	nodeIDFile      = "coda-node-id"          // and that of the node among others on it
)

// Members of the config file that are no settings.
const (
	memberKeyPath     = "jwt_private_key_path"
	memberProfilePath = "node_vpn_profile_path"
	memberKeyDigest   = "jwt_private_key_sha256"
	memberFromCloud   = "jwt_private_key_from_cloud"
	memberTokenHash   = "node_token_hash"
)

const maxStateFile = 1 << 20

// Store keeps credentials in a private directory. Its errors are
// *fault.ConfigError on reading, *fault.NodeError on writing; none shows what a
// file holds.
type Store struct{ dir string }

// NewStore keeps its files in dir, which need not exist yet.
func NewStore(dir string) *Store { return &Store{dir: dir} }

// Held reads the credentials in a state directory, for config.Load.
func Held(dir string) (config.Persisted, error) { return NewStore(dir).Load() }

// Load reads what Save wrote. Where nothing was saved there are no values and
// no error. A file that others could have read or written is refused.
func (s *Store) Load() (config.Persisted, error) {
	path := s.path(configFile)
	persisted := config.Persisted{File: path, Values: map[string]string{}}
	text, err := s.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return persisted, nil
	}
	if err != nil {
		return persisted, &fault.ConfigError{Where: path, Reason: "cannot be used", Err: err}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return persisted, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return persisted, &fault.ConfigError{Where: path,
			Reason: "is not a JSON object; restore it, or remove it and connect with a new token"}
	}
	for _, v := range config.Variables() {
		raw, ok := members[v.Key]
		if !v.Persisted || !ok || v.Key == "jwt_private_key" { // the key has a file of its own
			continue
		}
		if value, ok := config.PersistedText(raw); ok {
			persisted.Values[v.Key] = value
		}
	}
	persisted.Provenance = config.Provenance{
		TokenHash:    member[string](members, memberTokenHash),
		KeyFromCloud: member[bool](members, memberFromCloud),
	}
	key, err := s.loadKey(member[string](members, memberKeyPath), member[string](members, memberKeyDigest))
	if err != nil {
		return persisted, err
	}
	if key != "" {
		persisted.Values["jwt_private_key"] = key
	}
	return persisted, nil
}

// Save keeps the settings that are to outlive this run, and their private key.
// Whenever the machine stops, the pair of them is the old one or the new one.
func (s *Store) Save(settings config.Settings) error {
	if err := s.save(settings); err != nil {
		return &fault.NodeError{Op: "state", Reason: "cannot keep the credentials in " + s.dir, Err: err}
	}
	return nil
}

// save writes the key under another name first. The config names the digest of
// its key, so the moment that the config is replaced both are new.
func (s *Store) save(settings config.Settings) error {
	if err := s.saveKey([]byte(settings.JWTPrivateKey)); err != nil {
		return err
	}
	text, err := s.encode(settings)
	if err != nil {
		return err
	}
	if err := writeAtomic(s.path(configFile), text); err != nil {
		return err
	}
	return s.finish()
}

// saveKey writes the key beside the held one, whose config still counts.
func (s *Store) saveKey(key []byte) error {
	if err := private.MakeDir(s.dir); err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	return writeAtomic(s.path(nextKeyFile), key)
}

// finish gives the waiting key its name, if it is the one that the config speaks
// of: at the end of a save, or before the next one where a crash came between.
func (s *Store) finish() error {
	var members map[string]json.RawMessage
	if text, err := s.read(s.path(configFile)); err == nil {
		_ = json.Unmarshal(text, &members) // what is damaged names no key
	}
	if next, err := s.read(s.path(nextKeyFile)); err == nil && digest(next) == member[string](members, memberKeyDigest) {
		return rename(s.path(nextKeyFile), s.path(keyFile))
	}
	return nil
}

// encode is the config file: JSON, two blanks, the settings in their order and
// then what older nodes ignore.
func (s *Store) encode(settings config.Settings) ([]byte, error) {
	members := settings.Persist()
	for i := range members {
		if members[i].Key == "jwt_private_key" {
			members[i] = config.Setting{Key: memberKeyPath, Value: s.path(keyFile)}
		}
	}
	members = append(members,
		config.Setting{Key: memberKeyDigest, Value: digest([]byte(settings.JWTPrivateKey))},
		config.Setting{Key: memberFromCloud, Value: settings.Provenance.KeyFromCloud},
		config.Setting{Key: memberTokenHash, Value: settings.Provenance.TokenHash})
	compact := []byte("{")
	for i, m := range members {
		value, err := json.Marshal(m.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Key, err)
		}
		if i > 0 {
			compact = append(compact, ',')
		}
		compact = fmt.Appendf(compact, "%q:%s", m.Key, value)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, append(compact, '}'), "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// loadKey reads the key that the config speaks of, which after a crash may
// still stand under its first name. Without a digest, as older nodes write it,
// the file is taken as it is. No file at all is no key.
func (s *Store) loadKey(path, want string) (string, error) {
	if path == "" {
		path = s.path(keyFile)
	}
	foreign := ""
	for _, path := range []string{path, s.path(nextKeyFile)} {
		text, err := s.read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", &fault.ConfigError{Where: path, Reason: "cannot be used", Err: err}
		}
		if want == "" || digest(text) == want {
			return string(text), nil
		}
		foreign = path
	}
	if foreign != "" {
		return "", &fault.ConfigError{Where: foreign,
			Reason: "is not the key that " + configFile + " was saved with; restore both, or remove both and connect with a new token"}
	}
	return "", nil
}

// Fingerprint is this machine's identity for the cloud. It is made once and
// kept, so that it stays the same however often the node starts.
func (s *Store) Fingerprint() (string, error) {
	return s.kept(fingerprintFile, "this machine's fingerprint", machine)
}

// NodeID tells this state directory's node from others that have the machine's
// fingerprint too: those with other state directories, and those of copies of the
// machine. It is made once, at random.
func (s *Store) NodeID() (string, error) {
	return s.kept(nodeIDFile, "this node's id", func() string { return strings.ToLower(rand.Text()[:8]) })
}

// kept is the text of a file, which is made where it is missing.
func (s *Store) kept(name, what string, make func() string) (string, error) {
	path := s.path(name)
	text, err := s.read(path)
	if kept := bytes.TrimSpace(text); err == nil && len(kept) > 0 {
		if !utf8.Valid(kept) || bytes.ContainsFunc(kept, unicode.IsControl) {
			return "", &fault.ConfigError{Where: path,
				Reason: "is damaged; restore it, or remove it: another one is made, which the cloud may take for another machine"}
		}
		return string(kept), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", &fault.ConfigError{Where: path, Reason: "cannot be used", Err: err}
	}
	made := make()
	if err := private.MakeDir(s.dir); err != nil {
		return "", &fault.NodeError{Op: "state", Reason: "cannot keep " + what + " in " + s.dir, Err: err}
	}
	if err := writeAtomic(path, []byte(made+"\n")); err != nil {
		return "", &fault.NodeError{Op: "state", Reason: "cannot keep " + what, Err: err}
	}
	return made, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) read(path string) ([]byte, error) {
	if filepath.Dir(path) == s.dir {
		if err := private.CheckDir(s.dir); err != nil {
			return nil, err
		}
	}
	return ReadFile(path)
}

func member[T any](members map[string]json.RawMessage, key string) T {
	var value T
	if raw, ok := members[key]; ok {
		_ = json.Unmarshal(raw, &value) // another type counts as absent
	}
	return value
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
