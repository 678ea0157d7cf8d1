package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/conductorquantum/coda/host/fault"
)

// resolveStateDir makes StateDir an absolute path: the one that was set, else
// systemd's, else the user's own.
func (s *Settings) resolveStateDir(environ []string) error {
	dir := s.StateDir
	if dir == "" {
		// systemd lists several directories with colons; the first is the unit's main one.
		dir, _, _ = strings.Cut(value(environ, "STATE_DIRECTORY"), ":")
	}
	if dir == "" {
		// The XDG specification has relative paths ignored.
		if xdg := value(environ, "XDG_STATE_HOME"); filepath.IsAbs(xdg) {
			dir = filepath.Join(xdg, "coda")
		}
	}
	if dir == "" {
		home, err := homeDir(environ)
		if err != nil {
			return &fault.ConfigError{Where: prefix + "STATE_DIR",
				Reason: "there is no home directory to keep state in; set a directory", Err: err}
		}
		dir = filepath.Join(home, ".local", "state", "coda")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return &fault.ConfigError{Where: prefix + "STATE_DIR", Reason: "cannot be made absolute", Err: err}
	}
	s.StateDir = abs
	return nil
}

func homeDir(environ []string) (string, error) {
	if home := value(environ, "HOME"); home != "" {
		return home, nil
	}
	return os.UserHomeDir()
}

// value is the last setting of a variable, as a process would see it.
func value(environ []string, name string) string {
	found := ""
	for _, entry := range environ {
		if n, text, _ := strings.Cut(entry, "="); n == name {
			found = text
		}
	}
	return found
}
