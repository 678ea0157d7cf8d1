package host_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
)

// TestChoose runs in folders of its own, so not beside other tests.
func TestChoose(t *testing.T) {
	noop, _ := guests.Lookup("noop")
	for name, tt := range map[string]struct {
		files    map[string]string // content; "" is a good executor
		settings config.Settings
		device   config.Device
		state    string // the state directory; "state" if empty
		loop     bool   // the folder is a link to itself
		want     string // name and source
		warning  string
		err      string
	}{
		"the setting": {
			settings: config.Settings{Executor: "statevector", ExecutorFactory: "noop"}, device: config.Device{Executor: "noop"},
			want: "statevector CODA_EXECUTOR",
		},
		"the older setting": {
			settings: config.Settings{ExecutorFactory: "noop"}, device: config.Device{Executor: "statevector"},
			want: "noop CODA_EXECUTOR_FACTORY",
		},
		"the device file": {
			files:  map[string]string{"executors/other.wasm": ""},
			device: config.Device{Executor: "statevector", Path: "site/device.toml"}, want: "statevector site/device.toml",
		},
		"a Python object": {
			settings: config.Settings{ExecutorFactory: "coda_qubic.factory:create_executor"},
			err:      "CODA_EXECUTOR_FACTORY: names the Python object coda_qubic.factory:create_executor",
		},
		"a Python object in the device file": {
			device: config.Device{Executor: "backend:make", Path: "site/device.yaml"}, err: "site/device.yaml: names the Python object",
		},
		"named and missing": {
			files:    map[string]string{"executors/other.wasm": ""},
			settings: config.Settings{Executor: "./missing.wasm"}, err: "executor ./missing.wasm: refused: there is no such file (it is named by CODA_EXECUTOR)",
		},
		"the one in executors": {
			files: map[string]string{"executors/lab.wasm": "", "state/executors/other.wasm": ""}, want: "lab found in executors",
		},
		"the one that is an executor": {
			files:   map[string]string{"executors/lab.wasm": "", "executors/text.wasm": "hello"},
			want:    "lab found in executors",
			warning: "passed over: executor executors/text.wasm: refused",
		},
		"the one in the state directory": {
			files: map[string]string{"state/executors/lab.wasm": ""}, want: "lab found in state/executors",
		},
		"several": {
			files: map[string]string{"executors/a.wasm": "", "executors/b.wasm": ""},
			err:   "executors: holds several executors (executors/a.wasm, executors/b.wasm)",
		},
		"a folder that cannot be searched": {
			files: map[string]string{"elsewhere": "x"}, loop: true, err: "executors: cannot be searched for executors",
		},
		"a file named like the folder": {
			files: map[string]string{"executors": "x", "state/executors/lab.wasm": ""}, want: "lab found in state/executors",
		},
		"other files": {
			files: map[string]string{"executors/README.md": "x", "executors/.wasm.swp": "x"}, want: "noop default", warning: "name one with --executor",
		},
		"a folder with a pattern in its name": {
			files: map[string]string{"st[a-]te/executors/lab.wasm": ""}, state: "st[a-]te", want: "lab found in st[a-]te/executors",
		},
		"none": {want: "noop default", warning: "name one with --executor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for path, content := range tt.files {
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if content == "" {
					content = string(noop.Wasm)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tt.loop {
				if err := os.Symlink("executors", "executors"); err != nil {
					t.Fatal(err)
				}
			}
			tt.settings.StateDir = cmp.Or(tt.state, "state")
			got, err := host.Choose(tt.settings, tt.device)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || got.Name+" "+got.Source != tt.want || !strings.Contains(got.Warning, tt.warning) || tt.warning == "" && got.Warning != "" {
				t.Errorf("%s %s, warning %q, %v", got.Name, got.Source, got.Warning, err)
			}
		})
	}
}
