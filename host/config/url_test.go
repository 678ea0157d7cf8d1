package config_test

import (
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
)

func TestOrigin(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://example.com":                      "https://example.com",
		"HTTPS://EXAMPLE.com:443/a?b#c":            "https://example.com",
		"http://example.com:0080":                  "http://example.com",
		"http://example.com:443":                   "http://example.com:443",
		"https://example.com:08443/":               "https://example.com:8443",
		"http://my_service:3000":                   "http://my_service:3000",
		"http://localhost:3000":                    "http://localhost:3000",
		"https://xn--bcher-kva.example":            "https://xn--bcher-kva.example",
		"http://10.8.0.1:3000":                     "http://10.8.0.1:3000",
		"http://[2001:DB8:0:0::1]:80":              "http://[2001:db8::1]",
		"http://[::FFFF:192.0.2.1]:81":             "http://[::ffff:192.0.2.1]:81",
		"https://example.com.":                     "https://example.com.",
		"http://1.example":                         "http://1.example",
		"http://0xcafe.example":                    "http://0xcafe.example",
		"https://bücher.example":                   "",
		"http://hoo\u212as.example":                "",
		"http://user:secret@example.com":           "",
		"http://example.com:":                      "",
		"http://example.com:0":                     "",
		"http://example.com:65536":                 "",
		"http://[fe80::1%25eth0]":                  "",
		"http://[192.0.2.1]":                       "",
		"http://2001:db8::1":                       "",
		"http://2130706433":                        "",
		"http://0x7f000001":                        "",
		"http://0x7f.1":                            "",
		"http://0X7F.0.0.1":                        "",
		"http://127.1":                             "",
		"http://0177.0.0.1":                        "",
		"http://127.0.0.1.":                        "",
		"http://127.0.0.256":                       "",
		"http://x.0x":                              "",
		"http://a b":                               "",
		"http://a;b":                               "",
		"http://a%2eb":                             "",
		"http://a%C3%BC":                           "",
		"ftp://example.com":                        "",
		"example.com":                              "",
		"":                                         "",
		"http:///secret":                           "",
		"http://exa\nmple.com/secret":              "",
		"https://example.com\\@evil.example.com/x": "",
	} {
		got, err := config.Origin(raw)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", raw, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error repeats it: %v", raw, err)
		}
	}
}

// An origin is its own origin, and nothing that another program could read differently.
func FuzzOrigin(f *testing.F) {
	for _, raw := range []string{"https://Example.com:0443/x", "http://[2001:DB8::1%25eth0]:80", "http://0x7f.1", "http://hoo\u212as.example"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		origin, err := config.Origin(raw)
		if err != nil {
			return
		}
		if again, err := config.Origin(origin); err != nil || again != origin {
			t.Fatalf("%q is %q, and that is %q, %v", raw, origin, again, err)
		}
		if strings.Trim(origin, "abcdefghijklmnopqrstuvwxyz0123456789:/.-_[]") != "" {
			t.Fatalf("%q is %q", raw, origin)
		}
	})
}
