package instrument_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/instrument"
)

// bench is the hardware of a device file, with the operator's log.
func bench(tb testing.TB, device string) (*instrument.Bench, *journal) {
	tb.Helper()
	log := &journal{}
	b, err := instrument.Open(instrument.Config{Endpoints: load(tb, device).Endpoints, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b, log
}

func load(tb testing.TB, device string) config.Device {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "device.toml")
	if err := os.WriteFile(path, []byte(device), 0o600); err != nil {
		tb.Fatal(err)
	}
	d, err := config.LoadDevice(path)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// journal is a log that tests read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// user is a guest at its door.
type user struct {
	testing.TB
	door effect.Door
}

func guest(tb testing.TB, b *instrument.Bench) *user {
	u := &user{tb, b.Door()}
	tb.Cleanup(func() { u.door.Close() })
	return u
}

func (u *user) do(ctx context.Context, call effect.Call) effect.Answer {
	u.Helper()
	answer, err := u.door.Do(ctx, &call)
	if err != nil {
		u.Fatalf("%s: %v", call.Func, err)
	}
	return answer
}

// must is a call that succeeds.
func (u *user) must(call effect.Call) effect.Answer {
	u.Helper()
	answer := u.do(context.Background(), call)
	if answer.Failed {
		u.Fatalf("%s: %s: %s", call.Func, answer.Kind, answer.Message)
	}
	return answer
}

// fails is a call that fails in one way.
func (u *user) fails(kind effect.ErrorKind, call effect.Call) string {
	u.Helper()
	answer := u.do(context.Background(), call)
	if !answer.Failed || answer.Kind != kind {
		u.Fatalf("%s: %+v, want %s", call.Func, answer, kind)
	}
	return answer.Message
}

func (u *user) open(endpoint string) uint32 {
	u.Helper()
	return uint32(u.must(effect.Call{Func: effect.StreamOpen, Text: endpoint}).Number)
}

func (u *user) reads(h uint32, most uint64, want string) {
	u.Helper()
	if got := u.must(effect.Call{Func: effect.StreamRead, Handle: h, Number: most}).Data; string(got) != want {
		u.Fatalf("read %q, want %q", got, want)
	}
}

func (u *user) line(h uint32, want string) {
	u.Helper()
	call := effect.Call{Func: effect.StreamReadUntil, Handle: h, Number: 1 << 10, Second: '\n'}
	if got := u.must(call).Data; string(got) != want {
		u.Fatalf("read the line %q, want %q", got, want)
	}
}

func (u *user) write(h uint32, data string) {
	u.Helper()
	u.must(effect.Call{Func: effect.StreamWrite, Handle: h, Data: []byte(data)})
}

// soon bounds what must return at once, generously: a slow machine is no failure.
func soon(tb testing.TB, what string, f func()) {
	tb.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		tb.Fatalf("%s did not return", what)
	}
}

// silent checks that what a guest is told names nothing that is the operator's.
func silent(tb testing.TB, message string, secrets ...string) {
	tb.Helper()
	for _, secret := range secrets {
		if strings.Contains(message, secret) {
			tb.Errorf("the guest is told %q, which names %q", message, secret)
		}
	}
}

// cancelled makes a call that the end of its job ends.
func cancelled(tb testing.TB, u *user, call effect.Call) {
	tb.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	time.AfterFunc(30*time.Millisecond, func() { cancel(effect.ErrCancelled) })
	soon(tb, call.Func.String(), func() {
		if answer := u.do(ctx, call); !answer.Failed || answer.Kind != effect.CancelledCall {
			tb.Errorf("%s: %+v, want cancelled", call.Func, answer)
		}
	})
}

func serverTLS(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}
