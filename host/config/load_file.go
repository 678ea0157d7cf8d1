package config

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// readSettingsFile reads a TOML file of settings: the variables' names in lower
// case without CODA_, each with a value of its own type. Relative paths in it
// count from its own folder, as those in a device file. Beside an error stand the
// settings that could be read; there are none, not even empty ones, where the file
// as a whole cannot be.
func readSettingsFile(path string) (layer, error) {
	d, err := readTOML(path)
	if err != nil {
		return layer{}, err
	}
	l := layer{values: map[string]string{}, where: func(key string) string {
		return fmt.Sprintf("%s:%d: %s", path, d.line([]string{key}), key)
	}}
	names := make([]string, 0, len(variables))
	for i := range variables {
		names = append(names, variables[i].Key)
	}
	problems := []error{d.only(d.root, nil, names...)}
	for i := range variables {
		v := &variables[i]
		text, err := scalarText(d.root[v.Key])
		switch {
		case err != nil:
			problems = append(problems, d.fail([]string{v.Key}, "%v", err))
		case text == "":
		case v.path:
			l.values[v.Key] = d.resolve(text)
		case v.Key == "executor", v.Key == "executor_factory":
			l.values[v.Key] = d.resolveExecutor(text)
		default:
			l.values[v.Key] = text
		}
	}
	return l, errors.Join(problems...)
}

// warnIfExposed says that everybody on this machine may read the secrets in a file
// of settings. A group of its own may be meant to.
func (s *Settings) warnIfExposed(path string, file layer) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o007 == 0 {
		return
	}
	var secrets []string
	for i := range variables {
		switch variables[i].field(s).(type) {
		case *Secret, *map[string]Secret:
			if _, ok := file.values[variables[i].Key]; ok {
				secrets = append(secrets, variables[i].Key)
			}
		}
	}
	if len(secrets) > 0 {
		s.warn("%s has mode %04o, so others may use its %s; run: chmod o= %s",
			path, info.Mode().Perm(), strings.Join(secrets, ", "), path)
	}
}
