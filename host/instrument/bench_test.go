//go:build unix

package instrument_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/conductorquantum/coda/abi/effect"
)

// A call of each kind, beside the I/O alone.
func BenchmarkCall(b *testing.B) {
	echo := listen(b, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	site := newWebsite(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	path, _, _ := device(b)
	bench, _ := bench(b, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\n[endpoints.web]\nurl = \"%s\"\n", echo, site.URL)+fmt.Sprintf(fpga, path))
	u := guest(b, bench)
	line := []byte("*IDN?\n")

	b.Run("tcp/bare", func(b *testing.B) {
		conn, err := net.Dial("tcp", echo)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		answer := make([]byte, len(line))
		for b.Loop() {
			_, _ = conn.Write(line)
			_, _ = io.ReadFull(conn, answer)
		}
	})
	b.Run("tcp/door", func(b *testing.B) { // two calls
		h := u.open("a")
		for b.Loop() {
			u.must(effect.Call{Func: effect.StreamWrite, Handle: h, Data: line})
			u.must(effect.Call{Func: effect.StreamReadUntil, Handle: h, Number: 100, Second: '\n'})
		}
	})
	b.Run("http/bare", func(b *testing.B) {
		for b.Loop() {
			response, err := http.Post(site.URL+"/", "", strings.NewReader("hello"))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.ReadAll(response.Body)
			response.Body.Close()
		}
	})
	b.Run("http/door", func(b *testing.B) {
		for b.Loop() {
			u.must(effect.Call{Func: effect.HTTPSend, Text: "web", Method: "POST", Path: "/", Data: []byte("hello")})
		}
	})
	b.Run("registers/bare", func(b *testing.B) {
		var word uint32
		for b.Loop() {
			atomic.LoadUint32(&word)
		}
	})
	b.Run("registers/door", func(b *testing.B) {
		h := u.window("fpga")
		for b.Loop() {
			u.must(effect.Call{Func: effect.WindowRead32, Handle: h, Number: 0x104})
		}
	})
}
