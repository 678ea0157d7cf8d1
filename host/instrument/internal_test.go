package instrument

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bucket{perSecond: 10, most: 10}
		began := time.Now()
		for range 30 {
			if err := b.wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(time.Millisecond); took != 2*time.Second {
			t.Errorf("30 calls at 10 a second, 10 of them saved up, took %s", took)
		}
		// What is paid afterwards holds up the next.
		b.charge(50)
		began = time.Now()
		if err := b.wait(t.Context(), 0); err != nil || time.Since(began).Round(time.Millisecond) != 5*time.Second {
			t.Errorf("waited %s, %v", time.Since(began), err)
		}
		b.charge(1000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waited beyond its time: %v", err)
		}
		time.Sleep(time.Hour)
		for range 10 {
			if !b.allow() {
				t.Fatal("nothing was saved up")
			}
		}
		if b.allow() {
			t.Error("more was saved up than may be")
		}
	})
}

// stubborn is a device whose calls nothing ends but itself.
type stubborn struct {
	let    chan struct{}
	closed chan struct{}
}

func (s *stubborn) Read(p []byte) (int, error)  { <-s.let; return copy(p, "late"), nil }
func (s *stubborn) Write(p []byte) (int, error) { <-s.let; return 1, nil }
func (s *stubborn) Close() error                { close(s.closed); return nil }

// A call that the system does not let go of is left alone: the guest goes on, its
// handle is closed, and so is the device once it answers.
func TestCallThatNothingInterrupts(t *testing.T) {
	t.Parallel()
	for _, f := range []effect.Func{effect.StreamRead, effect.StreamWrite} {
		synctest.Test(t, func(t *testing.T) {
			device := &stubborn{make(chan struct{}), make(chan struct{})}
			var log bytes.Buffer
			g := &grant{name: "a", log: slog.New(slog.NewTextHandler(&log, nil))}
			g.Timeout, g.ConnectTimeout, g.MaxBytes = time.Second, time.Second, 100
			g.Scheme, g.Path = "file", "/dev/coda-none"
			one := &door{bench: &Bench{grants: map[string]*grant{"a": g}}, handles: map[uint32]handle{}}
			reopen := func(want effect.ErrorKind, says string) {
				t.Helper()
				answer, err := one.openStream(t.Context(), &effect.Call{Func: effect.StreamOpen, Text: "a"})
				if err != nil || answer.Kind != want || !strings.Contains(answer.Message, says) {
					t.Errorf("opened again: %+v, %v; want %s, %q", answer, err, want, says)
				}
			}
			c := &connection{g: g, w: &blocking{rw: device, leave: g.leave}}
			g.acquire(one)
			call := &effect.Call{Func: f, Number: 10, Data: []byte("0123456789")}
			began := time.Now()
			if answer := streamCalls[f](c, t.Context(), call); answer.Kind != effect.TimedOut || time.Since(began) != time.Second {
				t.Errorf("%+v after %s", answer, time.Since(began))
			}
			for _, f := range []effect.Func{effect.StreamRead, effect.StreamWrite} {
				if answer := streamCalls[f](c, t.Context(), call); answer.Kind != effect.Closed || !answer.Failed {
					t.Errorf("%s: %+v", f, answer)
				}
			}
			c.close()
			select {
			case <-device.closed:
				t.Error("closed under a call: its descriptor may be another file's")
			default:
			}
			// What the call still takes would be the next connection's, the same guest's too.
			reopen(effect.Busy, "the system still holds a call on it")
			close(device.let)
			<-device.closed
			synctest.Wait()
			reopen(effect.Closed, "is closed or cannot be reached")
			if n := strings.Count(log.String(), "left alone; "); n != 1 {
				t.Errorf("it is logged %d times:\n%s", n, &log)
			}
			if g.open.Load() != 0 {
				t.Error("it still counts as open")
			}
		})
	}
}

// A peer that takes nothing does not hold up the end of a connection over TLS, as it would
// with the library alone.
func TestTLSEndsAtOnce(t *testing.T) {
	t.Parallel()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	own, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{own}, PrivateKey: key}}, SessionTicketsDisabled: true}
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go func() { _ = tls.Server(far, server).Handshake() }()
		conn := tls.Client(near, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it is about the end
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		w := &secured{deadlined{conn}, conn}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if n, err := w.write(ctx, []byte("x")); n != -1 || !isTimeout(err) {
			t.Errorf("wrote %d, %v", n, err)
		}
		began := time.Now()
		w.close()
		if took := time.Since(began); took != partingTime {
			t.Errorf("it took %s", took)
		}
	})
}

func TestRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := &grant{name: "a", log: slog.New(slog.NewTextHandler(&log, nil)), callBudget: bucket{perSecond: 2, most: 2}}
		g.Timeout, g.MaxBytes = 10*time.Second, 1<<20
		g.complaints = bucket{perSecond: 1, most: 10}
		g.CallsPerSecond, g.BytesPerSecond = 2, 100
		near, far := net.Pipe()
		defer far.Close()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		c := &connection{g: g, w: &deadlined{c: near}}
		defer near.Close()
		began := time.Now()
		write := &effect.Call{Func: effect.StreamWrite, Data: make([]byte, 1000)}
		for range 10 {
			if answer := c.write(t.Context(), write); answer.Failed {
				t.Fatal(answer)
			}
		}
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("10 calls at 2 a second took %s", took)
		}
		g.byteBudget = bucket{perSecond: 100, most: 100}
		c.write(t.Context(), write) // 900 bytes too many: 9 seconds
		c.timeout = time.Second
		held := func(by string) {
			t.Helper()
			answer := c.write(t.Context(), write)
			if answer.Kind != effect.TimedOut || !strings.HasSuffix(answer.Message, "the endpoint a was held back by the operator's limit") {
				t.Errorf("a flood: %+v", answer)
			}
			if !strings.Contains(log.String(), "waited for "+by) {
				t.Errorf("the operator is not told of %s:\n%s", by, &log)
			}
		}
		held("bytes_per_second = 100")
		g.callBudget.charge(100)
		held("calls_per_second = 2")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(effect.ErrCancelled)
		if answer := c.write(ctx, write); answer.Kind != effect.CancelledCall {
			t.Errorf("a flood in a cancelled job: %+v", answer)
		}
		if sent := g.bytesOut.Load(); sent != 11000 {
			t.Errorf("%d bytes went out", sent)
		}
	})
}
