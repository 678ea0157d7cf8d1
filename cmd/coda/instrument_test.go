//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
)

// What `coda instrument` writes is a part of a device file, and what it names
// answers until Ctrl-C.
func TestInstrument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	for _, tt := range []struct {
		kind, url string
		args      []string
	}{
		{"scpi", `^tcp://127\.0\.0\.1:\d+$`, nil},
		{"scpi", "^unix://" + regexp.QuoteMeta(socket) + "$", []string{"--listen", "unix:s"}},
		{"echo", `^tcp://127\.0\.0\.1:\d+$`, []string{"--listen", "127.0.0.1:0"}},
		{"xmlrpc", `^http://127\.0\.0\.1:\d+$`, nil},
		{"registers", `^mmio:///.+\?size=65536$`, nil},
	} {
		p := launch(t, dir, nil, append([]string{"instrument", tt.kind, "-v", "--fault", "delay=1ms"}, tt.args...)...)
		p.waitForOutput(t, "\nurl = ")
		p.waitFor(t, "^A simulated "+tt.kind+" instrument, until Ctrl-C.$")
		file := filepath.Join(t.TempDir(), "device.toml")
		if err := os.WriteFile(file, []byte(p.stdout.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		device, err := config.LoadDevice(file)
		if err != nil {
			t.Fatal(err)
		}
		url := device.Endpoints[tt.kind].URL
		if !regexp.MustCompile(tt.url).MatchString(url) {
			t.Errorf("%s: %q", tt.kind, url)
		}
		scheme, where, _ := strings.Cut(url, "://")
		switch scheme {
		case "tcp", "unix":
			conn, err := net.Dial(scheme, where)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, "*IDN?\n"); err != nil {
				t.Fatal(err)
			}
			if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
				t.Errorf("%s: %q, %v", tt.kind, answer, err)
			}
			p.waitFor(t, `\*IDN\?.*  \(delay=1ms\)$`)
		case "mmio":
			path, _, _ := strings.Cut(where, "?")
			if info, err := os.Stat(path); err != nil || info.Size() != 65536 {
				t.Errorf("%v, %v", info, err)
			}
		}
		p.signal(t, os.Interrupt)
		p.exits(t, exitOK)
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestInstrumentJSON(t *testing.T) {
	t.Parallel()
	p := launch(t, t.TempDir(), nil, "instrument", "xmlrpc", "--json", "--qubits", "2", "--seed", "7")
	p.waitForOutput(t, "\n")
	var s served
	if err := json.Unmarshal([]byte(p.stdout.String()), &s); err != nil {
		t.Fatal(err)
	}
	if s.Kind != "xmlrpc" || s.Qubits != 2 || s.Seed != 7 || !strings.Contains(string(s.Classifier), `"Q1"`) {
		t.Errorf("%s", p.stdout.String())
	}
	p.signal(t, os.Interrupt)
	p.exits(t, exitOK)
}
