package webhook_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/webhook"
)

func TestAllowed(t *testing.T) {
	t.Parallel()
	forbidden := roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a connection was made")
		return nil, errors.New("no")
	})
	s := sender(t, webhook.Config{Cloud: "https://Cloud.example.com/base", Origins: []string{"http://hooks.example.com:8080", "https://[2001:db8::1]:443"}, Transport: forbidden})
	for _, url := range []string{
		"https://cloud.example.com", "https://cloud.example.com/a?b#c", "HTTPS://CLOUD.EXAMPLE.COM:443/x",
		"http://hooks.example.com:8080/x", "https://[2001:DB8::1]/x",
	} {
		if err := s.Allowed(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{
		"", "/hook", "cloud.example.com", "//cloud.example.com", "ftp://cloud.example.com", "file:///etc/passwd", "javascript:alert(1)",
		"http://cloud.example.com", "https://cloud.example.com:8443", "https://cloud.example.com:0443x", "https://cloud.example.com:",
		"https://user@cloud.example.com", "https://user:pw@cloud.example.com", "https://@cloud.example.com",
		"https://evil.example.com", "https://cloud.example.com.evil.example.com", "https://evil.example.com/cloud.example.com",
		"https://cloud.example.com@evil.example.com", "https://evil.example.com#@cloud.example.com", `https://evil.example.com\@cloud.example.com`,
		"https://cloud.example.com.", "https://cloud.example.com%2eevil.example.com", "https://hooks.example.com:8080",
		"http://hooks.example.com", "http://192.0.2.1", "http://[::1]", "http://[fe80::1%25eth0]", "https://2001:db8::1",
		"https://cloud.example.com\n.evil.example.com", " https://cloud.example.com", "https:cloud.example.com", "https:///cloud.example.com",
		"https://cloud.example.com:99999",
	} {
		allowed := s.Allowed(url)
		posted := s.Post(t.Context(), url, "id", nil)
		for _, err := range []error{allowed, posted} {
			e, ok := errors.AsType[*fault.WebhookError](err)
			if !ok || e.Next != fault.Park || e.CanRetry() || strings.Contains(err.Error(), "pw") {
				t.Errorf("%q: %v", url, err)
			}
		}
	}
}

func FuzzAllowed(f *testing.F) {
	for _, url := range []string{"https://cloud.example.com/x", "https://cloud.example.com@evil.example.com", "http://[::1]:80", "%"} {
		f.Add(url)
	}
	s, err := webhook.New(webhook.Config{Cloud: "https://cloud.example.com"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, url string) {
		if s.Allowed(url) != nil {
			return
		}
		request, err := http.NewRequest(http.MethodPost, url, nil)
		if err != nil {
			t.Skip() // Post refuses it
		}
		if host := strings.TrimSuffix(strings.ToLower(request.URL.Host), ":443"); request.URL.Scheme != "https" || host != "cloud.example.com" || request.URL.User != nil {
			t.Fatalf("%q would be sent to %s", url, request.URL)
		}
	})
}
