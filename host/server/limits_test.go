package server_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/host/server"
)

// inside listens for connections that never leave this process, so that their
// deadlines follow the time of a test.
type inside struct {
	dialed chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *inside) Accept() (net.Conn, error) {
	select {
	case c := <-l.dialed:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *inside) Close() error { l.once.Do(func() { close(l.closed) }); return nil }
func (*inside) Addr() net.Addr { return &net.TCPAddr{} }

func (l *inside) dial(t *testing.T) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	l.dialed <- theirs
	t.Cleanup(func() { ours.Close() })
	return ours
}

// Who sends slowly, or nothing, is cut off.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		send  string
		after time.Duration // when the connection is closed
	}{
		"says nothing":          {"", 5 * time.Second},
		"half a header":         {"GET /health HTTP/1.1\r\nHost: n", 5 * time.Second},
		"stays after an answer": {"GET /health HTTP/1.1\r\nHost: n\r\n\r\n", 60 * time.Second},
		"a body that never ends": {
			"POST /health HTTP/1.1\r\nHost: n\r\nContent-Length: 100\r\n\r\nx", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &inside{dialed: make(chan net.Conn), closed: make(chan struct{})}
				s := server.Serve(l, func() server.Readiness { return server.Readiness{} }, slog.New(slog.DiscardHandler))
				defer s.Close(t.Context())
				client, start := l.dial(t), time.Now()
				go func() { _, _ = io.WriteString(client, tt.send) }()
				_, _ = io.Copy(io.Discard, client)
				if took := time.Since(start); took < tt.after || took > tt.after+time.Second {
					t.Errorf("the connection is closed after %s, not %s", took, tt.after)
				}
			})
		})
	}
}

// What is too large is refused without being read, and the next one is answered.
func TestLargeRequests(t *testing.T) {
	t.Parallel()
	s, err := server.Listen("127.0.0.1", 0, func() server.Readiness { return server.Readiness{} }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	for name, tt := range map[string]struct {
		send   string
		status int
	}{
		"a large header":   {"GET /health HTTP/1.1\r\nHost: n\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"a long line":      {"GET /" + strings.Repeat("x", 64<<10) + " HTTP/1.1\r\nHost: n\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"a large body":     {fmt.Sprintf("POST /ready HTTP/1.1\r\nHost: n\r\nContent-Length: %d\r\n\r\n", 1<<40), http.StatusMethodNotAllowed},
		"a body with GET":  {fmt.Sprintf("GET /health HTTP/1.1\r\nHost: n\r\nContent-Length: %d\r\n\r\n", 1<<40), http.StatusOK},
		"no HTTP":          {"hello\r\n\r\n", http.StatusBadRequest},
		"another protocol": {"GET /health HTTP/1.1\r\nHost: n\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			go func() { _, _ = io.WriteString(client, tt.send) }() // the server may not take it all
			res, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != tt.status {
				t.Errorf("answered with %s, want %d", res.Status, tt.status)
			}
		})
	}
	res, err := http.Get("http://" + s.Addr().String() + "/health")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("afterwards /health says %s", res.Status)
	}
}
