package server_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/conductorquantum/coda/host/server"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// An IPv4 address is listened on alone, the one that stands for all of them too.
func TestAnIPv4AddressIsNoIPv6Address(t *testing.T) {
	t.Parallel()
	if probe, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		require.Missing(t, "ipv6", "this machine has no IPv6: "+err.Error())
	} else {
		probe.Close()
	}
	for host, want := range map[string]bool{"0.0.0.0": false, "127.0.0.1": false, "::": true, "": true} {
		s, err := server.Listen(host, 0, func() server.Readiness { return server.Readiness{} }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context())
		port := strconv.Itoa(s.Addr().(*net.TCPAddr).Port)
		for address, want := range map[string]bool{"127.0.0.1": true, "::1": want} {
			connection, err := net.Dial("tcp", net.JoinHostPort(address, port))
			if (err == nil) != want {
				t.Errorf("%q, reached by way of %s: %v", host, address, err)
			}
			if err == nil {
				connection.Close()
			}
		}
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	job := "job-1"
	for _, tt := range []struct {
		name, method, path string
		state              server.Readiness
		status             int
		body               string
	}{
		{"healthy whatever the state", "GET", "/health", server.Readiness{}, 200, `{"status":"ok"}`},
		{
			"ready", "GET", "/ready",
			server.Readiness{Ready: true, VPNState: "ready", RedisHealthy: true, CurrentJob: &job},
			200, `{"ready":true,"vpn_state":"ready","redis_healthy":true,"current_job":"job-1"}`,
		},
		{
			"booting", "GET", "/ready",
			server.Readiness{VPNState: "booting", Reason: "connecting to the cloud"},
			503, `{"ready":false,"vpn_state":"booting","redis_healthy":false,"current_job":null,"reason":"connecting to the cloud"}`,
		},
		{"another path", "GET", "/docs", server.Readiness{}, 404, `{"detail":"Not Found"}`},
		{"another method", "POST", "/ready", server.Readiness{}, 405, `{"detail":"Method Not Allowed"}`},
		{"HEAD is another method", "HEAD", "/health", server.Readiness{}, 405, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := server.Listen("127.0.0.1", 0, func() server.Readiness { return tt.state }, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(t.Context())
			req, err := http.NewRequest(tt.method, "http://"+s.Addr().String()+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status || string(body) != tt.body {
				t.Errorf("%s %s = %d %s, want %d %s", tt.method, tt.path, res.StatusCode, body, tt.status, tt.body)
			}
			if got := res.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
			if got := res.Header.Get("Allow"); (got == "GET") != (tt.status == http.StatusMethodNotAllowed) {
				t.Errorf("%d with Allow %q", res.StatusCode, got)
			}
		})
	}
}

func TestListenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	state := func() server.Readiness { return server.Readiness{} }
	first, err := server.Listen("127.0.0.1", 0, state, log)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close(t.Context())
	port := first.Addr().(*net.TCPAddr).Port
	if _, err := server.Listen("127.0.0.1", port, state, log); err == nil {
		t.Fatal("two servers listen on one port")
	}
}
