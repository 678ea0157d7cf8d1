package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/private"
)

// TakeOver moves the credentials that an older node left in a temporary
// directory into the store, once: only where the store holds none, and only if
// both files are ours and closed to everybody else. The key is looked for beside
// the config and nowhere else, whatever path the config names. It reports
// whether anything was taken over; the old files are removed then, since others
// may put their own in their place.
//
// Files that are there but not safe are an error that says what to do.
func (s *Store) TakeOver(tmp string) (bool, error) {
	if _, err := os.Lstat(s.path(configFile)); !errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	oldConfig, oldKey := filepath.Join(tmp, configFile), filepath.Join(tmp, keyFile)
	text, err := s.read(oldConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	unsafe := func(path string, err error) error {
		return &fault.ConfigError{Where: path, Err: err,
			Reason: "an older node's state cannot be taken over; make it safe, or remove it and connect with a new token"}
	}
	if err != nil {
		return false, unsafe(oldConfig, err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return false, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return false, unsafe(oldConfig, errors.New("it is not a JSON object"))
	}
	key, err := s.read(oldKey)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, unsafe(oldKey, err)
	}
	delete(members, memberKeyPath)
	// Nor is the tunnel's profile kept where others may put theirs: the next
	// connect brings it.
	if filepath.Dir(member[string](members, memberProfilePath)) == filepath.Clean(tmp) {
		delete(members, memberProfilePath)
	}
	rewritten, err := json.MarshalIndent(members, "", "  ")
	if err != nil {
		return false, unsafe(oldConfig, err)
	}
	if err := s.adopt(rewritten, key); err != nil {
		return false, &fault.NodeError{Op: "state", Reason: "cannot keep an older node's credentials in " + s.dir, Err: err}
	}
	// What stays behind does no harm: the store now holds its own.
	_ = os.Remove(oldConfig)
	_ = os.Remove(oldKey)
	return true, nil
}

// adopt writes the key first and the config last, as save does.
func (s *Store) adopt(text, key []byte) error {
	if err := private.MakeDir(s.dir); err != nil {
		return err
	}
	if len(key) > 0 {
		if err := writeAtomic(s.path(keyFile), key); err != nil {
			return err
		}
	}
	return writeAtomic(s.path(configFile), append(text, '\n'))
}

// HeldOrTakenOver reads the credentials in a state directory as Held does, after
// taking over what an older node left in the temporary directory. Anybody may
// put files there, so what cannot be taken over is a warning and no error.
func HeldOrTakenOver(dir string) (config.Persisted, error) {
	taken, unsafe := NewStore(dir).TakeOver(os.TempDir())
	held, err := Held(dir)
	switch {
	case unsafe != nil:
		held.Warning = unsafe.Error()
	case taken:
		held.Warning = "the credentials that an older node left in " + os.TempDir() + " were moved to " + dir
	}
	return held, err
}
