package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
	"github.com/conductorquantum/coda/host/config"
)

// The settings that stand in device.toml behind a # have their defaults there, and all
// of them stand there.
func TestDeviceFile(t *testing.T) {
	text, err := os.ReadFile("device.toml")
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(text), "\n[config]\n")
	read := func(table string) (*settings, map[string]string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "device.toml")
		if err := os.WriteFile(path, []byte(before+"\n[config]\n"+table), 0o600); err != nil {
			t.Fatal(err)
		}
		device, err := config.LoadDevice(path)
		if err != nil {
			t.Fatal(err)
		}
		codatest.Start(t, device.Config)
		s, err := readSettings()
		if err != nil {
			t.Fatal(err)
		}
		return s, device.Config
	}
	plain, _ := read(after)
	written := regexp.MustCompile(`(?m)^# ([a-z_]+ = )`).ReplaceAllString(after, "$1")
	written = regexp.MustCompile(`(?m)^(couplings|cores) = .*\n`).ReplaceAllString(written, "") // examples
	all, there := read(written)
	if !reflect.DeepEqual(all, plain) {
		t.Errorf("as written %+v\nby default %+v", all, plain)
	}
	for _, key := range asked(t) {
		if _, ok := there[key]; !ok && key != "couplings" && key != "cores" {
			t.Errorf("device.toml does not have the setting %s", key)
		}
	}
}

// asked are the settings that the driver knows, from its source.
func asked(t *testing.T) (keys []string) {
	t.Helper()
	source, err := os.ReadFile("settings.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`r\.(?:text|choice|flag|number|sign|whole|labels|words|pairs)\("([a-z_]+)"`).FindAllSubmatch(source, -1) {
		keys = append(keys, string(m[1]))
	}
	if len(keys) < 20 {
		t.Fatalf("only %q were found", keys)
	}
	return keys
}
