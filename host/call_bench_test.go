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
	"slices"
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
// the difference, which the call that starts the job is a hundredth of. A stream's is two
// calls, a write and a read.
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
		"\"\nweb.url = \""+web.URL+"\"\nfpga.url = \"mmio://"+fpga+"?size=4096\"\nfpga.ranges = [\"0x0-0xfff rw\"]\n"), 0o600); err != nil {
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
			const each = 100          // by turns, so that both have the same machine
			var bare, whole []float64 // nanoseconds of one
			b.ReportAllocs()
			for b.Loop() {
				began := time.Now()
				for i := 0; i < each && kind.bare != nil; i++ {
					if err := kind.bare(); err != nil {
						b.Fatal(err)
					}
				}
				bare = append(bare, float64(time.Since(began))/each)
				job := &abi.Job{ID: kind.name, Shots: each, Circuit: &abi.Circuit{NumQubits: 1}}
				began = time.Now()
				if _, err := e.Run(b.Context(), job); err != nil {
					b.Fatal(err)
				}
				whole = append(whole, float64(time.Since(began))/each)
			}
			slices.Sort(bare)
			slices.Sort(whole)
			p50, best := len(bare)/2, 0
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(bare[p50], "bare-p50-ns")
			b.ReportMetric(whole[p50]-bare[p50], "over-p50-ns")
			b.ReportMetric(whole[best]-bare[best], "over-best-ns")
		})
	}
}
