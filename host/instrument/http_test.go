package instrument_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/conductorquantum/coda/abi/effect"
)

const secretToken = "Bearer 0123456789abcdef"

// website is an HTTP server that remembers what it was sent.
type website struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // "METHOD target"
	last http.Header
	body string
}

func newWebsite(tb testing.TB, answer http.HandlerFunc) *website {
	s := &website{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.RequestURI)
		s.last, s.body = r.Header.Clone(), string(body)
		s.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	tb.Cleanup(s.Close)
	return s
}

// lab is an instrument with HTTP, whose headers hold a secret.
func lab(tb testing.TB, answer http.HandlerFunc, more string) (*website, *user, *journal) {
	tb.Helper()
	s := newWebsite(tb, answer)
	token := filepath.Join(tb.TempDir(), "token")
	if err := os.WriteFile(token, []byte(secretToken+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	b, log := bench(tb, fmt.Sprintf(`
[endpoints.api]
url = "%s/base/v1/"
headers = { Authorization = "file:%s", "X-Lab" = "north" }
%s
`, s.URL, token, more))
	return s, guest(tb, b), log
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	s, u, _ := lab(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header()["Date"] = nil
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "3"})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, "moved")
	}, "")
	for range 2 {
		answer := u.must(effect.Call{Func: effect.HTTPSend, Text: "api", Method: "POST", Path: "/run/a%20b?x=%0a&y=[1]",
			Pairs: [][2]string{{"Content-Type", "text/plain"}, {"X-Two", "1"}, {"x-two", "2"}}, Data: []byte("hello")})
		want := effect.Answer{Number: 302, Data: []byte("moved"), Pairs: [][2]string{
			{"content-length", "5"}, {"content-type", "text/plain; charset=utf-8"}, {"location", "/elsewhere"},
			{"set-cookie", "a=1"}, {"set-cookie", "b=2"}, {"set-cookie", "c=3"},
		}}
		if fmt.Sprint(answer) != fmt.Sprint(want) {
			t.Errorf("answer %+v\nwant   %+v", answer, want)
		}
	}
	if want := []string{"POST /base/v1/run/a%20b?x=%0a&y=[1]", "POST /base/v1/run/a%20b?x=%0a&y=[1]"}; !reflect.DeepEqual(s.seen, want) {
		t.Errorf("the server saw %q", s.seen) // and no redirect was followed
	}
	if s.body != "hello" || !reflect.DeepEqual(s.last["X-Two"], []string{"1", "2"}) || s.last.Get("Authorization") != secretToken ||
		s.last.Get("X-Lab") != "north" || s.last.Get("User-Agent") != "coda" || s.last.Get("Cookie") != "" || s.last.Get("Accept-Encoding") != "" {
		t.Errorf("the server saw %v with %q", s.last, s.body)
	}
}

// Nothing that a guest asks for leads out of its grant: the canary hears nothing, and
// neither does the server behind the base URL.
func TestHTTPThatEscapes(t *testing.T) {
	t.Parallel()
	var canary atomic.Int64
	wild, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, wild, func(net.Conn) { canary.Add(1) })
	s, u, _ := lab(t, nil, "")
	elsewhere := wild.Addr().String()
	for _, path := range []string{
		"", "x", "http://" + elsewhere + "/", "//" + elsewhere + "/", "/\\" + elsewhere, "\\\\" + elsewhere, "@" + elsewhere + "/", ":80/",
		"/..", "/../", "/../admin", "/x/../../admin", "/.", "/./", "/x/.", "/x/..", "/%2e%2e/admin", "/%2E%2e/admin", "/.%2e/admin", "/%2e./", "/%2e/",
		"/%252e%252e/admin", "/%25252e%25252e/", "/..%2fadmin", "/..%2Fadmin", "/x%2f..%2f..", "/a%2fb", "/a%5cb", "/a%252fb", "/..%5cadmin", "/a\\..\\b",
		"/..;/admin", "/..;a=b/admin", "/%2e%2e;/admin", "/..%20/", "/%2e%2e%3b/admin",
		"/x\r\nHost: " + elsewhere, "/x\nA: b", "/x y", "/x\ty", "/x\x00", "/x%00", "/x%0d%0aA:b", "/x%250a", "/x#fragment", "/ü", "/%", "/%2", "/%zz", "/x?%", "/x?a b", "/x?\r\n",
		"/" + strings.Repeat("x", 9000),
	} {
		silent(t, u.fails(effect.OutOfRange, effect.Call{Func: effect.HTTPSend, Text: "api", Method: "GET", Path: path}), s.URL, "/base")
	}
	for _, method := range []string{"", "CONNECT", "connect", "TRACE", "Trace", "TRACK", "GET /x HTTP/1.1\r\nHost: a", "G T", "GET\n", "GÉT", strings.Repeat("A", 33)} {
		u.fails(effect.OutOfRange, effect.Call{Func: effect.HTTPSend, Text: "api", Method: method, Path: "/"})
	}
	many := make([][2]string, 65)
	for i := range many {
		many[i] = [2]string{fmt.Sprintf("X-%d", i), "x"}
	}
	for _, headers := range [][][2]string{
		{{"Host", elsewhere}}, {{"hOST", elsewhere}}, {{"Content-Length", "0"}}, {{"content_length", "0"}}, {{"Transfer-Encoding", "chunked"}},
		{{"Connection", "close"}}, {{"TE", "trailers"}}, {{"Trailer", "X"}}, {{"Upgrade", "websocket"}}, {{"Keep-Alive", "1"}}, {{"Expect", "100-continue"}},
		{{"Accept-Encoding", "gzip"}}, {{"Proxy-Authorization", "x"}}, {{"Proxy-Connection", "x"}}, {{"X-Forwarded-Host", elsewhere}}, {{"X_Forwarded_For", "x"}},
		{{"Forwarded", "host=x"}}, {{"X-Original-URL", "/admin"}}, {{"X-Rewrite-Url", "/admin"}}, {{"X-HTTP-Method-Override", "TRACE"}},
		{{"Authorization", "x"}}, {{"authorization", "x"}}, {{"X-Lab", "south"}}, {{"x_lab", "south"}},
		{{"X", "a\r\nHost: b"}}, {{"X", "a\nb"}}, {{"X", "a\rb"}}, {{"X", "a\x00b"}}, {{"X", "a\x7fb"}},
		{{"", "x"}}, {{"X Y", "x"}}, {{"X:", "x"}}, {{"X\r\nHost", "x"}}, {{"X\n", "x"}}, {{" X", "x"}}, {{"Ü", "x"}}, {{":path", "/"}},
		many, {{"X", strings.Repeat("x", 33<<10)}},
	} {
		silent(t, u.fails(effect.OutOfRange, effect.Call{Func: effect.HTTPSend, Text: "api", Method: "GET", Path: "/", Pairs: headers}), "north", "0123456789abcdef")
	}
	for _, endpoint := range []string{"", "http://" + elsewhere, elsewhere, "api/../x", "API"} {
		u.fails(effect.NotGranted, effect.Call{Func: effect.HTTPSend, Text: endpoint, Method: "GET", Path: "/"})
	}
	if len(s.seen) != 0 || canary.Load() != 0 {
		t.Fatalf("something went out: %q, %d to the canary", s.seen, canary.Load())
	}
	u.must(effect.Call{Func: effect.HTTPSend, Text: "api", Method: "GET", Path: "/", Pairs: [][2]string{{"Accept", "*/*"}}})
	if len(s.seen) != 1 || s.seen[0] != "GET /base/v1/" {
		t.Errorf("the server saw %q", s.seen) // it would have heard
	}
}

// A redirect to elsewhere, or a proxy in the environment, is not followed.
func TestHTTPGoesNowhereElse(t *testing.T) {
	var canary atomic.Int64
	wild := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { canary.Add(1) }))
	defer wild.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, wild.URL)
	}
	_, u, _ := lab(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, wild.URL, http.StatusTemporaryRedirect)
	}, "")
	if answer := u.must(effect.Call{Func: effect.HTTPSend, Text: "api", Method: "GET", Path: "/"}); answer.Number != 307 || canary.Load() != 0 {
		t.Errorf("%d, and %d requests to the canary", answer.Number, canary.Load())
	}
}

func TestHTTPSecrets(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"body":   func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "%v", r.Header) },
		"token":  func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "x0123456789abcdefx") },
		"header": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Echo", r.Header.Get("Authorization")) },
	} {
		_, u, log := lab(t, answer, "")
		message := u.fails(effect.Other, effect.Call{Func: effect.HTTPSend, Text: "api", Method: "GET", Path: "/"})
		silent(t, message, "0123456789abcdef")
		if text := log.String(); !strings.Contains(text, "repeats a secret") || strings.Contains(text, "0123456789abcdef") {
			t.Errorf("%s: the log:\n%s", name, text)
		}
	}
}

func TestHTTPBounds(t *testing.T) {
	t.Parallel()
	_, u, _ := lab(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/base/v1/long":
			_, _ = w.Write(make([]byte, 1001))
		case "/base/v1/fits":
			_, _ = w.Write(make([]byte, 1000))
		case "/base/v1/headers":
			w.Header().Set("X", strings.Repeat("x", 100<<10))
		case "/base/v1/slow":
			<-r.Context().Done()
		case "/base/v1/slow-body":
			_, _ = io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/base/v1/cut":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "a")
			panic(http.ErrAbortHandler)
		}
	}, "max_bytes = 1000\ntimeout = \"60s\"")
	get := func(path string) effect.Call {
		return effect.Call{Func: effect.HTTPSend, Text: "api", Method: "GET", Path: path, Number: 50000}
	}
	u.fails(effect.OutOfRange, get("/long"))
	if answer := u.must(get("/fits")); len(answer.Data) != 1000 {
		t.Errorf("%d bytes", len(answer.Data))
	}
	u.fails(effect.Other, get("/headers"))
	u.fails(effect.Closed, get("/cut"))
	post := get("/fits")
	post.Method, post.Data = "POST", make([]byte, 1001)
	u.fails(effect.OutOfRange, post)
	for _, path := range []string{"/slow", "/slow-body"} {
		call := get(path)
		call.Number = 50
		u.fails(effect.TimedOut, call)
		cancelled(t, u, get(path))
	}
}

// What goes over the wire, to the byte, from a guest that repeats nothing: a request that
// the server has read, and closed the connection on, is the guest's to send again.
func TestHTTPIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, data, head string }{
		{"GET", "", ""}, {"HEAD", "", ""}, {"OPTIONS", "", ""}, {"DELETE", "", ""}, {"get", "", ""},
		{"POST", "", "Content-Length: 0\r\n"}, {"GET", "q", "Content-Length: 1\r\n"}, {"OPTIONS", "q", "Content-Length: 1\r\n"},
		{"POST", "q", "Content-Length: 1\r\n"},
	} {
		t.Run(c.method+" "+c.data, func(t *testing.T) {
			t.Parallel()
			seen := make(chan string, 10)
			address := listen(t, func(conn net.Conn) {
				buffer := make([]byte, 1<<10)
				for i := range 2 {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					seen <- string(buffer[:n])
					if i == 0 {
						_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
					}
				}
			})
			b, _ := bench(t, fmt.Sprintf("[endpoints.api]\nurl = \"http://%s/base\"\n", address))
			u := guest(t, b)
			call := effect.Call{Func: effect.HTTPSend, Text: "api", Method: c.method, Path: "/x", Data: []byte(c.data)}
			u.must(call)
			u.fails(effect.Closed, call)
			want := c.method + " /base/x HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: coda\r\n" + c.head + "\r\n" + c.data
			for range 2 {
				if got := <-seen; got != want {
					t.Errorf("the server saw\n%q\nwant\n%q", got, want)
				}
			}
			select {
			case again := <-seen:
				t.Errorf("it was sent again: %q", again)
			default:
			}
		})
	}
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	ca, certificate := authority(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Host) }))
	s.TLS = serverTLS(certificate)
	s.StartTLS()
	defer s.Close()
	b, _ := bench(t, fmt.Sprintf("[endpoints.good]\nurl = \"%s\"\nca = \"%s\"\n[endpoints.bad]\nurl = \"%[1]s\"\n", s.URL, ca))
	u := guest(t, b)
	if answer := u.must(effect.Call{Func: effect.HTTPSend, Text: "good", Method: "GET", Path: "/"}); "https://"+string(answer.Data) != s.URL {
		t.Errorf("answer %s", answer.Data)
	}
	u.fails(effect.Other, effect.Call{Func: effect.HTTPSend, Text: "bad", Method: "GET", Path: "/"})
}

func FuzzHTTPPath(f *testing.F) {
	s := newWebsite(f, nil)
	b, _ := bench(f, fmt.Sprintf("[endpoints.a]\nurl = \"%s/base\"\n", s.URL))
	for _, path := range []string{"/a/b?c=d", "/%2e%2e/", "/a%20b", "/a;b", "/..;x/"} {
		f.Add("GET", path, "X-A", "b")
	}
	f.Fuzz(func(t *testing.T, method, path, name, value string) {
		u := guest(t, b)
		s.mu.Lock()
		s.seen = nil
		s.mu.Unlock()
		u.do(t.Context(), effect.Call{Func: effect.HTTPSend, Text: "a", Method: method, Path: path, Pairs: [][2]string{{name, value}}})
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, seen := range s.seen {
			_, target, _ := strings.Cut(seen, " ")
			target, _, _ = strings.Cut(target, "?")
			for segment := range strings.SplitSeq(target, "/") {
				if segment == ".." || segment == "." || !strings.HasPrefix(target, "/base/") {
					t.Fatalf("%q led to %q", path, seen)
				}
			}
		}
	})
}
