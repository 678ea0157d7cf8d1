package instrument_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/instrument"
)

func goroutines() int { return runtime.NumGoroutine() }

func TestMissing(t *testing.T) {
	t.Parallel()
	endpoints := load(t, "[endpoints.a]\nurl = \"tcp://192.0.2.1:1\"\n").Endpoints
	for _, needs := range [][]string{nil, {"byte-stream"}, {"config", "context", "wasi"}} {
		if text := instrument.Missing(needs, endpoints); text != "" {
			t.Errorf("%v: %s", needs, text)
		}
	}
	text := instrument.Missing([]string{"registers", "http", "byte-stream"}, endpoints)
	if !strings.HasPrefix(text, "it needs http and registers, and no endpoint grants that") {
		t.Errorf("says %s", text)
	}
	// The lines that it says to add are good ones.
	_, snippet, _ := strings.Cut(instrument.Missing([]string{"registers", "http", "byte-stream"}, nil), "\n\n")
	for i := range 3 {
		snippet = strings.Replace(snippet, "NAME", fmt.Sprintf("n%d", i), 1)
	}
	if granted := load(t, snippet).Endpoints; instrument.Missing([]string{"registers", "http", "byte-stream"}, granted) != "" {
		t.Errorf("these grant %v", granted)
	}
}

func TestDigest(t *testing.T) {
	t.Setenv("CODA_TEST_A", "secret-one")
	const one = "[endpoints.a]\nurl = \"http://192.0.2.1\"\nheaders = { A = \"env:CODA_TEST_A\" }\n"
	first, _ := bench(t, one)
	t.Setenv("CODA_TEST_A", "secret-two")
	again, _ := bench(t, one)
	other, _ := bench(t, one+"timeout = \"3s\"\n")
	if first.Digest() != again.Digest() || first.Digest() == other.Digest() || len(first.Digest()) != 64 {
		t.Errorf("%s, %s, %s", first.Digest(), again.Digest(), other.Digest())
	}
}

func TestSecretsThatAreNotThere(t *testing.T) {
	dir := t.TempDir()
	exposed, empty := filepath.Join(dir, "exposed"), filepath.Join(dir, "empty")
	for path, text := range map[string]string{exposed: "secret-value", empty: "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(exposed, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CODA_TEST_BREAK", "secret-value\r\nX: y")
	for source, want := range map[string]string{
		"env:CODA_TEST_UNSET":      "endpoints.a: cannot be granted: headers.Key: the variable CODA_TEST_UNSET is not set",
		"env:CODA_TEST_BREAK":      "control characters",
		"file:" + exposed:          "chmod 600",
		"file:" + empty:            "it is empty",
		"file:" + dir:              "no regular file",
		"file:" + dir + "/nothing": "no such file",
	} {
		d := load(t, fmt.Sprintf("[endpoints.a]\nurl = \"https://192.0.2.1\"\nheaders = { Key = %q }\n", source))
		_, err := instrument.Open(instrument.Config{Endpoints: d.Endpoints})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-value") {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
		if text := fmt.Sprintf("%+v", d.Endpoints); strings.Contains(text, "secret-value") {
			t.Errorf("printed: %s", text)
		}
	}
	if _, err := instrument.Open(instrument.Config{Endpoints: map[string]config.Endpoint{"a": {URL: "tcp://192.0.2.1:1"}}}); err == nil {
		t.Error("an endpoint that was not read is granted")
	}
	if _, err := instrument.Open(instrument.Config{Endpoints: load(t, "[endpoints.a]\nurl = \"tls://192.0.2.1:1\"\nca = \"none.pem\"\n").Endpoints}); err == nil {
		t.Error("an authority that is not there is trusted")
	}
}

// A guest is given what the operator named and nothing beside it: content, no path.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	calibration, canary := write("cal.json", "{}"), write("canary", "canary")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(calibration, link); err != nil {
		t.Fatal(err)
	}
	got, err := instrument.ReadFiles(map[string]string{"cal": calibration, "by-link": link})
	if err != nil || len(got) != 2 || string(got["cal"]) != "{}" || string(got["by-link"]) != "{}" {
		t.Errorf("%q, %v", got, err)
	}
	large := write("large", "")
	if err := os.Truncate(large, instrument.MaxFiles-1); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"x": dir}, "files.x: "},
		{map[string]string{"x": dir}, "no regular file"},
		{map[string]string{"x": "/dev/zero"}, "no regular file"},
		{map[string]string{"x": filepath.Join(dir, "none")}, "no such file"},
		{map[string]string{"x": large, "y": canary}, "files.y: "},
	} {
		if _, err := instrument.ReadFiles(tt.files); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %s", tt.files, err, tt.want)
		}
	}
}
