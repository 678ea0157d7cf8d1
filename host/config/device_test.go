package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

func device(t *testing.T, name, text string) (config.Device, string, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := config.LoadDevice(path)
	return d, dir, err
}

func TestDeviceTOML(t *testing.T) {
	t.Parallel()
	d, dir, err := device(t, "device.toml", `
executor = "backend.wasm"
concurrency = 4

[limits]
memory = "256MiB"
job_time = "90s"

[files]
calibration = "./qubitcfg.json"
system = "/etc/hosts"

[endpoints.awg]
url = "tcp://192.0.2.10:5025"
timeout = "2s"

[endpoints.clock]
url = "serial:///dev/ttyUSB0"

[config]
rpc_port = 9095
ratio = 0.5
debug = true
qubits = [1, 2]
[config.deep]
name = "a b"
`)
	if err != nil {
		t.Fatal(err)
	}
	if d.Executor != filepath.Join(dir, "backend.wasm") || d.Concurrency != 4 {
		t.Errorf("executor %s, concurrency %d", d.Executor, d.Concurrency)
	}
	if want := (config.Limits{Memory: 256 << 20, JobTime: 90 * time.Second}); d.Limits != want {
		t.Errorf("limits %+v, want %+v", d.Limits, want)
	}
	if want := map[string]string{"calibration": filepath.Join(dir, "qubitcfg.json"), "system": "/etc/hosts"}; !maps.Equal(d.Files, want) {
		t.Errorf("files %v", d.Files)
	}
	if want := map[string]config.Endpoint{
		"awg": {URL: "tcp://192.0.2.10:5025", Timeout: 2 * time.Second,
			Target: config.Target{Scheme: "tcp", Address: "192.0.2.10:5025"}},
		"clock": {URL: "serial:///dev/ttyUSB0",
			Target: config.Target{Scheme: "serial", Path: "/dev/ttyUSB0", Serial: config.SerialLine{Baud: 9600, DataBits: 8, Parity: "none", StopBits: "1"}}},
	}; !reflect.DeepEqual(d.Endpoints, want) {
		t.Errorf("endpoints %+v", d.Endpoints)
	}
	if want := map[string]string{"rpc_port": "9095", "ratio": "0.5", "debug": "true", "qubits": "[1,2]", "deep.name": "a b"}; !maps.Equal(d.Config, want) {
		t.Errorf("config %v", d.Config)
	}
}

func TestDeviceDefaults(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"device.toml", "device.yaml", "device.yml"} {
		d, _, err := device(t, name, "# nothing\n")
		if err != nil || d.Concurrency != 1 || d.Executor != "" || d.Limits != (config.Limits{}) || len(d.Config) != 0 {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	if d, _, err := device(t, "device.toml", `executor = "statevector"`); err != nil || d.Executor != "statevector" {
		t.Errorf("built-in: %q, %v", d.Executor, err)
	}
}

func TestDeviceYAMLOfAnOlderSite(t *testing.T) {
	t.Parallel()
	d, dir, err := device(t, "device.yaml", `
executor_factory: ./backend.wasm  # replaces the Python factory
target: cnot
num_qubits: 3
rpc_host: 192.0.2.7
classifier: {path: ./gmm.pkl, repeat: 2}
qubits: [Q1, Q2]
empty:
limits:
  job_time: 5s
`)
	if err != nil {
		t.Fatal(err)
	}
	if d.Executor != filepath.Join(dir, "backend.wasm") || d.Limits.JobTime != 5*time.Second {
		t.Errorf("%+v", d)
	}
	want := map[string]string{
		"target": "cnot", "num_qubits": "3", "rpc_host": "192.0.2.7", "classifier.path": "./gmm.pkl",
		"classifier.repeat": "2", "qubits": `["Q1","Q2"]`, "empty": "",
	}
	if !maps.Equal(d.Config, want) {
		t.Errorf("config %v, want %v", d.Config, want)
	}
	for text, want := range map[string]string{
		"executor_factory: null\n":                       "",
		"executor_factory: ~\n":                          "",
		"executor_factory: coda_qubic.executor:create\n": "coda_qubic.executor:create",
		"executor_factory: 'a:b#c'\n":                    "a:b#c",
		"executor_factory: a:b#c\n":                      "a:b#c", // a # needs a blank before it
	} {
		if d, _, err := device(t, "device.yaml", text); err != nil || d.Executor != want {
			t.Errorf("%q: %q, %v", text, d.Executor, err)
		}
	}
}

func TestDeviceErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"device.toml", "executor = 'noop'\n\n[limits]\nmemroy = \"1MiB\"\n", ":4: limits.memroy: unknown; did you mean limits.memory?"},
		{"device.toml", "concurency = 2\n", ":1: concurency: unknown; did you mean concurrency?"},
		{"device.toml", "zzz = [\n 1,\n]\n", ":1: zzz: unknown"},
		{"device.toml", "concurrency = 0\n", ":1: concurrency: 0 is out of range: 1 to 64"},
		{"device.toml", "concurrency = 65\n", "out of range"},
		{"device.toml", "concurrency = \"2\"\n", "must be a whole number, not text"},
		{"device.toml", "executor = 3\n", "must be text, not a whole number"},
		{"device.toml", "limits = 3\n", "must be a table"},
		{"device.toml", "[limits]\nmemory = \"1MB\"\n", ":2: limits.memory: \"1MB\" is not a size"},
		{"device.toml", "[limits]\nmemory = 0\n", "more than 0"},
		{"device.toml", "[limits]\nmemory = \"99999999999GiB\"\n", "is not a size"},
		{"device.toml", "[limits]\nmodule_size = \"65MiB\"\n", ":2: limits.module_size: must be at most 64MiB"},
		{"device.toml", "[limits]\njob_time = 60\n", `must be a time with its unit, such as "60s"`},
		{"device.toml", "[limits]\njob_time = \"60\"\n", `is not a time`},
		{"device.toml", "[limits]\nopen_time = \"-1s\"\n", "more than 0"},
		{"device.toml", "[files]\n\"../x\" = \"y\"\n", "letters, digits"},
		{"device.toml", "[files]\nx = \"\"\n", "names no file"},
		{"device.toml", "[endpoints.awg]\ntimeout = \"1s\"\n", "has no url"},
		{"device.toml", "[endpoints.awg]\nurl = \"gopher://x\"\n", ":2: endpoints.awg.url: must start with one of tcp"},
		{"device.toml", "[endpoints.awg]\nurl = \"tcp://x:1\"\ntimeot = \"1s\"\n", ":3: endpoints.awg.timeot: unknown; did you mean endpoints.awg.timeout?"},
		{"device.toml", "[config]\nx = inf\n", "not a finite number"},
		{"device.toml", "a = \n", ":1: is not TOML"},
		{"device.yaml", "a: [\n", "is not YAML"},
		{"device.yaml", "- a\n", "must be a mapping"},
		{"device.yaml", "x: 1\nlimits:\n  memroy: 1MiB\n", ":3: limits.memroy: unknown; did you mean limits.memory?"},
		{"device.yaml", "x.y: 1\nx: {y: 2}\n", "set twice under the name x.y"},
		{"device.json", "{}", "must end in .toml, .yaml or .yml"},
	} {
		_, _, err := device(t, tt.name, tt.text)
		if _, ok := errors.AsType[*fault.ConfigError](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q:\ngot  %v\nwant %s", tt.name, tt.text, err, tt.want)
		}
	}
	if _, err := config.LoadDevice(filepath.Join(t.TempDir(), "none.toml")); err == nil {
		t.Error("a missing file was read")
	}
}

func FuzzLoadDevice(f *testing.F) {
	f.Add("executor = 'x.wasm'\n[limits]\nmemory='1GiB'\n[endpoints.a]\nurl='tcp://x:1'\n", true)
	f.Add("executor_factory: a:b\nx: {y: [1, 2.5, null]}\n", false)
	f.Add("a: &a {b: *a}\n", false)
	f.Fuzz(func(t *testing.T, text string, toml bool) {
		name := "device.yaml"
		if toml {
			name = "device.toml"
		}
		d, _, err := device(t, name, text)
		if err != nil {
			if _, ok := errors.AsType[*fault.ConfigError](err); !ok {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if d.Concurrency < 1 || d.Concurrency > 64 || d.Limits.JobTime < 0 || d.Limits.OpenTime < 0 {
			t.Fatalf("out of range: %+v", d)
		}
	})
}
