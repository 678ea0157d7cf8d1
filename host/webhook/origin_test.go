package webhook_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/webhook"
)

// strict finds an allowed origin at the beginning of a URL without parsing it: the
// letters of ASCII in either case, nothing else.
func strict(scheme, authority string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, c := range scheme + "://" {
		b.WriteString("[" + strings.ToLower(string(c)) + strings.ToUpper(string(c)) + "]")
	}
	b.WriteString("(?:" + authority + `)(?:[/?#]|\z)`)
	return regexp.MustCompile(b.String())
}

func FuzzAllowed(f *testing.F) {
	for _, url := range []string{
		"https://cloud.example.com/x", "HTTPS://CLOUD.example.com:0443?x#y", "http://hooks.example.com:8080/", "http://10.8.0.1:3000/", "http://[2001:DB8::1]",
		"https://cloud.example.com@evil.example.com", "http://[::1]:80", "%", "http://hoo\u212as.example.com:8080/", "http://168296449:3000/", "http://[2001:db8::1%25eth0]",
		`https://evil.example.com\@cloud.example.com`, "https://cloud.example.com%2eevil.example.com", "https://cloud.example.com\n.evil.example.com",
	} {
		f.Add(url)
	}
	origins := map[string]*regexp.Regexp{ // by the address that each may be dialled at
		"192.0.2.2:443":    strict("https", `[cC][lL][oO][uU][dD]\.[eE][xX][aA][mM][pP][lL][eE]\.[cC][oO][mM](?::0*443)?`),
		"192.0.2.1:8080":   strict("http", `[hH][oO][oO][kK][sS]\.[eE][xX][aA][mM][pP][lL][eE]\.[cC][oO][mM]:0*8080`),
		"10.8.0.1:3000":    strict("http", `10\.8\.0\.1:0*3000`),
		"[2001:db8::1]:80": strict("http", `\[2001:0?[dD][bB]8:[0:]*:0{0,3}1\](?::0*80)?`),
	}
	var dialled []string
	s, err := webhook.New(webhook.Config{
		Cloud: "https://cloud.example.com", Origins: []string{"http://hooks.example.com:8080", "http://10.8.0.1:3000", "http://[2001:db8::1]"},
		Signer: &signer{}, Proxy: noProxy,
		Resolver: names{"cloud.example.com": "192.0.2.2", "hooks.example.com": "192.0.2.1"},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = append(dialled, address)
			return nil, errors.New("nobody there")
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	plain := regexp.MustCompile(`\A[A-Za-z0-9:/._?#-]*\z`)
	f.Fuzz(func(t *testing.T, url string) {
		dialled = nil
		allowed := s.Allowed(url)
		_ = s.Post(t.Context(), url, "id", nil)
		var expected string
		for address, origin := range origins {
			if origin.MatchString(url) {
				expected = address
			}
		}
		switch {
		case allowed != nil && len(dialled) > 0:
			t.Fatalf("%q is refused (%v), and %v was dialled", url, allowed, dialled)
		case allowed == nil && expected == "":
			t.Fatalf("%q is of no allowed origin", url)
		case allowed == nil && (len(dialled) != 1 || dialled[0] != expected):
			t.Fatalf("%q: dialled %v, want %s", url, dialled, expected)
		case allowed != nil && expected != "" && plain.MatchString(url):
			t.Fatalf("%q: %v", url, allowed)
		}
	})
}

// names is a name server that knows these.
type names map[string]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	text, ok := n[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr(text)}, nil
}
