package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
)

// Removal is what Reset did about one file.
type Removal struct {
	Path    string
	Removed bool
	Kept    string // why a file that is there was left; "" if it was removed or is not there
	Failed  bool   // it should have been removed
}

// ResetConfig says what Reset forgets.
type ResetConfig struct {
	StateDir string
	Temp     string // where an older node kept its state; default the temporary directory
	Version  string // of this program, for whoever looks at the lock meanwhile
}

// Reset removes what nodes left in a state directory, and what older nodes left
// in the temporary directory: regular files of this user's, and outside the state
// directory only with the content that a node gives them. The removals are sorted
// by path. Where a node runs nothing is removed and the error is a
// daemon.ErrRunning.
func Reset(cfg ResetConfig) ([]Removal, error) {
	if cfg.Temp == "" {
		cfg.Temp = os.TempDir()
	}
	plan := map[string]func([]byte) bool{}
	for _, k := range legacy {
		plan[filepath.Join(cfg.Temp, k.name)] = k.is
	}
	optional := map[string]bool{} // not worth a word where they are not there
	switch _, err := os.Stat(cfg.StateDir); {
	case err == nil:
		held, err := daemon.Lock(cfg.StateDir, daemon.About{Version: cfg.Version})
		if err != nil {
			return nil, err
		}
		defer held.Close()
		for path, is := range named(cfg.StateDir) {
			plan[path], optional[path] = is, true
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, &fault.NodeError{Op: "reset", Err: err}
	}
	for _, k := range keepsakes {
		path := filepath.Join(cfg.StateDir, k.name)
		between := filepath.Join(cfg.StateDir, "."+k.name+".tmp") // what an interrupted write leaves
		plan[path], plan[between] = isAnything, isAnything
		optional[between], optional[path] = true, strings.HasSuffix(path, ".next")
		if strings.HasSuffix(path, ".log") {
			for _, older := range rotated(path) {
				plan[older] = isAnything
			}
		}
	}
	var done []Removal
	for path, is := range plan {
		r := remove(path, is)
		if r.Removed || r.Kept != "" || !optional[path] {
			done = append(done, r)
		}
	}
	slices.SortFunc(done, func(a, b Removal) int { return strings.Compare(a.Path, b.Path) })
	return done, nil
}

// named are the files elsewhere that the kept configuration names, if it is one
// that the node would use.
func named(stateDir string) map[string]func([]byte) bool {
	files := map[string]func([]byte) bool{}
	held, err := identity.Held(stateDir)
	if err != nil || len(held.Values) == 0 {
		return files
	}
	add := func(path string, is func([]byte) bool) {
		if filepath.IsAbs(path) && filepath.Dir(path) != stateDir {
			files[filepath.Clean(path)] = is
		}
	}
	add(held.Values["node_vpn_profile_path"], isProfile)
	var members struct {
		KeyPath string `json:"jwt_private_key_path"`
	}
	if text, err := os.ReadFile(held.File); err == nil && json.Unmarshal(text, &members) == nil {
		add(members.KeyPath, isPrivateKey)
	}
	return files
}

func remove(path string, is func([]byte) bool) Removal {
	r := Removal{Path: path}
	info, err := ownFile(path)
	if err == nil {
		err = holds(path, info, is)
	}
	if err == nil {
		err = os.Remove(path)
	}
	switch {
	case err == nil:
		r.Removed = true
	case errors.Is(err, fs.ErrNotExist):
	default:
		r.Kept, r.Failed = err.Error(), !errors.Is(err, errForeign)
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			r.Kept = at.Err.Error()
		}
	}
	return r
}
