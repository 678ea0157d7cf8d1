package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/conductorquantum/coda/host/fault"
)

// layer is one source of settings: texts by key, as an environment variable
// would hold them.
type layer struct {
	where  func(key string) string // for messages
	values map[string]string
}

// Load reads the settings: from the environment (as os.Environ gives it; of
// names that differ only by case, CODA_ in capitals wins), then from the TOML
// file that CODA_CONFIG names, then from what an earlier connect left, then
// the defaults. held reads the state directory; nil stands for nothing held.
// Where that file cannot be read, and the environment names no state directory,
// StateDir is empty and nothing is taken for held: the file may name another one.
//
// What was held does not count while there is a token, unless it is the token
// that was redeemed for it: then the node reconnects and the token is dropped. A
// file of a token may be gone where all that a reconnect needs is there.
//
// The error joins one *fault.ConfigError for each thing that is wrong, and the
// Settings returned beside it hold what could be read.
func Load(environ []string, held func(stateDir string) (Persisted, error)) (Settings, error) {
	s := Defaults()
	var problems []error
	fail := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	env := environment(environ, &s)
	layers := []layer{env}
	isPlaced := true
	if path := env.values[keyConfigFile]; path != "" {
		file, err := readSettingsFile(path)
		fail(err)
		layers = append(layers, file)
		isPlaced = file.values != nil || env.values["state_dir"] != ""
		s.warnIfExposed(path, file)
	}
	for i := range variables {
		fail(variables[i].apply(&s, layers))
	}
	s.warnOfOwnHeaders()
	if isPlaced {
		fail(s.resolveStateDir(environ))
	}
	if rank(layers, "executor_factory") < rank(layers, "executor") {
		s.Executor = "" // the older name, in the stronger place
	}
	tokenErr := s.chooseToken(layers)
	isGone := errors.Is(tokenErr, fs.ErrNotExist)
	if !isGone {
		fail(tokenErr)
	}
	if held != nil && s.StateDir != "" {
		fail(s.fillIn(layers, held))
	}
	if isGone {
		fail(s.doWithout(tokenErr))
	}
	s.findDeviceFile()
	if s.VPN.ProfilePath == "" && s.StateDir != "" {
		s.VPN.ProfilePath = filepath.Join(s.StateDir, "coda-node.ovpn")
	}
	if len(problems) == 0 {
		fail(s.checkCredentials())
	}
	return s, errors.Join(problems...)
}

// environment takes the CODA_ variables; an empty one counts as unset.
func environment(environ []string, s *Settings) layer {
	values := map[string]string{}
	exact := map[string]bool{}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
			continue
		}
		key := strings.ToLower(name[len(prefix):])
		isExact := name == strings.ToUpper(name)
		if exact[key] && !isExact {
			continue
		}
		exact[key] = isExact
		values[key] = text
	}
	for key, text := range values {
		if text == "" {
			delete(values, key)
		}
	}
	for key := range values {
		if slices.Contains(keys(), key) {
			continue
		}
		if meant := suggest(key, keys()); meant != "" {
			s.warn("%s%s is not known and was ignored; did you mean %s%s?",
				prefix, strings.ToUpper(key), prefix, strings.ToUpper(meant))
		}
	}
	slices.Sort(s.Warnings)
	return layer{values: values, where: func(key string) string { return prefix + strings.ToUpper(key) }}
}

// LoadLog reads from the environment what a log is to look like, and nothing
// else. What is not said there is as in otherwise. The error joins
// *fault.ConfigError.
func LoadLog(environ []string, otherwise Log) (Log, error) {
	s := Settings{Log: otherwise}
	layers := []layer{environment(environ, &s)}
	var problems []error
	for i := range variables {
		if v := &variables[i]; v.Key == "log_format" || v.Key == "log_level" {
			problems = append(problems, v.apply(&s, layers))
		}
	}
	return s.Log, errors.Join(problems...)
}

// rank is how many layers are stronger than the one that decides a key.
func rank(layers []layer, key string) int {
	i := slices.IndexFunc(layers, func(l layer) bool { _, ok := l.values[key]; return ok })
	if i < 0 {
		return len(layers)
	}
	return i
}

// apply sets the field from the strongest layer that has the variable.
func (v *Variable) apply(s *Settings, layers []layer) error {
	i := rank(layers, v.Key)
	if i == len(layers) {
		return nil
	}
	if err := v.parse(s, layers[i].values[v.Key]); err != nil {
		return &fault.ConfigError{Where: layers[i].where(v.Key), Reason: err.Error()}
	}
	return nil
}

// chooseToken takes the token itself or the file that holds it, which keeps it out
// of the environment and the process list: the one that stands in the stronger
// place. Both in one place is a mistake.
func (s *Settings) chooseToken(layers []layer) error {
	file, direct := rank(layers, "node_token_file"), rank(layers, "node_token")
	if file == len(layers) || direct < file {
		s.NodeTokenFile = ""
		return nil
	}
	where := layers[file].where("node_token_file")
	if file == direct {
		return &fault.ConfigError{Where: where, Reason: layers[direct].where("node_token") + " is set too; unset one of them"}
	}
	s.NodeToken = ""
	text, err := readFile(s.NodeTokenFile, 64<<10)
	if err != nil {
		return &fault.ConfigError{Where: where, Reason: "cannot read the token", Err: err}
	}
	token := Secret(bytes.TrimSpace(text))
	if err := checkToken(token); err != nil {
		return &fault.ConfigError{Where: where, Reason: s.NodeTokenFile + " " + err.Error()}
	}
	s.NodeToken = token
	return nil
}

// doWithout passes over a file of a token that is gone where the node can reconnect
// without one: who removes a secret that was used does well.
func (s *Settings) doWithout(gone error) error {
	if s.checkCredentials() != nil {
		return gone
	}
	s.warn("%v; reconnecting with the credentials of an earlier start, which need no token", gone)
	return nil
}

// findDeviceFile takes the file at the customary place if none was named. One
// that is there and cannot be read is taken too, for LoadDevice to say so: a node
// that passed over it would run another executor.
func (s *Settings) findDeviceFile() {
	if s.DeviceConfig != "" {
		return
	}
	for _, path := range []string{"site/device.toml", "site/device.yaml"} {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir() {
			continue
		}
		s.DeviceConfig = path
		return
	}
}

// checkCredentials asks for what a node without a token needs to reconnect.
func (s *Settings) checkCredentials() error {
	if s.NodeToken != "" {
		return nil
	}
	missing := func(key, what string) error {
		return &fault.ConfigError{Where: prefix + key,
			Reason: "there is no " + what + " from an earlier start; to connect for the first time, give the one-time token that the cloud hands out " +
				"(--token -, CODA_NODE_TOKEN_FILE or CODA_NODE_TOKEN)"}
	}
	switch {
	case s.JWTPrivateKey == "":
		return missing("JWT_PRIVATE_KEY", "private key")
	case s.JWTKeyID == "":
		return missing("JWT_KEY_ID", "key id")
	case s.QPUID == "":
		return missing("QPU_ID", "QPU id to sign for")
	}
	return nil
}

func (s *Settings) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// readFile reads a file of at most limit bytes. The error names the file.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return text, nil
}
