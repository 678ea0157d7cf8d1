package instrument_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
)

// serve answers each connection with f, and ends with the test.
func serve(tb testing.TB, l net.Listener, f func(net.Conn)) {
	tb.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f(conn)
			}()
		}
	}()
	tb.Cleanup(func() { l.Close(); <-done })
}

func listen(tb testing.TB, f func(net.Conn)) (address string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	serve(tb, l, f)
	return l.Addr().String()
}

// scpi is an instrument: it answers *IDN? and says nothing to all else.
func scpi(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if lines.Text() == "*IDN?" {
			_, _ = io.WriteString(conn, "a,b,c\n")
		}
	}
}

// mute reads and never answers.
func mute(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// says sends text and ends its side.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, conn)
	}
}

func TestEveryKindOfConnection(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, scpi)
	ca, certificate := authority(t)
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, secure, scpi)
	b, _ := bench(t, fmt.Sprintf(`
[endpoints.tcp]
url = "tcp://%s"
[endpoints.unix]
url = "unix://%s"
[endpoints.tls]
url = "tls://%s"
ca = "%s"
[endpoints.named]
url = "tls://%[3]s"
ca = "%[4]s"
server_name = "awg.example.com"
`, listen(t, scpi), socket, secure.Addr(), ca))
	u := guest(t, b)
	for _, endpoint := range []string{"tcp", "unix", "tls", "named"} {
		h := u.open(endpoint)
		for range 3 {
			u.write(h, "*IDN?\n")
			u.line(h, "a,b,c\n")
		}
		u.must(effect.Call{Func: effect.StreamDrop, Handle: h})
	}
	for _, s := range b.Status() {
		if s.Open != 0 || s.Errors != 0 || s.BytesIn != 18 || s.BytesOut != 18 || s.Calls != 7 {
			t.Errorf("status %+v", s)
		}
	}
}

// authority makes a certificate for 127.0.0.1 and awg.example.com, and the file of
// its authority.
func authority(tb testing.TB) (file string, certificate tls.Certificate) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"awg.example.com"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	file = filepath.Join(tb.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	ca, certificate := authority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(conn net.Conn) {
		if n, _ := io.Copy(io.Discard, conn); n > 0 {
			t.Errorf("%d bytes went to a peer that was not verified", n)
		}
	})
	b, log := bench(t, fmt.Sprintf(`
[endpoints.unknown]
url = "tls://%s"
connect_timeout = "60s"
[endpoints.other]
url = "tls://%[1]s"
connect_timeout = "60s"
ca = "%s"
server_name = "scope.example.com"
`, l.Addr(), ca))
	u := guest(t, b)
	for _, endpoint := range []string{"unknown", "other"} {
		silent(t, u.fails(effect.Other, effect.Call{Func: effect.StreamOpen, Text: endpoint}), "127.0.0.1", "example.com")
	}
	if !strings.Contains(log.String(), "unknown authority") || !strings.Contains(log.String(), "scope.example.com") {
		t.Errorf("the operator is not told why:\n%s", log)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	const text = "one\ntwo\n#15hello tail"
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\nmax_bytes = 4096\n", listen(t, says(text))))
	u := guest(t, b)
	h := u.open("a")
	u.line(h, "one\n")
	u.line(h, "two\n")
	exact := func(n uint64, want string) {
		t.Helper()
		if got := u.must(effect.Call{Func: effect.StreamReadExact, Handle: h, Number: n}).Data; string(got) != want {
			t.Fatalf("read %q, want %q", got, want)
		}
	}
	exact(3, "#15")
	exact(0, "")
	exact(5, "hello")
	// Without the delimiter: the first bytes, and then what was left at the end.
	if got := u.must(effect.Call{Func: effect.StreamReadUntil, Handle: h, Number: 2, Second: '\n'}).Data; string(got) != " t" {
		t.Errorf("read %q", got)
	}
	u.line(h, "ail")
	u.line(h, "")
	u.reads(h, 10, "")
	for _, call := range []effect.Call{
		{Func: effect.StreamRead, Handle: h},
		{Func: effect.StreamReadUntil, Handle: h},
		{Func: effect.StreamReadUntil, Handle: h, Number: 4097},
		{Func: effect.StreamReadExact, Handle: h, Number: 4097},
		{Func: effect.StreamWrite, Handle: h, Data: make([]byte, 4097)},
	} {
		u.fails(effect.OutOfRange, call)
	}
	u.fails(effect.Closed, effect.Call{Func: effect.StreamReadExact, Handle: h, Number: 1})

	// What a closed read-exact had is dropped.
	h = u.open("a")
	u.line(h, "one\n")
	u.fails(effect.Closed, effect.Call{Func: effect.StreamReadExact, Handle: h, Number: 100})
	u.reads(h, 10, "")
	// A guest may ask for more than the grant brings at once.
	h = u.open("a")
	u.line(h, "one\n")
	u.must(effect.Call{Func: effect.StreamRead, Handle: h, Number: 1<<32 - 1})
}

// A call that ran out of time loses nothing.
func TestTimeKeepsWhatArrived(t *testing.T) {
	t.Parallel()
	more := make(chan string)
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\n", listen(t, func(conn net.Conn) {
		for text := range more {
			_, _ = io.WriteString(conn, text)
		}
	})))
	u := guest(t, b)
	h := u.open("a")
	more <- "abc"
	u.must(effect.Call{Func: effect.StreamReadExact, Handle: h, Number: 1})
	u.must(effect.Call{Func: effect.StreamSetTimeout, Handle: h, Number: 20})
	u.fails(effect.TimedOut, effect.Call{Func: effect.StreamReadExact, Handle: h, Number: 5})
	u.fails(effect.TimedOut, effect.Call{Func: effect.StreamReadUntil, Handle: h, Number: 100, Second: '\n'})
	u.must(effect.Call{Func: effect.StreamSetTimeout, Handle: h})
	more <- "def\n"
	u.line(h, "bcdef\n")
	close(more)
}

func TestLargeMessages(t *testing.T) {
	t.Parallel()
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\n", listen(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })))
	u := guest(t, b)
	h := u.open("a")
	for _, size := range []int{1, 4095, 4096, 4097, 1 << 20} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		u.write(h, string(data[:size/2]))
		u.write(h, string(data[size/2:]))
		got := u.must(effect.Call{Func: effect.StreamReadExact, Handle: h, Number: uint64(size)}).Data
		if string(got) != string(data) {
			t.Errorf("%d bytes came back otherwise", size)
		}
	}
}

func TestWritesToOneWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\ntimeout = \"100ms\"\n", listen(t, func(conn net.Conn) { <-t.Context().Done() })))
	u := guest(t, b)
	h := u.open("a")
	call := effect.Call{Func: effect.StreamWrite, Handle: h, Data: make([]byte, 15<<20)}
	// Once some of it went out, nothing sensible can follow. A call whose time was over
	// before its first byte has changed nothing.
	for u.fails(effect.TimedOut, call); b.Status()[0].BytesOut == 0; {
		u.fails(effect.TimedOut, call)
	}
	u.fails(effect.Closed, call)
	u.fails(effect.Closed, effect.Call{Func: effect.StreamRead, Handle: h, Number: 1})
}

// Each blocking call ends with the job, as cancelled, and with its time, as timed-out.
func TestCancellationAndDeadline(t *testing.T) {
	t.Parallel()
	stuck, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close() // nobody accepts; TLS waits for a hello
	b, _ := bench(t, fmt.Sprintf(`
[endpoints.a]
url = "tcp://%s"
[endpoints.stuck]
url = "tls://%s"
`, listen(t, func(conn net.Conn) { <-t.Context().Done() }), stuck.Addr()))
	for name, call := range map[string]effect.Call{
		"open":       {Func: effect.StreamOpen, Text: "stuck"},
		"read":       {Func: effect.StreamRead, Number: 10},
		"read-exact": {Func: effect.StreamReadExact, Number: 10},
		"read-until": {Func: effect.StreamReadUntil, Number: 10, Second: '\n'},
		"write":      {Func: effect.StreamWrite, Data: make([]byte, 15<<20)},
	} {
		for _, cause := range []error{effect.ErrCancelled, context.DeadlineExceeded} {
			u := guest(t, b)
			call.Handle = u.open("a")
			ctx, cancel := context.WithCancelCause(context.Background())
			want := effect.CancelledCall
			if errors.Is(cause, context.DeadlineExceeded) {
				want = effect.TimedOut
				var stop context.CancelFunc
				ctx, stop = context.WithTimeout(ctx, 30*time.Millisecond)
				defer stop()
			} else {
				time.AfterFunc(30*time.Millisecond, func() { cancel(cause) })
			}
			soon(t, name, func() {
				if answer := u.do(ctx, call); !answer.Failed || answer.Kind != want {
					t.Errorf("%s: %+v, want %s", name, answer, want)
				}
			})
			cancel(nil)
			u.door.Close()
		}
	}
}

// A write over TLS that was interrupted leaves nothing to go on with.
func TestTLSWriteThatIsCancelled(t *testing.T) {
	t.Parallel()
	ca, certificate := authority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(conn net.Conn) {
		_ = conn.(*tls.Conn).Handshake()
		<-t.Context().Done()
	})
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tls://%s\"\nca = \"%s\"\n", l.Addr(), ca))
	u := guest(t, b)
	h := u.open("a")
	cancelled(t, u, effect.Call{Func: effect.StreamWrite, Handle: h, Data: make([]byte, 15<<20)})
	u.fails(effect.Closed, effect.Call{Func: effect.StreamWrite, Handle: h, Data: []byte("x")})
}

func TestCallsAfterACancellation(t *testing.T) {
	t.Parallel()
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\n", listen(t, scpi)))
	u := guest(t, b)
	h := u.open("a")
	for range 50 { // the end of one call's context does not reach into the next
		ctx, cancel := context.WithCancelCause(context.Background())
		go cancel(effect.ErrCancelled)
		u.do(ctx, effect.Call{Func: effect.StreamRead, Handle: h, Number: 1})
		u.write(h, "*IDN?\n")
		u.line(h, "a,b,c\n")
	}
}

func TestOneGuestAtATime(t *testing.T) {
	t.Parallel()
	b, _ := bench(t, fmt.Sprintf(`
[endpoints.a]
url = "tcp://%s"
[endpoints.shared]
url = "tcp://%[1]s"
exclusive = false
`, listen(t, mute)))
	one, two := guest(t, b), guest(t, b)
	first, second := one.open("a"), one.open("a") // several streams of one guest
	two.fails(effect.Busy, effect.Call{Func: effect.StreamOpen, Text: "a"})
	one.must(effect.Call{Func: effect.StreamDrop, Handle: first})
	two.fails(effect.Busy, effect.Call{Func: effect.StreamOpen, Text: "a"})
	one.must(effect.Call{Func: effect.StreamDrop, Handle: second})
	two.open("a")
	one.fails(effect.Busy, effect.Call{Func: effect.StreamOpen, Text: "a"})
	two.door.Close() // as after a kill
	one.open("a")
	guest(t, b).open("shared")
	guest(t, b).open("shared")
}

func TestHandles(t *testing.T) {
	t.Parallel()
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\n", listen(t, mute)))
	u := guest(t, b)
	h := u.open("a")
	u.must(effect.Call{Func: effect.StreamDrop, Handle: h})
	if next := u.open("a"); next == h {
		t.Errorf("the handle %d is given out twice", h)
	}
	for _, call := range []effect.Call{
		{Func: effect.StreamRead, Handle: h, Number: 1},
		{Func: effect.StreamDrop, Handle: h},
		{Func: effect.StreamRead, Number: 1},
		{Func: effect.WindowRead32, Handle: h + 1},
		{Func: effect.WindowDrop, Handle: h + 1},
		{Func: effect.Log},
		{},
	} {
		if _, err := u.door.Do(t.Context(), &call); err == nil {
			t.Errorf("%s with the handle %d is done", call.Func, call.Handle)
		}
	}
	u.door.Close()
	if _, err := u.door.Do(t.Context(), &effect.Call{Func: effect.StreamOpen, Text: "a"}); err == nil {
		t.Error("a closed door opens something")
	}
}

func TestEndpointsThatAreNotThere(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	left := filepath.Join(t.TempDir(), "left") // the socket of a daemon that was killed
	daemon, err := net.Listen("unix", left)
	if err != nil {
		t.Fatal(err)
	}
	daemon.(*net.UnixListener).SetUnlinkOnClose(false)
	daemon.Close()
	b, log := bench(t, fmt.Sprintf(`
[endpoints.gone]
url = "tcp://%s"
[endpoints.file]
url = "file:///etc/passwd"
[endpoints.folder]
url = "file:///dev"
[endpoints.none]
url = "file:///dev/coda-none"
[endpoints.socket]
url = "unix:///nowhere/socket"
[endpoints.line]
url = "serial:///dev/coda-none"
[endpoints.nobody]
url = "unix://%[2]s"
[endpoints.web]
url = "http://%[1]s"
`, gone.Addr(), left))
	u := guest(t, b)
	// What may be there again is closed, which fails a job as unavailable.
	for _, endpoint := range []string{"gone", "none", "socket", "line", "nobody"} {
		silent(t, u.fails(effect.Closed, effect.Call{Func: effect.StreamOpen, Text: endpoint}), "127.0.0.1", "/")
	}
	for _, endpoint := range []string{"file", "folder"} {
		silent(t, u.fails(effect.Other, effect.Call{Func: effect.StreamOpen, Text: endpoint}), "127.0.0.1", "/")
	}
	for _, name := range []string{"", "web", "nothing", "gone ", "GONE", "tcp://" + gone.Addr().String(), "/dev/null", strings.Repeat("x", 1000)} {
		u.fails(effect.NotGranted, effect.Call{Func: effect.StreamOpen, Text: name})
	}
	if !strings.Contains(log.String(), "connection refused") || !strings.Contains(log.String(), "no character device") {
		t.Errorf("the operator is not told why:\n%s", log)
	}
}

func TestPeerThatResets(t *testing.T) {
	t.Parallel()
	b, _ := bench(t, fmt.Sprintf("[endpoints.a]\nurl = \"tcp://%s\"\n", listen(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "abc")
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.(*net.TCPConn).SetLinger(0)
	})))
	u := guest(t, b)
	h := u.open("a")
	u.reads(h, 1, "a")
	u.write(h, "x")
	// As at an orderly end: what a closed read-exact had is dropped.
	u.fails(effect.Closed, effect.Call{Func: effect.StreamReadExact, Handle: h, Number: 9})
	u.fails(effect.Closed, effect.Call{Func: effect.StreamRead, Handle: h, Number: 1})
	u.fails(effect.Closed, effect.Call{Func: effect.StreamWrite, Handle: h, Data: []byte("x")})
}
