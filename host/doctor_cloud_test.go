package host_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestDoctorAsksTheCloud(t *testing.T) {
	t.Parallel()
	says := func(status int, body string) func(*testing.T) string {
		return func(t *testing.T) string {
			return cloudThat(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Door") != "secret-header" || r.Header.Get("Authorization") != "" || r.Method != http.MethodGet {
					status = http.StatusTeapot
				}
				w.Header().Set("Location", "https://user:secret@other.example.com/secret")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
		}
	}
	dated := func(skew time.Duration) func(*testing.T) string {
		return func(t *testing.T) string {
			return cloudThat(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
				_, _ = io.WriteString(w, `{"ok":true}`)
			})
		}
	}
	for name, tt := range map[string]struct {
		cloud func(t *testing.T) string
		wants []string
	}{
		"answers":   {says(200, `{"ok": true}`), []string{"ok cloud http://127.0.0.1:"}},
		"is down":   {func(*testing.T) string { return "http://127.0.0.1:1" }, []string{"problem cloud TCP: 127.0.0.1:1 refuses the connection → check the address", "warning clock not compared"}},
		"no name":   {func(*testing.T) string { return "http://nowhere.invalid" }, []string{"problem cloud DNS: nowhere.invalid cannot be resolved: ", "→ check the name"}},
		"fails":     {says(503, ""), []string{"answers HTTP 503 → try again later", "ok clock"}},
		"too many":  {says(429, ""), []string{"problem cloud", "answers HTTP 429"}},
		"not there": {says(404, ""), []string{"problem cloud", "answers HTTP 404 → check CODA_WEBAPP_URL"}},
		"redirects": {says(302, ""), []string{"problem cloud", "redirects to https://other.example.com (HTTP 302)", "→ set CODA_WEBAPP_URL"}},
		"a portal":  {says(200, "<html>Welcome</html>"), []string{"warning cloud", "but not as the cloud does"}},
		"no TLS": {func(t *testing.T) string { return strings.Replace(says(200, "")(t), "http:", "https:", 1) },
			[]string{"problem cloud TLS: 127.0.0.1:", "does not speak TLS there", "ok cloud TCP: connected to"}},
		"a certificate that nobody trusts": {func(t *testing.T) string {
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			t.Cleanup(s.Close)
			return s.URL
		}, []string{"problem cloud TLS: the certificate of 127.0.0.1 is not trusted", "→ check this machine's clock and CA certificates"}},
		"breaks off": {func(t *testing.T) string {
			return cloudThat(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, "{")
			})
		}, []string{"problem cloud", "breaks off its answer"}},
		"clocks agree":   {dated(20 * time.Second), []string{"ok clock within "}},
		"ours is behind": {dated(time.Hour), []string{"warning clock ", "s behind the cloud's", "→ keep the clock with NTP"}},
		"ours is ahead":  {dated(-time.Hour), []string{"warning clock ", "s ahead of the cloud's"}},
		"does not tell it": {func(t *testing.T) string {
			return cloudThat(t, func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil })
		}, []string{"warning clock not compared"}},
		"its URL is no URL": {func(*testing.T) string { return "ftp://secret@192.0.2.1" }, []string{"problem cloud not asked: the cloud's URL is not an http"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := healthy(t)
			p.env["CODA_WEBAPP_URL"] = tt.cloud(t)
			found, _ := p.examine(t.Context(), t)
			expect(t, found, tt.wants...)
		})
	}
	t.Run("does not answer", func(t *testing.T) {
		t.Parallel()
		asked := make(chan struct{})
		ctx, cancel := context.WithCancelCause(t.Context())
		p := healthy(t)
		p.env["CODA_WEBAPP_URL"] = cloudThat(t, func(_ http.ResponseWriter, r *http.Request) {
			close(asked)
			<-r.Context().Done()
		})
		go func() {
			<-asked
			cancel(nil)
		}()
		found, _ := p.examine(ctx, t)
		expect(t, found, "problem cloud 127.0.0.1:", "→ allow outgoing connections to 127.0.0.1:")
	})
}
