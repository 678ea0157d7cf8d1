package webhook_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/webhook"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		origin, answer string
		dialled        []string // none: nothing was dialled
	}{
		{"http://hooks.example.com", "192.0.2.1", []string{"192.0.2.1:80"}},
		{"http://hooks.example.com", "2001:db8::7", []string{"[2001:db8::7]:80"}},
		{"http://hooks.example.com", "::ffff:192.0.2.1", []string{"192.0.2.1:80"}},
		// The tunnel and the laboratory.
		{"http://hooks.example.com", "10.8.0.1", []string{"10.8.0.1:80"}},
		{"http://hooks.example.com", "172.16.0.1", []string{"172.16.0.1:80"}},
		{"http://hooks.example.com", "192.168.1.1", []string{"192.168.1.1:80"}},
		{"http://hooks.example.com", "100.64.0.1", []string{"100.64.0.1:80"}},
		{"http://hooks.example.com", "fd12:3456::1", []string{"[fd12:3456::1]:80"}},
		{"http://hooks.example.com", "64:ff9b::192.0.2.1", []string{"[64:ff9b::c000:201]:80"}},
		// What trusts this machine or this cable.
		{"http://hooks.example.com", "127.0.0.1", nil},
		{"http://hooks.example.com", "127.8.9.1", nil},
		{"http://hooks.example.com", "::1", nil},
		{"http://hooks.example.com", "::ffff:127.0.0.1", nil},
		{"http://hooks.example.com", "::127.0.0.1", nil},
		{"http://hooks.example.com", "64:ff9b::127.0.0.1", nil},
		{"http://hooks.example.com", "2002:7f00:1::", nil},
		{"http://hooks.example.com", "2001::1", nil},
		{"http://hooks.example.com", "169.254.1.1", nil},
		{"http://hooks.example.com", "fe80::1", nil},
		{"http://hooks.example.com", "fe80::1%eth0", nil},
		// Nobody.
		{"http://hooks.example.com", "0.0.0.0", nil},
		{"http://hooks.example.com", "0.1.2.3", nil},
		{"http://hooks.example.com", "::", nil},
		{"http://hooks.example.com", "224.0.0.1", nil},
		{"http://hooks.example.com", "ff02::1%eth0", nil},
		{"http://hooks.example.com", "255.255.255.255", nil},
		{"http://hooks.example.com", "240.0.0.1", nil},
		{"http://hooks.example.com", "169.254.169.254", nil},
		{"http://hooks.example.com", "::ffff:169.254.169.254", nil},
		{"http://hooks.example.com", "64:ff9b::169.254.169.254", nil},
		{"http://hooks.example.com", "169.254.170.2", nil},
		{"http://hooks.example.com", "fd00:ec2::254", nil},
		{"http://hooks.example.com", "fd20:ce::254", nil},
		{"http://hooks.example.com", "168.63.129.16", nil},
		{"http://hooks.example.com", "100.100.100.200", nil},
		// What is good of a mixed answer.
		{"http://hooks.example.com", "127.0.0.1 192.0.2.1 169.254.169.254", []string{"192.0.2.1:80"}},
		{"http://hooks.example.com", "", nil},
		// localhost is this machine and nothing else.
		{"http://localhost:3000", "127.0.0.1", []string{"127.0.0.1:3000"}},
		{"http://LOCALHOST:3000", "::1", []string{"[::1]:3000"}},
		{"http://coda.localhost:3000", "127.0.0.1", []string{"127.0.0.1:3000"}},
		{"http://localhost.:3000", "127.0.0.1", []string{"127.0.0.1:3000"}},
		{"http://localhost:3000", "192.0.2.1", nil},
		{"http://localhost:3000", "10.0.0.1", nil},
		{"http://localhost:3000", "0.0.0.0", nil},
		{"http://localhost.example.com:3000", "127.0.0.1", nil},
		// An address that is written is meant.
		{"http://127.0.0.1:3000", "198.51.100.66", []string{"127.0.0.1:3000"}},
		{"http://[::1]:3000", "198.51.100.66", []string{"[::1]:3000"}},
		{"http://[::ffff:127.0.0.1]:3000", "198.51.100.66", []string{"127.0.0.1:3000"}},
		{"http://10.8.0.1:3000", "198.51.100.66", []string{"10.8.0.1:3000"}},
		{"http://169.254.1.1", "198.51.100.66", []string{"169.254.1.1:80"}},
	} {
		for _, own := range []bool{true, false} {
			w := &world{names: map[string][]string{}}
			for _, host := range []string{"hooks.example.com", "localhost", "localhost.", "coda.localhost", "localhost.example.com"} {
				w.names[host] = []string{tt.answer}
			}
			cfg := webhook.Config{Cloud: tt.origin}
			if !own {
				cfg = webhook.Config{Cloud: "https://cloud.example.com", Origins: []string{tt.origin}}
			}
			err := w.sender(t, cfg).Post(t.Context(), tt.origin+"/hook", "id", nil)
			if !slices.Equal(w.dialled, tt.dialled) {
				t.Errorf("%s at %q: dialled %v, want %v", tt.origin, tt.answer, w.dialled, tt.dialled)
			}
			if tt.dialled != nil {
				if err != nil {
					t.Errorf("%s at %q: %v", tt.origin, tt.answer, err)
				}
				continue
			}
			e, ok := errors.AsType[*fault.WebhookError](err)
			want := fault.Misdirected
			if tt.answer == "" {
				want = fault.TryAgain
			}
			if !ok || e.Next != want || !e.CanRetry() || len(w.received) != 0 {
				t.Errorf("%s at %q: %v", tt.origin, tt.answer, err)
			}
		}
	}
}

// A name server that changes its answer is heard once for each connection.
func TestTheCheckedAddressIsDialled(t *testing.T) {
	t.Parallel()
	w := &world{
		names: map[string][]string{"hooks.example.com": {"192.0.2.1", "127.0.0.1", "169.254.169.254", "192.0.2.2"}},
		answers: map[string]http.Handler{"192.0.2.1:80": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Webhook-Id") == "last" {
				w.Header().Set("Connection", "close")
			}
		})},
	}
	s := w.sender(t, webhook.Config{Cloud: "http://hooks.example.com"})
	post := func(id string) error { return s.Post(t.Context(), "http://hooks.example.com/", id, nil) }
	for _, id := range []string{"first", "second", "last"} { // one connection, to the first answer
		if err := post(id); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.lookups) != 1 || !slices.Equal(w.dialled, []string{"192.0.2.1:80"}) {
		t.Fatalf("looked up %v, dialled %v", w.lookups, w.dialled)
	}
	for _, address := range []string{"127.0.0.1", "169.254.169.254"} {
		if err := post("id"); err == nil || !strings.Contains(err.Error(), "hooks.example.com leads to "+address) {
			t.Errorf("at %s: %v", address, err)
		}
	}
	if len(w.lookups) != 3 || len(w.dialled) != 1 {
		t.Fatalf("looked up %v, dialled %v", w.lookups, w.dialled)
	}
	if err := post("id"); err != nil || !slices.Equal(w.dialled, []string{"192.0.2.1:80", "192.0.2.2:80"}) {
		t.Errorf("%v; dialled %v", err, w.dialled)
	}
}

func TestTheNextAddressIsTried(t *testing.T) {
	t.Parallel()
	w := &world{
		names: map[string][]string{"hooks.example.com": {"2001:db8::1 192.0.2.1 192.0.2.2"}},
		down:  map[string]bool{"[2001:db8::1]:80": true, "192.0.2.1:80": true},
	}
	s := w.sender(t, webhook.Config{Cloud: "http://hooks.example.com"})
	if err := s.Post(t.Context(), "http://hooks.example.com/", "id", nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{"[2001:db8::1]:80", "192.0.2.1:80", "192.0.2.2:80"}; !slices.Equal(w.dialled, want) || len(w.lookups) != 1 {
		t.Errorf("dialled %v, want %v; looked up %v", w.dialled, want, w.lookups)
	}

	all := strings.TrimSpace(strings.Repeat("192.0.2.1 ", 1000))
	w = &world{names: map[string][]string{"hooks.example.com": {all}}, down: map[string]bool{"192.0.2.1:80": true}}
	s = w.sender(t, webhook.Config{Cloud: "http://hooks.example.com"})
	err := s.Post(t.Context(), "http://hooks.example.com/", "id", nil)
	if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.Next != fault.TryAgain || len(w.dialled) != 8 {
		t.Errorf("%v; dialled %d times", err, len(w.dialled))
	}
}

func TestOriginsThatNobodyHas(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"http://0.0.0.0:3000", "http://[::]:3000", "http://224.0.0.1", "http://[ff02::1]", "http://255.255.255.255",
		"http://169.254.169.254", "http://[::ffff:169.254.169.254]", "http://[fd00:ec2::254]",
	} {
		for where, cfg := range map[string]webhook.Config{
			"CODA_WEBAPP_URL":       {Cloud: origin},
			"CODA_CALLBACK_ORIGINS": {Cloud: "https://cloud.example.com", Origins: []string{origin}},
		} {
			_, err := webhook.New(cfg)
			if e, ok := errors.AsType[*fault.ConfigError](err); !ok || e.Where != where {
				t.Errorf("%s: %v", origin, err)
			}
		}
	}
}
