//go:build unix

package host_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/testkit/cguest"
)

// BenchmarkHostCall is what a guest's call costs on its whole way, through its child and
// the node to the hardware and back, beside the same exchange without all that: "over" is
// the difference. A stream's is two calls, a write and a read.
func BenchmarkHostCall(b *testing.B) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer web.Close()
	fpga := filepath.Join(b.TempDir(), "fpga")
	if err := os.WriteFile(fpga, make([]byte, 4096), 0o600); err != nil {
		b.Fatal(err)
	}
	wasm := cguest.Build(b, "../guests/sdk/c", "testdata/calls.c")
	file := filepath.Join(b.TempDir(), "device.toml")
	if err := os.WriteFile(file, []byte("[config]\ngain = 0.5\n[endpoints]\necho.url = \"tcp://"+echo.Addr().String()+
		"\"\nweb.url = \""+web.URL+"\"\nfpga.url = \"mmio://"+fpga+"?size=4096\"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	device, err := config.LoadDevice(file)
	if err != nil {
		b.Fatal(err)
	}
	cfg, bench, err := host.Equip(host.Program{Name: "calls", Wasm: wasm}, device, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer bench.Close()
	e, err := executor.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()

	conn, err := net.Dial("tcp", echo.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for _, kind := range []struct {
		name string
		bare func() error // nil: there is no I/O
	}{
		{"stream", func() error {
			if _, err := conn.Write([]byte("FETCH?\n")); err != nil {
				return err
			}
			_, err := lines.ReadSlice('\n')
			return err
		}},
		{"http", func() error {
			response, err := http.Get(web.URL + "/")
			if err != nil {
				return err
			}
			defer response.Body.Close()
			_, err = io.ReadAll(response.Body)
			return err
		}},
		{"registers", nil},
		{"config", nil},
		{"log", nil},
		{"cancelled", nil},
	} {
		b.Run(kind.name, func(b *testing.B) {
			const each = 1000 // by turns, so that both have the same machine
			var bare, whole time.Duration
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n += each
				began := time.Now()
				for range each {
					if kind.bare == nil {
						break
					}
					if err := kind.bare(); err != nil {
						b.Fatal(err)
					}
				}
				bare += time.Since(began)
				began = time.Now()
				job := &abi.Job{ID: kind.name, Shots: each, Circuit: &abi.Circuit{NumQubits: 1}}
				if _, err := e.Run(b.Context(), job); err != nil {
					b.Fatal(err)
				}
				whole += time.Since(began)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(bare.Nanoseconds())/float64(n), "bare-ns/call")
			b.ReportMetric(float64(whole.Nanoseconds())/float64(n), "whole-ns/call")
			b.ReportMetric(float64((whole-bare).Nanoseconds())/float64(n), "over-ns/call")
		})
	}
}
