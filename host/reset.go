package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/vpn/openvpn"
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
	Force    bool   // also outcomes that nobody has taken
}

// Forgotten is what Reset did.
type Forgotten struct {
	// OpenVPN is the process that a node had left running: ended, if TunnelErr is
	// nil. 0 where there was none, or none that could be verified to be it.
	OpenVPN   int
	TunnelErr error
	Removals  []Removal // sorted by path
}

// Reset removes what nodes left in a state directory, and what older nodes left
// in the temporary directory: regular files of this user's, and outside the state
// directory only with the content that a node gives them. An OpenVPN that a node
// left running is ended first; if that fails, the record of it stays. Where a node
// runs nothing is removed and the error is a daemon.ErrRunning. Nor is anything where
// the outbox holds outcomes that nobody has taken, or cannot be read: then the error
// is an ErrUndelivered, unless they are to be forgotten too.
func Reset(ctx context.Context, cfg ResetConfig) (Forgotten, error) {
	if cfg.Temp == "" {
		cfg.Temp = os.TempDir()
	}
	plan := map[string]func([]byte) bool{}
	for _, k := range legacy {
		plan[filepath.Join(cfg.Temp, k.name)] = k.is
	}
	optional := map[string]bool{} // not worth a word where they are not there
	var done Forgotten
	switch _, err := os.Stat(cfg.StateDir); {
	case err == nil:
		held, err := daemon.Lock(cfg.StateDir, daemon.About{Version: cfg.Version})
		if err != nil {
			return done, err
		}
		defer held.Close()
		if !cfg.Force {
			if err := checkDelivered(cfg.StateDir); err != nil {
				return done, err
			}
		}
		done.OpenVPN, done.TunnelErr = StopTunnel(ctx, cfg.StateDir)
		for path, is := range named(cfg.StateDir) {
			plan[path], optional[path] = is, true
		}
	case !errors.Is(err, fs.ErrNotExist):
		return done, &fault.NodeError{Op: "reset", Err: err}
	}
	for _, k := range keepsakes {
		path := filepath.Join(cfg.StateDir, k.name)
		between := filepath.Join(cfg.StateDir, "."+k.name+".tmp") // what an interrupted write leaves
		plan[path], plan[between] = isAnything, isAnything
		optional[between], optional[path] = true, strings.HasSuffix(path, ".next") || k.name == tunnelLog || k.name == tunnelRecord ||
			k.name == outboxFile || k.name == "coda-node-id"
		if strings.HasSuffix(path, ".log") {
			for _, older := range rotated(path) {
				plan[older] = isAnything
			}
		}
	}
	if note := filepath.Join(cfg.StateDir, tunnelRecord); done.OpenVPN != 0 && done.TunnelErr != nil {
		delete(plan, note)
		done.Removals = append(done.Removals, Removal{Path: note, Kept: "the process that it names still runs", Failed: true})
	}
	for path, is := range plan {
		r := remove(path, is)
		if r.Removed || r.Kept != "" || !optional[path] {
			done.Removals = append(done.Removals, r)
		}
	}
	done.Removals = append(done.Removals, removeTunnelFolder(filepath.Join(cfg.StateDir, tunnelFolder))...)
	done.Removals = append(done.Removals, removeSocket(filepath.Join(cfg.StateDir, controlSocket))...)
	slices.SortFunc(done.Removals, func(a, b Removal) int { return strings.Compare(a.Path, b.Path) })
	return done, nil
}

// removeTunnelFolder removes what an OpenVPN that did not end by itself left where
// it worked, a key among it, and the folder if nothing else is in it. Nothing is
// said of a folder that is not there.
func removeTunnelFolder(folder string) []Removal {
	info, err := os.Lstat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = isOurs(info, fs.ModeDir)
	}
	if err != nil {
		return []Removal{outcome(folder, err)}
	}
	var done []Removal
	for name, kind := range openvpn.Leftovers {
		path := filepath.Join(folder, name)
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = isOurs(info, kind)
		}
		if err == nil {
			err = os.Remove(path)
		}
		done = append(done, outcome(path, err))
	}
	err = os.Remove(folder)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
		err = fmt.Errorf("%w: other files are in it", errForeign)
	}
	return append(done, outcome(folder, err))
}

// removeSocket removes the socket that a node left which was killed. Nothing is said
// of one that is not there.
func removeSocket(path string) []Removal {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = isOurs(info, fs.ModeSocket)
	}
	if err == nil {
		err = os.Remove(path)
	}
	return []Removal{outcome(path, err)}
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
	info, err := ownFile(path)
	if err == nil {
		err = holds(path, info, is)
	}
	if err == nil {
		err = os.Remove(path)
	}
	return outcome(path, err)
}

// outcome is what came of removing a file.
func outcome(path string, err error) Removal {
	r := Removal{Path: path}
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
