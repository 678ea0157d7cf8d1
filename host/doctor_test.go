package host_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host"
)

// subject is what the doctor looks at.
type subject struct {
	env  map[string]string
	temp string
}

// healthy is one with a cloud that answers as it should, and no Redis.
func healthy(t *testing.T) *subject {
	t.Helper()
	return &subject{temp: t.TempDir(), env: map[string]string{
		"CODA_WEBAPP_URL": cloudThat(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) }),
		"CODA_NODE_TOKEN": "secret-token",
		"CODA_STATE_DIR":  filepath.Join(t.TempDir(), "state"),
		"CODA_EXECUTOR":   "noop",
		"CODA_HOST":       "127.0.0.1", "CODA_PORT": openPort(t),
		"CODA_NODE_CONNECT_HEADERS": `{"X-Door":"secret-header"}`,
	}}
}

func cloudThat(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func openPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// examine returns the findings, a line each: "level check what → do".
func (p *subject) examine(ctx context.Context, t *testing.T) (string, host.Report) {
	t.Helper()
	var environ []string
	for name, value := range p.env {
		environ = append(environ, name+"="+value)
	}
	report := host.Doctor(ctx, host.DoctorConfig{Environ: environ, Temp: p.temp})
	var b strings.Builder
	for _, f := range report.Findings {
		fmt.Fprintf(&b, "%v %s %s → %s\n", f.Level, f.Check, f.What, f.Do)
		if f.Level != host.OK && f.Do == "" && f.Check != "clock" && f.Check != "settings" {
			t.Errorf("it does not say what to do about: %v %s", f.Check, f.What)
		}
	}
	text, err := json.Marshal(report.Findings)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(text), b.String()} {
		if strings.Contains(shown, "secret") {
			t.Errorf("a secret is shown:\n%s", shown)
		}
	}
	return b.String(), report
}

func expect(t *testing.T, got string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		unwanted, not := strings.CutPrefix(want, "!")
		if strings.Contains(got, unwanted) == not {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	port := func(address string) string {
		_, port, _ := net.SplitHostPort(address)
		return port
	}
	for name, tt := range map[string]struct {
		ail   func(t *testing.T, p *subject)
		wants []string
	}{
		"nothing is wrong": {func(*testing.T, *subject) {}, []string{
			"ok settings complete, for a first log-on", "ok cloud TCP: connected to 127.0.0.1:", "/api/internal/qpu/health answers HTTP 200",
			"ok clock within 1s", "ok redis not known before", "ok executor noop (CODA_EXECUTOR)", "ok executor opens: noop", "ok vpn openvpn is",
			"ok sandbox", "ok node no node runs; 127.0.0.1:", "!problem", "!warning executor",
		}},
		"settings that are wrong": {func(_ *testing.T, p *subject) {
			p.env["CODA_PORT"], p.env["CODA_HEARTBEAT_INTERVAL_SEC"], p.env["CODA_REDIS_URL"] = "x", "0", "http://:secret-password@192.0.2.1"
		}, []string{"problem settings CODA_PORT: ", "→ correct CODA_PORT", "problem settings CODA_HEARTBEAT_INTERVAL_SEC: ", "problem settings CODA_REDIS_URL: ", "ok cloud"}},
		"a variable that is misspelt": {func(_ *testing.T, p *subject) { p.env["CODA_EXECUTER"] = "x" },
			[]string{"warning settings CODA_EXECUTER is not known"}},
		"no credentials": {func(_ *testing.T, p *subject) { delete(p.env, "CODA_NODE_TOKEN") },
			[]string{"problem settings CODA_JWT_PRIVATE_KEY: ", "→ connect once with a token"}},
		"a key that is none": {func(_ *testing.T, p *subject) {
			delete(p.env, "CODA_NODE_TOKEN")
			p.env["CODA_JWT_PRIVATE_KEY"], p.env["CODA_JWT_KEY_ID"], p.env["CODA_QPU_ID"] = "secret-key", "k", "q"
		}, []string{"problem settings authentication: ", "→ restore the key", "!complete", "problem redis no job queue is known"}},
		"a key": {func(t *testing.T, p *subject) {
			delete(p.env, "CODA_NODE_TOKEN")
			p.env["CODA_JWT_PRIVATE_KEY"], p.env["CODA_JWT_KEY_ID"], p.env["CODA_QPU_ID"] = newKey(t), "k", "q"
		}, []string{"ok settings complete, for a reconnect"}},
		"a device file that is wrong": {func(t *testing.T, p *subject) {
			p.env["CODA_DEVICE_CONFIG"] = file(t, "device.toml", "concurrency = 0", 0o600)
		},
			[]string{"problem device ", "device.toml:1: concurrency: ", "warning executor not looked at"}},
		"a device file": {func(t *testing.T, p *subject) {
			p.env["CODA_DEVICE_CONFIG"] = file(t, "device.toml", "executor = 'statevector'", 0o600)
			delete(p.env, "CODA_EXECUTOR")
		}, []string{"ok device ", "ok executor statevector (", "opens: statevector"}},
		"no executor":              {func(_ *testing.T, p *subject) { delete(p.env, "CODA_EXECUTOR") }, []string{"warning executor no executor is configured"}},
		"an executor that is none": {func(t *testing.T, p *subject) { p.env["CODA_EXECUTOR"] = file(t, "x.wasm", "hello", 0o600) }, []string{"problem executor executor ", "→ see what the file is: coda inspect "}},
		"a Python executor":        {func(_ *testing.T, p *subject) { p.env["CODA_EXECUTOR_FACTORY"], p.env["CODA_EXECUTOR"] = "a.b:c", "" }, []string{"problem executor CODA_EXECUTOR_FACTORY: names the Python object"}},
		"a port that is taken": {func(t *testing.T, p *subject) {
			p.env["CODA_PORT"] = port(strings.TrimPrefix(p.env["CODA_WEBAPP_URL"], "http://"))
		}, []string{"problem node no node runs, and none could listen on 127.0.0.1:", "→ end the program that listens there"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			tt.ail(t, p)
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
			if _, err := os.Stat(p.env["CODA_STATE_DIR"]); err == nil {
				t.Error("the doctor made the state directory")
			}
		})
	}
}

func newKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
