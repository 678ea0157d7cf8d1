package config

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/host/fault"
)

// Device is what a site says of the machine behind its node: which executor
// drives it, within which limits, and what that executor is granted.
type Device struct {
	Path        string // of the file itself
	Executor    string // a built-in's name or a .wasm file; "" if the file names none
	Concurrency int    // guests side by side: 1, the default, to 64
	Limits      Limits
	Files       map[string]string   // by the name that the guest sees; absolute paths
	Endpoints   map[string]Endpoint // hardware, granted by name
	Config      map[string]string   // the guest's own settings, by dotted key
}

const maxConcurrency = 64

// The tables and keys of a device file.
var (
	deviceKeys = []string{"executor", "executor_factory", "concurrency", "limits", "files", "endpoints", "config"}
)

// LoadDevice reads a device file: TOML, or by its ending (.yaml, .yml) the YAML
// of an older site, whose unknown top-level keys are the guest's settings.
// Relative paths in it count from its own folder. Errors are
// *fault.ConfigError, joined, each with file, line and dotted key.
func LoadDevice(path string) (Device, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".yaml", ".yml":
		d, err := readYAML(path)
		if err != nil {
			return Device{}, err
		}
		return d.device(true)
	case ".toml":
		d, err := readTOML(path)
		if err != nil {
			return Device{}, err
		}
		return d.device(false)
	default:
		return Device{}, &fault.ConfigError{Where: path, Reason: "a device file's name must end in .toml, .yaml or .yml"}
	}
}

// device reads the tables. open says that unknown top-level keys are the
// guest's.
func (d *document) device(open bool) (Device, error) {
	device := Device{Path: d.path, Concurrency: 1, Config: map[string]string{}}
	var problems []error
	fail := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if open {
		for _, key := range sortedKeys(d.root) {
			if !slices.Contains(deviceKeys, key) {
				fail(d.flatten(device.Config, d.root[key], key))
			}
		}
	} else {
		fail(d.only(d.root, nil, deviceKeys...))
	}
	fail(d.executor(&device))
	fail(d.concurrency(&device))
	fail(d.limits(&device.Limits))
	fail(d.files(&device))
	fail(d.endpoints(&device))
	settings, err := d.table(d.root, "config")
	fail(err)
	for _, key := range sortedKeys(settings) {
		fail(d.flatten(device.Config, settings[key], "config", key))
	}
	return device, errors.Join(problems...)
}

func (d *document) executor(device *Device) error {
	for _, key := range []string{"executor", "executor_factory"} {
		value, err := d.text(d.root, key)
		if err != nil {
			return err
		}
		if value == "" {
			continue
		}
		device.Executor = d.resolveExecutor(value)
		return nil
	}
	return nil
}

func (d *document) concurrency(device *Device) error {
	value, ok := d.root["concurrency"]
	if !ok || value == nil {
		return nil
	}
	n, ok := value.(int64)
	if !ok {
		return d.fail([]string{"concurrency"}, "must be a whole number, not %s", kind(value))
	}
	if n < 1 || n > maxConcurrency {
		return d.fail([]string{"concurrency"}, "%d is out of range: 1 to %d", n, maxConcurrency)
	}
	device.Concurrency = int(n)
	return nil
}

func (d *document) files(device *Device) error {
	table, err := d.table(d.root, "files")
	if err != nil {
		return err
	}
	device.Files = make(map[string]string, len(table))
	var problems []error
	for _, name := range sortedKeys(table) {
		path, err := d.text(table, "files", name)
		switch {
		case err != nil:
			problems = append(problems, err)
		case path == "":
			problems = append(problems, d.fail([]string{"files", name}, "names no file"))
		case !grantName(name):
			problems = append(problems, d.fail([]string{"files", name}, "the name may hold letters, digits and . _ - only"))
		default:
			device.Files[name] = d.resolve(path)
		}
	}
	return errors.Join(problems...)
}

// flatten writes a value's scalars and lists into settings, by dotted key.
// A leading "config" is where they stand, not part of their name.
func (d *document) flatten(settings map[string]string, value any, key ...string) error {
	if table, ok := value.(map[string]any); ok {
		var problems []error
		for _, name := range sortedKeys(table) {
			if err := d.flatten(settings, table[name], append(slices.Clone(key), name)...); err != nil {
				problems = append(problems, err)
			}
		}
		return errors.Join(problems...)
	}
	text, err := scalarText(value)
	if err != nil {
		return d.fail(key, "%v", err)
	}
	name := key
	if key[0] == "config" {
		name = key[1:]
	}
	if _, twice := settings[dotted(name)]; twice {
		return d.fail(key, "is set twice under the name %s", dotted(name))
	}
	settings[dotted(name)] = text
	return nil
}

// resolveExecutor is what a reference to an executor means outside of the file. A
// bare word is a built-in's name, a module:attribute an older node's factory.
func (d *document) resolveExecutor(ref string) string {
	if strings.ContainsAny(ref, `/\`) || strings.HasSuffix(strings.ToLower(ref), ".wasm") {
		return d.resolve(ref)
	}
	return ref
}

// resolve takes a relative path from the file's own folder.
func (d *document) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	joined := filepath.Join(filepath.Dir(d.path), path)
	if abs, err := filepath.Abs(joined); err == nil {
		return abs
	}
	return joined
}

// grantName reports whether a guest can be given something under this name.
func grantName(name string) bool {
	if name == "" || len(name) > 64 || name == "." || name == ".." {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	})
}
