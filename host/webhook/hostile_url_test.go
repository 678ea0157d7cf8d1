package webhook_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/webhook"
)

// at is where the allowed origins of the tests are.
var at = map[string]string{
	"http://hooks.example.com:8080": "192.0.2.1:8080",
	"https://cloud.example.com":     "192.0.2.2:443",
	"http://10.8.0.1:3000":          "10.8.0.1:3000",
	"http://[2001:db8::1]:3000":     "[2001:db8::1]:3000",
	"http://plain.example.com":      "192.0.2.3:80",
}

func TestTokensGoToAllowedOriginsAlone(t *testing.T) {
	t.Parallel()
	// Each URL, and where its token may come; "" is nowhere.
	const hooks, cloud, vpn, six, plain = "192.0.2.1:8080", "192.0.2.2:443", "10.8.0.1:3000", "[2001:db8::1]:3000", "192.0.2.3:80"
	for _, tt := range []struct{ url, at string }{
		{"http://hooks.example.com:8080/job?x=1#y", hooks},
		{"HTTP://Hooks.EXAMPLE.com:8080", hooks},
		{"http://hooks.example.com:08080/", hooks},
		{"https://cloud.example.com/hook", cloud},
		{"https://cloud.example.com:443/hook", cloud},
		{"HTTPS://CLOUD.EXAMPLE.COM:0443/hook", cloud},
		{"https://cloud.example.com//evil.example.com/", cloud},
		{"https://cloud.example.com/@evil.example.com/", cloud},
		{`https://cloud.example.com/\evil.example.com/`, cloud},
		{"https://cloud.example.com?@evil.example.com", cloud},
		{"https://cloud.example.com#@evil.example.com", cloud},
		{"http://plain.example.com:80", plain},
		{"http://10.8.0.1:3000/hook", vpn},
		{"http://[2001:db8::1]:3000", six},
		{"http://[2001:DB8:0:0:0:0:0:1]:3000", six},

		// Other schemes, ports, hosts.
		{"http://cloud.example.com/", ""}, {"http://cloud.example.com:443/", ""}, {"https://hooks.example.com:8080/", ""},
		{"ftp://cloud.example.com/", ""}, {"ws://plain.example.com/", ""}, {"gopher://10.8.0.1:3000/", ""}, {"file://cloud.example.com/etc/passwd", ""},
		{"unix:///run/x.sock", ""}, {"javascript://cloud.example.com/%0aalert(1)", ""}, {"data:text/plain,cloud.example.com", ""},
		{"https://cloud.example.com:8443/", ""}, {"https://cloud.example.com:80/", ""}, {"http://hooks.example.com/", ""}, {"http://hooks.example.com:80800/", ""},
		{"https://cloud.example.com:/", ""}, {"https://cloud.example.com:0/", ""}, {"https://cloud.example.com:65979/", ""}, {"https://cloud.example.com:-443/", ""},
		{"https://cloud.example.com:443:443/", ""}, {"https://cloud.example.com:４４３/", ""}, {"https://cloud.example.com:4%343/", ""},
		{"https://evil.example.com/", ""}, {"https://evil.example.com/https://cloud.example.com/", ""},
		{"https://cloud.example.com.evil.example.com/", ""}, {"https://evilcloud.example.com/", ""}, {"https://example.com/", ""}, {"https://cloud.example.co/", ""},
		{"https://cloud-example.com/", ""}, {"https://cloud_example.com/", ""}, {"https://x.cloud.example.com/", ""}, {"https://*.example.com/", ""},

		// User information.
		{"https://user@cloud.example.com/", ""}, {"https://user:pw@cloud.example.com/", ""}, {"https://@cloud.example.com/", ""}, {"https://:@cloud.example.com/", ""},
		{"https://cloud.example.com@evil.example.com/", ""}, {"https://cloud.example.com:443@evil.example.com/", ""},
		{"https://cloud.example.com%40evil.example.com/", ""}, {"https://evil.example.com%40cloud.example.com/", ""},
		{"https://a@b@cloud.example.com/", ""}, {"https://evil.example.com#@cloud.example.com/", ""}, {"https://evil.example.com?@cloud.example.com/", ""},
		{"https://evil.example.com/@cloud.example.com/", ""}, {"https://evil.example.com;@cloud.example.com/", ""},

		// Backslashes, blanks, control characters, what is missing.
		{`https://evil.example.com\@cloud.example.com/`, ""}, {`https://cloud.example.com\@evil.example.com/`, ""}, {`https://cloud.example.com\.evil.example.com/`, ""},
		{`https:\\cloud.example.com\`, ""}, {`https:/\cloud.example.com/`, ""}, {"https:/cloud.example.com/", ""}, {"https:cloud.example.com/", ""}, {"https:///cloud.example.com/", ""},
		{"//cloud.example.com/", ""}, {"cloud.example.com", ""}, {"/hook", ""}, {"", ""}, {"https://", ""}, {"https:", ""}, {"://cloud.example.com", ""}, {"https://:443/", ""},
		{" https://cloud.example.com/", ""}, {"\thttps://cloud.example.com/", ""}, {"ht\ttps://cloud.example.com/", ""}, {"https://cloud.example.com\n/", ""},
		{"https://cloud.example.com/\r\nHost: evil.example.com", ""}, {"https://cloud.example.com\t.evil.example.com/", ""}, {"https://cloud.example.com \n", ""},
		{"https://cloud.example.com\x00.evil.example.com/", ""}, {"https://cloud.example.com .evil.example.com/", ""}, {"\ufeffhttps://cloud.example.com/", ""},
		{"https://cloud.example.com,evil.example.com/", ""}, {"https://cloud.example.com;evil.example.com/", ""}, {"https://cloud.example.com&evil.example.com/", ""},
		{"https://'cloud.example.com'/", ""}, {"https://<cloud.example.com>/", ""}, {"https://$cloud.example.com/", ""},

		// Other spellings of a host.
		{"https://cloud.example.com./", ""}, {"https://.cloud.example.com/", ""}, {"https://cloud..example.com/", ""}, {"https://10.8.0.1.:3000/", ""},
		{"https://%63loud.example.com/", ""}, {"https://cloud%2eexample.com/", ""}, {"https://cloud.example.com%2eevil.example.com/", ""}, {"https://cloud.example.com%00/", ""},
		{"https://cloud.example.com%23.evil.example.com/", ""}, {"https://cloud.example.com%2f@evil.example.com/", ""}, {"https://cloud.example.com%/", ""},
		{"https://сloud.example.com/", ""},               // Cyrillic
		{"https://ｃｌｏｕｄ.example.com/", ""},               // full width, which IDNA reads as the name itself
		{"http://hoo\u212as.example.com:8080/", ""},      // the Kelvin sign, which lower case makes a k
		{"http://hook\u017f.example.com:8080/", ""},      // a long s
		{"https://cloud。example。com/", ""},               // ideographic full stops
		{"https://cl\u00adoud.example.com/", ""},         // a soft hyphen, which IDNA drops
		{"https://cloud.example.com\u200b/", ""},         // nothing to see
		{"https://%EF%BD%83loud.example.com/", ""},       // the same in figures
		{"https://xn--loud-7ld.example.com/", ""},        // the Cyrillic one again
		{"https://cloud.example.com\u2044evil.com/", ""}, // looks like a slash
		{"https://cloud.example.com\u202e/", ""},         // turns the text around
		{"https://cloud.example.com\xff/", ""},           // no UTF-8

		// Other spellings of 10.8.0.1 and of 2001:db8::1, and addresses near them.
		{"http://168296449:3000/", ""}, {"http://0x0a080001:3000/", ""}, {"http://0x0a.8.0.1:3000/", ""}, {"http://012.010.0.1:3000/", ""}, {"http://10.8.1:3000/", ""},
		{"http://10.524289:3000/", ""}, {"http://010.8.0.1:3000/", ""}, {"http://10.8.0.1.:3000/", ""}, {"http://10.8.0.257:3000/", ""}, {"http://1%30.8.0.1:3000/", ""},
		{"http://10.8.0.2:3000/", ""}, {"http://10.8.0.1/", ""}, {"http://１０.8.0.1:3000/", ""}, {"http://10.8.0.1%00:3000/", ""}, {"http://10.8.0.1.nip.io:3000/", ""},
		{"http://[::ffff:10.8.0.1]:3000/", ""}, {"http://[::ffff:0a08:0001]:3000/", ""}, {"http://[::10.8.0.1]:3000/", ""}, {"http://[64:ff9b::10.8.0.1]:3000/", ""},
		{"http://[10.8.0.1]:3000/", ""}, {"http://[2001:db8::1%25eth0]:3000/", ""}, {"http://[2001:db8::1%eth0]:3000/", ""}, {"http://[2001:db8::1%25]:3000/", ""},
		{"http://2001:db8::1:3000/", ""}, {"http://[2001:db8::1]3000/", ""}, {"http://[2001:db8::1:3000/", ""}, {"http://[2001:db8::2]:3000/", ""}, {"http://[2001:db8::1]/", ""},
		{"http://[hooks.example.com]:8080/", ""}, {"http://[]:3000/", ""}, {"http://[v1.x]:3000/", ""}, {"http://[2001:db8::1].evil.example.com:3000/", ""},
		{"http://169.254.169.254/latest/meta-data/", ""}, {"http://127.0.0.1:6379/", ""}, {"http://localhost:6379/", ""}, {"http://[::1]:6379/", ""}, {"http://0.0.0.0:3000/", ""},
	} {
		w := &world{names: map[string][]string{
			"hooks.example.com": {"192.0.2.1"}, "cloud.example.com": {"192.0.2.2"}, "plain.example.com": {"192.0.2.3"},
		}}
		cfg := webhook.Config{Cloud: "https://cloud.example.com"}
		for origin := range at {
			cfg.Origins = append(cfg.Origins, origin)
		}
		s := w.sender(t, cfg)
		allowed, err := s.Allowed(tt.url), s.Post(t.Context(), tt.url, "id", []byte("{}"))
		if (allowed == nil) != (err == nil) {
			t.Errorf("%q: allowed is %v, and Post returned %v", tt.url, allowed, err)
		}
		var want []string
		if tt.at != "" {
			want = []string{tt.at}
		} else if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.Next != fault.Park || e.CanRetry() || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %v", tt.url, err)
		}
		if got := w.tokens(); !slices.Equal(got, want) || len(w.received) != len(want) || !slices.Equal(w.dialled, want) {
			t.Errorf("%q: tokens came to %v, want %v; received %+v, dialled %v", tt.url, got, want, w.received, w.dialled)
		}
	}
}

// Jobs do not get connections of their own by spelling a host differently.
func TestSpellingsShareAConnection(t *testing.T) {
	t.Parallel()
	w := &world{names: map[string][]string{"cloud.example.com": {"192.0.2.2"}}}
	s := w.sender(t, webhook.Config{Cloud: "https://cloud.example.com"})
	for _, url := range []string{"https://cloud.example.com/a", "https://CLOUD.example.com/b", "https://cloud.example.COM:443/c", "HTTPS://cloud.example.com:0443/d"} {
		if err := s.Post(t.Context(), url, "id", nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.dialled) != 1 || len(w.lookups) != 1 || len(w.received) != 4 {
		t.Errorf("dialled %v, looked up %v, %d requests", w.dialled, w.lookups, len(w.received))
	}
	for _, r := range w.received {
		if r.host != "cloud.example.com" {
			t.Errorf("Host is %q", r.host)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308} {
		for _, location := range []string{
			"https://evil.example.com/", "//evil.example.com/", "http://hooks.example.com:8080/", "http://169.254.169.254/", "https://cloud.example.com/elsewhere", "/elsewhere", "", "https://user:pw@evil.example.com/",
		} {
			w := &world{
				names: map[string][]string{"cloud.example.com": {"192.0.2.2"}, "hooks.example.com": {"192.0.2.1"}},
				answers: map[string]http.Handler{"192.0.2.2:443": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", location)
					w.Header().Set("Refresh", "0; url=https://evil.example.com/")
					w.Header().Set("Alt-Svc", `h2="evil.example.com:443"`)
					w.WriteHeader(status)
				})},
			}
			s := w.sender(t, webhook.Config{Cloud: "https://cloud.example.com", Origins: []string{"http://hooks.example.com:8080"}})
			err := s.Post(t.Context(), "https://cloud.example.com/hook", "id", nil)
			if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.Status != status || e.Next != fault.Misdirected || !e.CanRetry() {
				t.Errorf("%d to %q: %v", status, location, err)
			}
			if len(w.received) != 1 || !slices.Equal(w.tokens(), []string{"192.0.2.2:443"}) {
				t.Errorf("%d to %q: received %+v", status, location, w.received)
			}
		}
	}
}

// Over https, whoever is dialled must have the name's certificate before anything is
// sent.
func TestAnImpostorGetsNothing(t *testing.T) {
	t.Parallel()
	w := &world{
		names: map[string][]string{"cloud.example.com": {"198.51.100.66"}},
		certs: map[string]string{"198.51.100.66:443": "evil.example.com"},
	}
	s := w.sender(t, webhook.Config{Cloud: "https://cloud.example.com"})
	err := s.Post(t.Context(), "https://cloud.example.com/", "id", nil)
	if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.Next != fault.Misdirected || !e.CanRetry() {
		t.Errorf("got %v", err)
	}
	if len(w.dialled) != 1 || len(w.received) != 0 {
		t.Errorf("dialled %v, received %+v", w.dialled, w.received)
	}
}

func TestProxies(t *testing.T) {
	t.Parallel()
	const proxy = "127.0.0.1:3128" // loopback is usual for one
	w := &world{names: map[string][]string{"hooks.example.com": {"192.0.2.1"}}}
	s := w.sender(t, webhook.Config{
		Cloud: "https://cloud.example.com", Origins: []string{"http://hooks.example.com:8080"},
		Proxy: func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: proxy}, nil },
	})
	for _, url := range []string{"https://cloud.example.com/hook", "http://hooks.example.com:8080/hook"} {
		if err := s.Post(t.Context(), url, "id", nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.tokens(); !slices.Equal(got, []string{"cloud.example.com:443", "192.0.2.1:8080"}) {
		t.Errorf("tokens came to %v", got)
	}
	if !slices.Equal(w.dialled, []string{proxy, "192.0.2.1:8080"}) || !slices.Equal(w.lookups, []string{"hooks.example.com"}) {
		t.Errorf("dialled %v, looked up %v", w.dialled, w.lookups)
	}
	if r := w.received[0]; r.target != "cloud.example.com:443" || r.header.Get("Authorization") != "" || r.header.Get("Webhook-Id") != "" {
		t.Errorf("the proxy saw %+v", r)
	}

	_, err := webhook.New(webhook.Config{Cloud: "https://cloud.example.com", Proxy: func(*http.Request) (*url.URL, error) { return nil, errors.New("bad secret") }})
	if e, ok := errors.AsType[*fault.ConfigError](err); !ok || !strings.Contains(e.Error(), "HTTPS_PROXY") || strings.Contains(e.Error(), "secret") {
		t.Errorf("a bad proxy: %v", err)
	}
}
