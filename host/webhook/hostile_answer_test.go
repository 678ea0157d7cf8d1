package webhook_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/webhook"
)

const mostRead = 64 << 10

// read counts what is read from a connection.
type read struct {
	net.Conn
	n *atomic.Int64
}

func (r read) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.n.Add(int64(n))
	return n, err
}

// drip writes a byte a second until the other side is gone.
func drip(w io.Writer, text string) {
	for i := 0; ; i++ {
		if _, err := w.Write([]byte{text[i%len(text)]}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// silence reads until the other side is gone.
func silence(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// say writes a text to a side that may be gone.
func say(w io.Writer, text string) { _, _ = io.WriteString(w, text) }

// flood writes a text until the other side is gone.
func flood(w io.Writer, text string) {
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

// Every answer costs at most the 30 s of the exchange, by the clock of the bubble,
// and 64 KiB, by what leaves the connection. That the bubble ends proves that no
// goroutine is left.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	const (
		at200   = "HTTP/1.1 200 OK\r\n"
		at500   = "HTTP/1.1 500 No\r\n"
		all     = 30 * time.Second
		atOnce  = 0
		chunked = "Transfer-Encoding: chunked\r\n\r\n"
	)
	var member bytes.Buffer
	zip := gzip.NewWriter(&member)
	_, _ = zip.Write(make([]byte, 1<<20))
	zip.Close()
	bomb := bytes.Repeat(member.Bytes(), 300) // a gzip file may have many members

	for _, tt := range []struct {
		name   string
		answer func(net.Conn)
		took   time.Duration
		taken  bool // a 2xx was seen, so the outcome is delivered
	}{
		{"silence", func(c net.Conn) { silence(c) }, all, false},
		{"dripping status line", func(c net.Conn) { drip(c, "HTTP/1.1 200 "+strings.Repeat("O", 99)) }, all, false},
		{"dripping headers", func(c net.Conn) { say(c, at200); drip(c, "A: b\r\n") }, all, false},
		{"dripping body of a 200", func(c net.Conn) { say(c, at200+"\r\n"); drip(c, "x") }, all, true},
		{"dripping body of a 500", func(c net.Conn) { say(c, at500+"\r\n"); drip(c, "x") }, all, false},
		{"dripping chunks", func(c net.Conn) { say(c, at200+chunked); drip(c, "1\r\nx\r\n") }, all, true},
		{"dripping trailers", func(c net.Conn) { say(c, at200+chunked+"0\r\n"); drip(c, "A: b\r\n") }, all, true},
		{"dripping 1xx", func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, all, false},
		{"headers, then silence", func(c net.Conn) { say(c, at200+"Content-Length: 5\r\n\r\nx"); silence(c) }, all, true},

		{"endless status line", func(c net.Conn) { flood(c, "HTTP/1.1 200 ") }, atOnce, false},
		{"endless header", func(c net.Conn) { say(c, at200+"A: "); flood(c, strings.Repeat("x", 1000)) }, atOnce, false},
		{"endless headers", func(c net.Conn) { say(c, at200); flood(c, "A: b\r\n") }, atOnce, false},
		{"endless header that is continued", func(c net.Conn) { say(c, at200+"A: b\r\n"); flood(c, " c\r\n") }, atOnce, false},
		{"endless body of a 200", func(c net.Conn) { say(c, at200+"\r\n"); flood(c, strings.Repeat("x", 5000)) }, atOnce, true},
		{"endless body of a 500", func(c net.Conn) { say(c, at500+"\r\n"); flood(c, strings.Repeat("x", 5000)) }, atOnce, false},
		{"endless chunks of one byte", func(c net.Conn) { say(c, at200+chunked); flood(c, "1\r\nx\r\n") }, atOnce, true},
		{"endless chunk header", func(c net.Conn) { say(c, at200+chunked+"1;"); flood(c, strings.Repeat("x", 1000)) }, atOnce, true},
		{"chunk extensions", func(c net.Conn) {
			say(c, at200+chunked)
			flood(c, "1;"+strings.Repeat("x", 3000)+"\r\nx\r\n")
		}, atOnce, true},
		{"endless trailers", func(c net.Conn) { say(c, at200+chunked+"0\r\n"); flood(c, "A: b\r\n") }, atOnce, true},
		{"flood of 1xx", func(c net.Conn) { flood(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") }, atOnce, false},
		{"flood of 100 Continue", func(c net.Conn) { flood(c, "HTTP/1.1 100 Continue\r\n\r\n") }, atOnce, false},
		{"300 MB", func(c net.Conn) {
			say(c, at200+"Content-Length: 300000000\r\n\r\n")
			flood(c, strings.Repeat("x", 5000))
		}, atOnce, true},
		{"more than there can be", func(c net.Conn) { say(c, at500+"Content-Length: 9223372036854775807\r\n\r\nx") }, atOnce, false},
		{"gzip bomb", func(c net.Conn) {
			say(c, fmt.Sprintf("%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", at200, len(bomb)))
			_, _ = c.Write(bomb)
		}, atOnce, true},
		{"gzip bomb that explains", func(c net.Conn) {
			say(c, at500+"Content-Encoding: gzip\r\n\r\n")
			_, _ = c.Write(bomb)
		}, atOnce, false},
		{"gzip bomb in transfer", func(c net.Conn) {
			say(c, at200+"Transfer-Encoding: gzip, chunked\r\n\r\n")
			_, _ = c.Write(bomb)
		}, atOnce, false},

		{"another protocol, dripping", func(c net.Conn) {
			say(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			drip(c, "x")
		}, atOnce, false},
		{"another protocol, flooding", func(c net.Conn) {
			say(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
			flood(c, strings.Repeat("x", 5000))
		}, atOnce, false},
		{"101 without an upgrade", func(c net.Conn) { say(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n"); drip(c, "x") }, atOnce, false},
		{"frames of HTTP/2", func(c net.Conn) { flood(c, "\x00\x00\x00\x04\x00\x00\x00\x00\x00") }, atOnce, false},
		{"frames of HTTP/2, dripping", func(c net.Conn) { drip(c, "\x00\x00\x00\x04\x00\x00\x00\x00\x00") }, all, false},
		{"HTTP/2 in words", func(c net.Conn) { say(c, "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n") }, atOnce, true},
		{"HTTP/0.9", func(c net.Conn) { flood(c, "<html>") }, atOnce, false},
		{"another program", func(c net.Conn) { say(c, "SSH-2.0-OpenSSH_9.2\r\n"); silence(c) }, atOnce, false},

		{"closed at once", func(c net.Conn) {}, atOnce, false},
		{"closed in the headers", func(c net.Conn) { say(c, at200+"A: ") }, atOnce, false},
		{"closed in the body of a 200", func(c net.Conn) { say(c, at200+"Content-Length: 5\r\n\r\nx") }, atOnce, true},
		{"closed in the body of a 500", func(c net.Conn) { say(c, at500+"Content-Length: 5\r\n\r\nx") }, atOnce, false},
		{"two lengths", func(c net.Conn) { say(c, at200+"Content-Length: 5\r\nContent-Length: 6\r\n\r\nx") }, atOnce, false},
		{"a negative length", func(c net.Conn) { say(c, at200+"Content-Length: -5\r\n\r\nx") }, atOnce, false},
		{"a body with 204", func(c net.Conn) { say(c, "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"); flood(c, "xxxxx") }, atOnce, true},
		{"a second answer", func(c net.Conn) { flood(c, at500+"Content-Length: 0\r\n\r\n") }, atOnce, false},
		{"status 000", func(c net.Conn) { say(c, "HTTP/1.1 000 x\r\n\r\n") }, atOnce, false},
		{"status 999", func(c net.Conn) { say(c, "HTTP/1.1 999 x\r\n\r\n") }, atOnce, false},
		{"status -20", func(c net.Conn) { say(c, "HTTP/1.1 -20 x\r\n\r\n") }, atOnce, false},
		{"status 2000", func(c net.Conn) { say(c, "HTTP/1.1 2000 x\r\n\r\n") }, atOnce, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var count atomic.Int64
				s := sender(t, webhook.Config{Cloud: "http://192.0.2.1", Proxy: noProxy, Dial: piped(&count, func(c net.Conn) {
					if request, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
						if asked := request.Header.Get("Accept-Encoding"); asked != "" {
							t.Errorf("the node asks for %s, which may unfold to anything", asked)
						}
						_, _ = io.Copy(io.Discard, request.Body)
						tt.answer(c)
					}
				})})
				costs(t, s, "http://192.0.2.1/hook", []byte(`{"job_id":"j"}`), tt.took, tt.taken)
				if n := count.Load(); n > mostRead {
					t.Errorf("%d bytes were read", n)
				}
			})
		})
	}
}

// A receiver that never reads the request ends with the exchange, too.
func TestARequestThatNobodyReads(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(net.Conn){
		"silence": func(c net.Conn) { time.Sleep(time.Minute) },
		"trickle": func(c net.Conn) { _, _ = io.CopyN(io.Discard, slowly{c}, 1<<20) },
		"halfway": func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 1<<16); time.Sleep(time.Minute) },
		"dripping": func(c net.Conn) {
			_, _ = io.CopyN(io.Discard, c, 1<<10)
			drip(c, "HTTP/1.1 200 OK\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbb")
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var count atomic.Int64
			s := sender(t, webhook.Config{Cloud: "http://192.0.2.1", Proxy: noProxy, Dial: piped(&count, answer)})
			t.Log(name)
			costs(t, s, "http://192.0.2.1/hook", make([]byte, 1<<20), 30*time.Second, false)
		})
	}
}

type slowly struct{ io.Reader }

func (s slowly) Read(p []byte) (int, error) { time.Sleep(time.Second); return s.Reader.Read(p[:1]) }

// Connections that are never made end, though nobody waits for them any longer.
func TestDialingThatNeverEnds(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"http://192.0.2.1", "http://hooks.example.com", "https://cloud.example.com"} {
		synctest.Test(t, func(t *testing.T) {
			stuck := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
			proxy := noProxy
			if strings.HasPrefix(origin, "https:") {
				proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://127.0.0.1:3128") }
			}
			s := sender(t, webhook.Config{Cloud: origin, Proxy: proxy, Dial: stuck, Resolver: names{"hooks.example.com": "192.0.2.1"}})
			costs(t, s, origin, nil, 30*time.Second, false)
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the caller goes away first
			defer cancel()
			if err := s.Post(ctx, origin, "id", nil); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "30 s") || time.Since(start) != time.Second {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
			time.Sleep(time.Minute)
		})
	}
}

func TestHostileTLS(t *testing.T) {
	t.Parallel()
	ca := testAuthority()
	config := func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{*ca.issue("192.0.2.1")}} }
	record := func(kind byte, length int) string { // and the header of a handshake message
		b := []byte{kind, 3, 3, 0, 0}
		binary.BigEndian.PutUint16(b[3:], uint16(length))
		return string(b)
	}
	speak := func(c net.Conn, cfg *tls.Config, then func(net.Conn)) {
		s := tls.Server(c, cfg)
		defer s.Close()
		if request, err := http.ReadRequest(bufio.NewReader(s)); err == nil {
			_, _ = io.Copy(io.Discard, request.Body)
			then(s)
		}
	}
	for _, tt := range []struct {
		name   string
		answer func(net.Conn)
		took   time.Duration
		most   int64
		taken  bool
	}{
		{"silence", func(c net.Conn) { silence(c) }, 10 * time.Second, mostRead, false},
		{"dripping handshake", func(c net.Conn) {
			go silence(c)
			say(c, record(22, 16000)+"\x02\x00\x3e\x80")
			drip(c, "x")
		}, 10 * time.Second, mostRead, false},
		{"endless handshake", func(c net.Conn) {
			go silence(c)
			flood(c, record(22, 4)+"\x02\x00\xff\xff")
		}, 0, mostRead, false},
		{"flood of alerts", func(c net.Conn) { go silence(c); flood(c, record(21, 2)+"\x01\x5a") }, 0, mostRead, false},
		{"giant certificate", func(c net.Conn) {
			leaf := ca.issue("192.0.2.1")
			for range 300 {
				leaf.Certificate = append(leaf.Certificate, ca.cert.Raw)
			}
			speak(c, &tls.Config{Certificates: []tls.Certificate{*leaf}}, func(net.Conn) {})
		}, 10 * time.Second, mostRead, false}, // the pipe is full of it, and takes no alert
		// Most of what comes is what wraps it: 22 bytes around each.
		{"records of one byte", func(c net.Conn) {
			speak(c, config(), func(c net.Conn) { say(c, "HTTP/1.1 200 OK\r\n\r\n"); flood(c, "x") })
		}, 0, 2 * mostRead, true},
		{"dripping records", func(c net.Conn) {
			speak(c, config(), func(c net.Conn) { say(c, "HTTP/1.1 200 OK\r\n\r\n"); drip(c, "x") })
		}, 30 * time.Second, 2 * mostRead, true},
		{"HTTP/2 that was not asked for", func(c net.Conn) {
			cfg := config()
			cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if slices.Contains(hello.SupportedProtos, "h2") {
					t.Error("the node offers HTTP/2")
				}
				return nil, nil
			}
			speak(c, cfg, func(c net.Conn) { flood(c, "\x00\x00\x00\x04\x00\x00\x00\x00\x00") })
		}, 0, 2 * mostRead, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var count atomic.Int64
			s := sender(t, webhook.Config{Cloud: "https://192.0.2.1", Proxy: noProxy, Dial: piped(&count, tt.answer)})
			s.Trust(ca.roots)
			t.Log(tt.name)
			costs(t, s, "https://192.0.2.1/hook", []byte(`{"job_id":"j"}`), tt.took, tt.taken)
			if n := count.Load(); n > tt.most {
				t.Errorf("%d bytes were read", n)
			}
		})
	}
}

// What is kept is as patient as it was: each answer may have 64 KiB.
func TestEachAnswerHasItsOwnLimit(t *testing.T) {
	t.Parallel()
	r, at := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 60<<10)) })
	server := httptest.NewUnstartedServer(r)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*testAuthority().issue("127.0.0.1")}}
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	s := sender(t, webhook.Config{Cloud: server.URL, Origins: []string{at}})
	s.Trust(testAuthority().roots)
	for _, url := range []string{at, server.URL} {
		for range 5 {
			if err := s.Post(t.Context(), url, "id", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	from := map[string]bool{}
	for _, request := range r.requests {
		from[request.RemoteAddr] = true
		if request.Proto != "HTTP/1.1" {
			t.Errorf("a request over %s", request.Proto)
		}
	}
	if len(r.requests) != 10 || len(from) != 2 {
		t.Errorf("%d requests over %d connections", len(r.requests), len(from))
	}
}

// Over real sockets, with what the process has in memory meanwhile.
func TestManyAnswersOf300MB(t *testing.T) { // alone: it measures memory
	const posts = 32
	chunk := make([]byte, 1<<16)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var sent atomic.Int64
	var servers sync.WaitGroup
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			servers.Go(func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				say(c, "HTTP/1.1 503 No\r\nContent-Length: 300000000\r\n\r\n")
				for left := 300_000_000; left > 0; left -= len(chunk) {
					n, err := c.Write(chunk[:min(left, len(chunk))])
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
				t.Error("300 MB were taken")
			})
		}
	}()
	var count atomic.Int64
	s := sender(t, webhook.Config{Cloud: "http://" + listener.Addr().String(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return read{c, &count}, nil
	}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for range posts {
		all.Go(func() {
			err := s.Post(t.Context(), "http://"+listener.Addr().String(), "id", nil)
			if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.Status != 503 || e.Next != fault.TryAgain {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	servers.Wait()
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d answers: %d KiB read of each, %d KiB allocated for each, server included; %d KiB left the server for each, into the kernel's buffers",
		posts, count.Load()/posts>>10, allocated/posts>>10, sent.Load()/posts>>10)
	if n := count.Load(); n > posts*mostRead {
		t.Errorf("%d bytes were read", n)
	}
	if allocated > posts*256<<10 {
		t.Errorf("%d bytes were allocated", allocated)
	}
}

// A receiver that closes its half of the connection is still heard.
func TestHalfClosed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer string
		taken  bool
	}{
		{"HTTP/1.1 200 OK\r\n\r\nthanks", true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthanks", true},
		{"HTTP/1.1 503 No\r\n\r\n", false},
		{"HTTP/1.1 200 OK\r\nA", false},
		{"", false},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
						return
					}
					say(c, tt.answer)
					_ = c.(*net.TCPConn).CloseWrite()
					_, _ = io.Copy(io.Discard, c)
				}()
			}
		}()
		s := sender(t, webhook.Config{Cloud: "http://" + listener.Addr().String()})
		err = s.Post(t.Context(), "http://"+listener.Addr().String(), "id", make([]byte, 100))
		if taken := err == nil; taken != tt.taken {
			t.Errorf("%q: %v", tt.answer, err)
		}
	}
}

// piped makes connections to a server that answers each as told.
func piped(count *atomic.Int64, answer func(net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			answer(theirs)
		}()
		return read{ours, count}, nil
	}
}

// costs posts once, and checks how long that takes and what comes of it.
func costs(t *testing.T, s *webhook.Sender, url string, body []byte, want time.Duration, taken bool) {
	t.Helper()
	start := time.Now()
	err := s.Post(t.Context(), url, "id", body)
	var farewell time.Duration // of TLS, to a receiver that does not read it
	if strings.HasPrefix(url, "https:") {
		farewell = 100 * time.Millisecond
	}
	if took := time.Since(start); took < want || took > want+farewell {
		t.Errorf("took %s, want %s", took, want)
	}
	time.Sleep(2 * time.Minute) // the receiver notices, and what is idle is closed
	if taken {
		if err != nil {
			t.Errorf("it was taken: %v", err)
		}
		return
	}
	if e, ok := errors.AsType[*fault.WebhookError](err); !ok || e.Next != fault.TryAgain || !e.CanRetry() || len(err.Error()) > 1000 {
		t.Errorf("got %.1000v", err)
	}
}

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }
