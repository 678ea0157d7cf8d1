package config_test

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"device.toml": `
[endpoints.scope]
url = "TLS://[fe80::1%25eth0]:5025"
ca = "ca.pem"
certificate = "own.pem"
key = "own.key"
server_name = "scope.example.com"
exclusive = false
connect_timeout = "1s"
bytes_per_second = "1MiB"
calls_per_second = 50
max_bytes = "64KiB"
[endpoints.api]
url = "https://API.example.com:443/v1/a%20b/"
headers = { authorization = "env:LAB_TOKEN", X-Key = "file:key", Accept = "text/plain" }
[endpoints.fpga]
url = "mmio:///dev/uio0?size=0x1000&offset=4096"
ranges = ["0x100-0x1ff r", { range = "0x0", access = "rw", mask = 0x0f, values = [1, 2] }]
[endpoints.line]
url = "serial:///dev/ttyUSB0?baud=115200&parity=odd&data=7&stop=2"
[endpoints.s]
url = "unix:///run//lab.sock"
`, "device.yaml": `
endpoints:
  scope: {url: "TLS://[fe80::1%25eth0]:5025", ca: ca.pem, certificate: own.pem, key: own.key, server_name: scope.example.com,
    exclusive: false, connect_timeout: 1s, bytes_per_second: 1MiB, calls_per_second: 50, max_bytes: 64KiB}
  api: {url: "https://API.example.com:443/v1/a%20b/", headers: {authorization: "env:LAB_TOKEN", X-Key: "file:key", Accept: text/plain}}
  fpga: {url: "mmio:///dev/uio0?size=0x1000&offset=4096", ranges: ["0x100-0x1ff r", {range: "0x0", access: rw, mask: 0x0f, values: [1, 2]}]}
  line: {url: "serial:///dev/ttyUSB0?baud=115200&parity=odd&data=7&stop=2"}
  s: {url: "unix:///run//lab.sock"}
`} {
		d, dir, err := device(t, name, text)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]config.Endpoint{
			"scope": {Target: config.Target{Scheme: "tls", Address: "[fe80::1%eth0]:5025"}, URL: "TLS://[fe80::1%25eth0]:5025",
				TLS: config.TLSFiles{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "own.pem"), Key: filepath.Join(dir, "own.key"),
					ServerName: "scope.example.com"},
				Shared: true, ConnectTimeout: time.Second, BytesPerSecond: 1 << 20, CallsPerSecond: 50, MaxBytes: 64 << 10},
			"api": {Target: config.Target{Scheme: "https", Base: "https://api.example.com/v1/a%20b"}, URL: "https://API.example.com:443/v1/a%20b/",
				Headers: map[string]config.SecretSource{"Authorization": {Environment: "LAB_TOKEN"}, "X-Key": {File: filepath.Join(dir, "key")}, "Accept": {Value: "text/plain"}}},
			"fpga": {Target: config.Target{Scheme: "mmio", Path: "/dev/uio0", Size: 4096, Offset: 4096}, URL: "mmio:///dev/uio0?size=0x1000&offset=4096",
				Ranges: []config.RegisterRange{
					{First: 0, Last: 3, Read: true, Write: true, Mask: 0x0f, Values: []uint32{1, 2}},
					{First: 0x100, Last: 0x1ff, Read: true, Mask: math.MaxUint32}}},
			"line": {Target: config.Target{Scheme: "serial", Path: "/dev/ttyUSB0", Serial: config.SerialLine{Baud: 115200, DataBits: 7, Parity: "odd", StopBits: "2"}},
				URL: "serial:///dev/ttyUSB0?baud=115200&parity=odd&data=7&stop=2"},
			"s": {Target: config.Target{Scheme: "unix", Path: "/run/lab.sock"}, URL: "unix:///run//lab.sock"},
		}
		for endpoint := range want {
			if !reflect.DeepEqual(d.Endpoints[endpoint], want[endpoint]) {
				t.Errorf("%s: %s:\ngot  %+v\nwant %+v", name, endpoint, d.Endpoints[endpoint], want[endpoint])
			}
		}
	}
}

func TestEndpointErrors(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"tcp://192.0.2.1":                         "no port",
		"tcp://192.0.2.1:0":                       "no port",
		"tcp://192.0.2.1:65536":                   "no port",
		"tcp://:5025":                             "names no host",
		"tcp://2130706433:1":                      "four decimal numbers",
		"tcp://192.0.2.1:1/":                      "has a path",
		"tcp://192.0.2.1:1?x=1":                   `a query "x", which tcp:// has no use for`,
		"tcp://user:hunter2@192.0.2.1:1":          "user information",
		"tcp://192.0.2.1:1#x":                     "fragment",
		"tls://[::1:5":                            "is not a URL",
		"unix://run/x":                            "names a host; a path has three slashes",
		"unix:///":                                "no absolute path",
		"unix:///" + strings.Repeat("x", 110):     "names a socket by 111 bytes",
		"file:///dev/a%00b":                       "zero byte",
		"serial:///dev/ttyS0?baud=x":              "baud outside",
		"serial:///dev/ttyS0?baud=9600&baud=1":    `says "baud" twice`,
		"serial:///dev/ttyS0?data=9":              "5 to 8",
		"serial:///dev/ttyS0?parity=maybe":        "parity",
		"serial:///dev/ttyS0?stop=3":              "stop",
		"serial:///dev/ttyS0?stop=1.5":            "neither 1 nor 2",
		"serial:///dev/ttyS0?buad=9600":           `a query "buad"`,
		"http://example.com/?a=b":                 "query",
		"http://example.com/../x":                 "dot segments",
		"http://example.com/%2e%2e/x":             "dot segments",
		"http://example.com/a%2fb":                "encoded slash",
		"http://example.com/a%5cb":                "backslashes",
		"ftp://example.com/":                      "must start with one of tcp",
		"mmio:///dev/uio0":                        "has no size",
		"mmio:///dev/uio0?size=6":                 "multiple of 4",
		"mmio:///dev/uio0?size=4096&offset=5":     "multiple of 4096",
		"mmio:///dev/uio0?size=99999999999":       "has a size",
		"mmio:///dev/uio0?size=4096&offset=-4096": "has an offset",
	} {
		_, _, err := device(t, "device.toml", fmt.Sprintf("[endpoints.a]\nurl = %q\n", url))
		if _, ok := errors.AsType[*fault.ConfigError](err); !ok || !strings.Contains(err.Error(), ":2: endpoints.a.url: ") ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s:\ngot  %v\nwant %s", url, err, want)
		}
	}
	const tcp, web, mmio = "url = 'tcp://192.0.2.1:1'\n", "url = 'http://192.0.2.1'\n", "url = 'mmio:///dev/uio0?size=4096'\n"
	for _, tt := range []struct{ text, want string }{
		{tcp + "headers = {}", ":3: endpoints.a.headers: is nothing for tcp://; it is for http, https"},
		{tcp + "ca = 'x'", "it is for tls, https"},
		{tcp + "ranges = ['0 r']", "it is for mmio"},
		{web + "exclusive = true", "is nothing for http://"},
		{mmio + "connect_timeout = '1s'\nranges = ['0 r']", "is nothing for mmio://"},
		{tcp + "exclusive = 1", "must be true or false"},
		{tcp + "exclusiv = true", "did you mean endpoints.a.exclusive?"},
		{tcp + "max_bytes = '17MiB'", "at most 16MiB"},
		{web + "max_bytes = '65MiB'", "at most 64MiB"},
		{tcp + "calls_per_second = 0", "out of range"},
		{tcp + "bytes_per_second = 'x'", "is not a size"},
		{tcp + "timeout = 2", "must be a time"},
		{"url = 'https://192.0.2.1'\ncertificate = 'x'", "belong together"},
		{"url = 'https://192.0.2.1'\nserver_name = 'ü'", "must be a host's name"},
		{"url = 'https://192.0.2.1'\nca = 3", "path of a file"},
		{web + "headers = 3", "must be a table"},
		{web + "headers = { Host = 'x' }", ":3: endpoints.a.headers.Host: is the node's own to set"},
		{web + "headers = { 'a b' = 'x' }", "is no name of a header"},
		{web + "headers = { a = 'x', A = 'y' }", "is set twice"},
		{web + "headers = { a = 3 }", "must be text"},
		{web + "headers = { a = \"x\\ny\" }", "control characters"},
		{web + "headers = { a = 'env:' }", "must name a variable"},
		{web + "headers = { a = 'file:' }", "must name a file"},
		{mmio, "has no ranges"},
		{mmio + "ranges = []", "must be a list of ranges"},
		{mmio + "ranges = '0 rw'", "must be a list of ranges"},
		{mmio + "ranges = ['0-3']", "range 1 must say r, w or rw"},
		{mmio + "ranges = ['0-3 x']", "must say r, w or rw"},
		{mmio + "ranges = ['2-5 r']", "start at a multiple of 4"},
		{mmio + "ranges = ['0-4 r']", "last byte of a word"},
		{mmio + "ranges = ['8-3 r']", "last byte of a word"},
		{mmio + "ranges = ['0-0x1003 r']", "beyond the window"},
		{mmio + "ranges = ['0-7 r', '4 w']", "0x0004 is in two ranges"},
		{mmio + "ranges = [3]", "must be text or a table"},
		{mmio + "ranges = [{ range = '0', access = 'rw', wide = 1 }]", `unknown key "wide"`},
		{mmio + "ranges = [{ range = '0', access = 'r', mask = 1 }]", "but none may be"},
		{mmio + "ranges = [{ range = '0', access = 'w', mask = -1 }]", "mask that is no number"},
		{mmio + "ranges = [{ range = '0', access = 'w', values = 3 }]", "no list of numbers"},
		{mmio + "ranges = [{ range = '0', access = 'w', values = [0x100000000] }]", "no number of 32 bits"},
		{mmio + "ranges = [{ range = '0', access = 'w', values = [2], mask = 1 }]", "which its mask does not allow"},
	} {
		_, _, err := device(t, "device.toml", "[endpoints.a]\n"+tt.text+"\n")
		if _, ok := errors.AsType[*fault.ConfigError](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
}
