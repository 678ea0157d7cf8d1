package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/control"
	"github.com/conductorquantum/coda/host/fault"
)

// box is an outbox with one job, whose id is no easy one. It keeps what it is asked.
type box struct {
	asked []string
	last  control.Query
}

const (
	job  = "a/b?c=d&e#f \"ü\n"
	body = "{\"x\":\"\x00\xff\"}\r\n"
)

func (b *box) note(verb, jobID string) error {
	b.asked = append(b.asked, verb)
	switch {
	case verb == "drop" && jobID == job:
		return &fault.NodeError{Op: "outbox", Err: fmt.Errorf("job is not parked: %w", control.ErrRefused)}
	case jobID == "disk":
		return &fault.NodeError{Op: "outbox", Err: errors.New("no space left on device")}
	case jobID != job:
		return &fault.NodeError{Op: "outbox", Err: fmt.Errorf("job %q: %w", jobID, control.ErrUnknown)}
	}
	return nil
}

var due = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func (b *box) List(_ context.Context, q control.Query) (control.Page, error) {
	b.last = q
	return control.Page{Entries: []control.Entry{{JobID: job, Due: &due}}, Next: "more"}, nil
}

func (b *box) Find(_ context.Context, jobID string) (control.Entry, error) {
	return control.Entry{JobID: jobID, Due: &due}, b.note("find", jobID)
}

func (b *box) Body(_ context.Context, jobID string) ([]byte, error) {
	return []byte(body), b.note("body", jobID)
}
func (b *box) Retry(_ context.Context, jobID string) error { return b.note("retry", jobID) }
func (b *box) Drop(_ context.Context, jobID string) error  { return b.note("drop", jobID) }

// open serves b on a socket, in a directory that lies deep where that can be.
func open(t *testing.T, b control.Outbox) (*control.Server, string) {
	t.Helper()
	dir := t.TempDir()
	if runtime.GOOS == "linux" {
		dir = filepath.Join(dir, strings.Repeat("d", 100), strings.Repeat("e", 100))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "node.sock")
	s, err := control.Listen(path, b, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s, path
}

func TestWhatIsAskedIsAnswered(t *testing.T) {
	t.Parallel()
	b := new(box)
	_, path := open(t, b)
	c, err := control.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	q := control.Query{State: control.Parked, After: "a b&c", Limit: 7}
	page, err := c.List(ctx, q)
	if err != nil || b.last != q || page.Next != "more" || len(page.Entries) != 1 || page.Entries[0].JobID != job || !page.Entries[0].Due.Equal(due) {
		t.Errorf("a page: %+v, %v, asked as %+v", page, err, b.last)
	}
	if e, err := c.Find(ctx, job); err != nil || e.JobID != job {
		t.Errorf("an entry: %+v, %v", e, err)
	}
	if got, err := c.Body(ctx, job); err != nil || !bytes.Equal(got, []byte(body)) {
		t.Errorf("the body: %q, %v", got, err)
	}
	if err := c.Retry(ctx, job); err != nil {
		t.Error(err)
	}
	for _, limit := range []int{0, control.MaxPage + 1} {
		if _, err := c.List(ctx, control.Query{Limit: limit}); err == nil || !strings.Contains(err.Error(), "limit must be from 1 to 100") {
			t.Errorf("a limit of %d: %v", limit, err)
		}
	}

	// Errors keep their words, their cause and their family, and are said once.
	for _, tt := range []struct {
		err   error
		cause error
		text  string
	}{
		{c.Drop(ctx, job), control.ErrRefused, "outbox: job is not parked: its state does not allow that"},
		{c.Retry(ctx, "other"), control.ErrUnknown, `outbox: job "other": the outbox has no outcome of it`},
		{c.Retry(ctx, ""), control.ErrUnknown, `outbox: job "": the outbox has no outcome of it`},
		{c.Drop(ctx, "disk"), nil, "outbox: no space left on device"},
	} {
		var family fault.Error
		if !errors.As(tt.err, &family) || tt.err.Error() != tt.text || tt.cause != nil && !errors.Is(tt.err, tt.cause) ||
			tt.cause == nil && (errors.Is(tt.err, control.ErrUnknown) || errors.Is(tt.err, control.ErrRefused)) {
			t.Errorf("got %v, want %s", tt.err, tt.text)
		}
	}
	if _, err := c.Body(ctx, "other"); !errors.Is(err, control.ErrUnknown) {
		t.Errorf("the body of another: %v", err)
	}
}

// bench is hardware that may not be at rest.
type bench struct {
	asked  []string
	unsafe bool
	fails  error
}

func (b *bench) Rest(context.Context) error {
	b.asked = append(b.asked, "rest")
	return b.fails
}

func (b *bench) Clear() bool {
	b.asked = append(b.asked, "clear")
	was := b.unsafe
	b.unsafe = false
	return was
}

func TestTheHardware(t *testing.T) {
	t.Parallel()
	b := &bench{unsafe: true, fails: &fault.ExecutorError{Executor: "awg", Cause: fault.Unavailable, Reason: "no answer"}}
	path := filepath.Join(t.TempDir(), "s")
	s, err := control.Listen(path, new(box), b, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	c, err := control.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var family fault.Error
	if err := c.MakeSafe(t.Context()); !errors.As(err, &family) || !strings.Contains(err.Error(), "executor awg: unavailable: no answer") {
		t.Errorf("an attempt that fails: %v", err)
	}
	b.fails = nil
	if err := c.MakeSafe(t.Context()); err != nil {
		t.Errorf("an attempt: %v", err)
	}
	if err := c.ClearDevice(t.Context()); err != nil {
		t.Errorf("cleared: %v", err)
	}
	if err := c.ClearDevice(t.Context()); !errors.As(err, &family) || !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), control.ErrAtRest.Error()) {
		t.Errorf("cleared again: %v", err)
	}
	if got := strings.Join(b.asked, " "); got != "rest rest clear clear" {
		t.Errorf("it was asked %s", got)
	}

	_, path = open(t, new(box))
	none, err := control.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	for _, err := range []error{none.MakeSafe(t.Context()), none.ClearDevice(t.Context())} {
		if !errors.As(err, &family) || !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), control.ErrNoBench.Error()) {
			t.Errorf("without any: %v", err)
		}
	}
}

// The socket is ours alone, takes the place of what is there, and goes with the node.
func TestTheSocketsLife(t *testing.T) {
	t.Parallel()
	first, path := open(t, new(box))
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	// As after a node that was killed, in the middle of making it too.
	if err := os.MkdirAll(filepath.Join(filepath.Dir(path), ".node.sock.tmp", "more"), 0o755); err != nil {
		t.Fatal(err)
	}
	second, err := control.Listen(path, new(box), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside the socket lies something: %v, %v", entries, err)
	}
	if err := second.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
	if err := first.Close(t.Context()); err != nil { // its name is gone
		t.Error(err)
	}
	for _, prepare := range []func(){
		func() {},
		func() { _ = os.WriteFile(path, nil, 0o600) },
	} {
		prepare()
		_, err := control.Dial(t.Context(), path)
		var family fault.Error
		if !errors.Is(err, control.ErrNobody) || !errors.As(err, &family) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "/proc/self") {
			t.Errorf("nobody is there: %v", err)
		}
	}
	if _, err := control.Listen(filepath.Join(path, "under-a-file"), new(box), nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("there is a socket under a file")
	}
}

// What answers there may be something else.
func TestAnotherAnswers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
			conn.Close()
		}
	}()
	c, err := control.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var family fault.Error
	if _, err := c.Find(t.Context(), job); !errors.As(err, &family) {
		t.Errorf("got %v", err)
	}
}
