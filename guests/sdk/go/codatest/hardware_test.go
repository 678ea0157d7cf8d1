package codatest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
	"github.com/conductorquantum/coda/guests/sdk/go/batch"
	"github.com/conductorquantum/coda/guests/sdk/go/codatest"
	"github.com/conductorquantum/coda/guests/sdk/go/httpclient"
	"github.com/conductorquantum/coda/guests/sdk/go/httpsend"
	"github.com/conductorquantum/coda/guests/sdk/go/registers"
	"github.com/conductorquantum/coda/guests/sdk/go/stream"
)

// instrument grants a stream at whose other end play runs.
func instrument(t *testing.T, play func(net.Conn)) *codatest.Node {
	t.Helper()
	node := codatest.Start(t, nil)
	node.Stream("awg", func() (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			play(theirs)
		}()
		return ours, nil
	})
	return node
}

// silent plays an instrument that says nothing.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func kindOf(err error) any {
	if e, ok := errors.AsType[*coda.IOError](err); ok {
		return e.Kind
	}
	return err
}

func TestStream(t *testing.T) {
	node := instrument(t, func(c net.Conn) {
		lines := bufio.NewReader(c)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if line == "bye\n" {
				_, _ = fmt.Fprint(c, "last")
				return
			}
			_, _ = fmt.Fprintf(c, "<%s>\nmore", strings.TrimSpace(line))
		}
	})
	c, err := stream.Dial("awg")
	if err != nil {
		t.Fatal(err)
	}
	if c.RemoteAddr().String() != "awg" || c.LocalAddr().Network() != "coda" {
		t.Errorf("from %v to %v", c.LocalAddr(), c.RemoteAddr())
	}
	if n, err := io.WriteString(c, "*IDN?\n"); n != 6 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if line, err := c.ReadUntil('\n', 100); string(line) != "<*IDN?>\n" || err != nil {
		t.Errorf("read %q, %v", line, err)
	}
	if part, err := c.ReadExact(3); string(part) != "mor" || err != nil {
		t.Errorf("read %q, %v", part, err)
	}
	if _, err := io.WriteString(c, "bye\n"); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(c); string(rest) != "elast" || err != nil {
		t.Errorf("read %q, %v", rest, err)
	}
	if _, err := c.ReadUntil('\n', 100); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if _, err := c.ReadExact(1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("behind the end: %v", err)
	}
	if node.Open() != 1 || c.Close() != nil || node.Open() != 0 {
		t.Errorf("%d open", node.Open())
	}
	for name, err := range map[string]error{
		"read": second(c.Read(make([]byte, 1))), "write": second(c.Write(nil)), "close": c.Close(), "deadline": c.SetDeadline(time.Now()),
		"timeout": c.SetTimeout(1), "exact": second(c.ReadExact(1)),
	} {
		if !errors.Is(err, net.ErrClosed) || kindOf(err) != coda.IOClosed {
			t.Errorf("%s after close: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestStreamFailures(t *testing.T) {
	for _, test := range []struct {
		name    string
		fail    func(*testing.T) error
		kind    coda.IOKind
		is      error
		timeout bool
		failure coda.FailureKind
	}{
		{"not granted", func(t *testing.T) error {
			codatest.Start(t, nil)
			return second(stream.Dial("awg"))
		}, coda.IONotGranted, nil, false, coda.Internal},
		{"without a node", func(*testing.T) error { return second(stream.Dial("awg")) }, coda.IONotGranted, nil, false, coda.Internal},
		{"busy", func(t *testing.T) error {
			node := codatest.Start(t, nil)
			node.Stream("awg", func() (net.Conn, error) { return nil, &coda.IOError{Kind: coda.IOBusy, Message: "held"} })
			return second(stream.Dial("awg"))
		}, coda.IOBusy, nil, false, coda.Unavailable},
		{"the grant's own limit", func(t *testing.T) error {
			instrument(t, silent)
			return second(dial(t).Read(make([]byte, 9)))
		}, coda.IOTimedOut, os.ErrDeadlineExceeded, true, coda.Unavailable},
		{"a timeout", func(t *testing.T) error {
			instrument(t, silent)
			c, start := dial(t), time.Now()
			_ = c.SetTimeout(30 * time.Millisecond)
			err := second(c.ReadUntil('\n', 9))
			if took := time.Since(start); took != 30*time.Millisecond {
				t.Errorf("it took %v", took)
			}
			return err
		}, coda.IOTimedOut, os.ErrDeadlineExceeded, true, coda.Unavailable},
		{"a deadline", func(t *testing.T) error {
			instrument(t, silent)
			c, start := dial(t), time.Now()
			_ = c.SetReadDeadline(start.Add(50*time.Millisecond + time.Nanosecond))
			err := second(c.ReadExact(9))
			if took := time.Since(start); took != 51*time.Millisecond {
				t.Errorf("it took %v", took)
			}
			return err
		}, coda.IOTimedOut, os.ErrDeadlineExceeded, true, coda.Unavailable},
		{"a deadline that has passed", func(t *testing.T) error {
			instrument(t, silent)
			c := dial(t)
			_ = c.SetDeadline(time.Now().Add(-1))
			return second(c.Write([]byte("x")))
		}, coda.IOTimedOut, os.ErrDeadlineExceeded, true, coda.Unavailable},
		{"cancelled while it waits", func(t *testing.T) error {
			node := instrument(t, silent)
			c := dial(t)
			time.AfterFunc(time.Millisecond, node.Cancel)
			return second(c.Read(make([]byte, 9)))
		}, coda.IOCancelled, coda.ErrCancelled, false, coda.Cancelled},
		{"a registers' endpoint", func(t *testing.T) error {
			codatest.Start(t, nil).Registers("awg", codatest.Words{1})
			return second(stream.Dial("awg"))
		}, coda.IONotGranted, nil, false, coda.Internal},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := test.fail(t)
				if kindOf(err) != test.kind {
					t.Fatalf("got %v", err)
				}
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%v is not %v", err, test.is)
				}
				if timeout, ok := errors.AsType[net.Error](err); !ok || timeout.Timeout() != test.timeout {
					t.Errorf("%v as a net.Error", err)
				}
				_, failed := codatest.Run(t, backend{run: func(coda.Job) (coda.Execution, error) {
					return coda.Execution{}, fmt.Errorf("set up: %w", err)
				}}, job)
				want := coda.Failure{Kind: test.failure, Message: "set up: " + err.Error()}
				if f, ok := errors.AsType[*coda.Failure](failed); !ok || *f != want {
					t.Errorf("the job failed as %v, want %v", failed, &want)
				}
			})
		})
	}
}

func dial(t *testing.T) *stream.Conn {
	t.Helper()
	c, err := stream.Dial("awg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestHTTPClient(t *testing.T) {
	node := codatest.Start(t, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/set", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Was", r.Header.Get("X-Was"))
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, "%s %s", r.URL.RawQuery, body)
	})
	mux.Handle("GET /old", http.RedirectHandler("/new", http.StatusFound))
	mux.Handle("GET /away", http.RedirectHandler("http://example.com/new", http.StatusFound))
	mux.HandleFunc("GET /new", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "new") })
	node.HTTP("fridge", mux)

	client := httpclient.New("fridge")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://fridge/v1/set?a=b%20c", strings.NewReader("4 K"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Was", "here")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != 202 || response.Status != "202 Accepted" || string(body) != "a=b%20c 4 K" || response.Header.Get("x-was") != "here" {
		t.Errorf("%v %v %q", response.Status, response.Header, body)
	}
	for get, want := range map[string]struct {
		status   int
		location string
	}{"/new": {200, ""}, "/old": {302, "/new"}, "/away": {302, "http://example.com/new"}} {
		response, err := client.Get(get)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != want.status || response.Header.Get("Location") != want.location || string(body) == "new" != (want.status == 200) {
			t.Errorf("%s is %s %v %q", get, response.Status, response.Header, body)
		}
	}
	any := &http.Client{Transport: &httpclient.Transport{}}
	if response, err := any.Get("http://fridge/new"); err != nil || response.StatusCode != 200 {
		t.Errorf("by the URL's host: %v", err)
	}
	for _, bad := range []struct {
		client *http.Client
		url    string
		want   string
	}{
		{client, "http://example.com/new", `"fridge" alone`},
		{any, "/new", "names no endpoint"},
		{any, "http://pump/new", "not granted"},
	} {
		if _, err := bad.client.Get(bad.url); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v", bad.url, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Do(request.Clone(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %v", err)
	}
	answer, err := httpsend.Send("fridge", httpsend.Request{Path: "/v1/set?x", Header: [][2]string{{"X-Was", "there"}}, Body: []byte("5 K"), Timeout: time.Hour})
	if err != nil || answer.Status != 202 || string(answer.Body) != "x 5 K" || !slices.Contains(answer.Header, [2]string{"X-Was", "there"}) {
		t.Errorf("%+v, %v", answer, err)
	}
	if answer, err := httpsend.Send("fridge", httpsend.Request{Path: "/new"}); err != nil || string(answer.Body) != "new" {
		t.Errorf("%+v, %v", answer, err)
	}
	if _, err := httpsend.Send("pump", httpsend.Request{Path: "/new"}); kindOf(err) != coda.IONotGranted {
		t.Errorf("not granted: %v", err)
	}
	node.Cancel()
	if _, err := httpsend.Send("fridge", httpsend.Request{Path: "/new"}); !errors.Is(err, coda.ErrCancelled) {
		t.Errorf("cancelled: %v", err)
	}
	_, err = client.Get("/new")
	if _, wrapped := errors.AsType[*url.Error](err); !wrapped || !errors.Is(err, coda.ErrCancelled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRegisters(t *testing.T) {
	node := codatest.Start(t, nil)
	words := codatest.Words{1, 2, 3, 4}
	node.Registers("fpga", words)
	w, err := registers.Open("fpga")
	if err != nil {
		t.Fatal(err)
	}
	if word, err := w.Read32(8); word != 3 || err != nil {
		t.Errorf("read %d, %v", word, err)
	}
	if err := w.Write32(4, 0xFFFFFFFF); err != nil || words[1] != 0xFFFFFFFF {
		t.Errorf("wrote %v, %v", words, err)
	}
	if err := w.WriteBlock(8, []uint32{7, 8}); err != nil || words[3] != 8 {
		t.Errorf("wrote %v, %v", words, err)
	}
	if block, err := w.ReadBlock(4, 3); err != nil || !slices.Equal(block, []uint32{0xFFFFFFFF, 7, 8}) {
		t.Errorf("read %v, %v", block, err)
	}
	if word, err := w.Poll32(8, 6, 6, time.Second); word != 7 || err != nil {
		t.Errorf("polled %d, %v", word, err)
	}
	if _, err := w.Poll32(8, 1, 0, time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("polled: %v", err)
	}
	for name, err := range map[string]error{
		"unaligned": second(w.Read32(2)), "beyond": second(w.ReadBlock(8, 3)), "written beyond": w.Write32(16, 0),
	} {
		if kindOf(err) != coda.IOOutOfRange {
			t.Errorf("%s: %v", name, err)
		}
	}
	node.Cancel()
	if _, err := w.Poll32(8, 1, 0, time.Hour); !errors.Is(err, coda.ErrCancelled) {
		t.Errorf("polled: %v", err)
	}
	if w.Close() != nil || node.Open() != 0 {
		t.Error("it stays open")
	}
	for name, err := range map[string]error{
		"read": second(w.Read32(0)), "write": w.Write32(0, 0), "read block": second(w.ReadBlock(0, 1)),
		"write block": w.WriteBlock(0, nil), "poll": second(w.Poll32(0, 0, 0, 0)), "close": w.Close(),
	} {
		if kindOf(err) != coda.IOClosed {
			t.Errorf("%s after close: %v", name, err)
		}
	}
	if _, err := registers.Open("other"); kindOf(err) != coda.IONotGranted {
		t.Errorf("not granted: %v", err)
	}
}

func TestBatches(t *testing.T) {
	other := job
	other.ID = "b"
	jobs := []coda.Job{job, other}
	good := coda.Execution{Outcomes: []coda.Outcome{{Count: 10}}, ShotsCompleted: 10}
	got := codatest.RunBatch(t, func(jobs []coda.Job) []batch.Result {
		if len(jobs) != 2 || jobs[1].ID != "b" {
			t.Errorf("jobs %+v", jobs)
		}
		return []batch.Result{{Execution: good}, {Err: coda.Failf(coda.Unsupported, "no")}}
	}, jobs)
	if len(got) != 2 || got[0].Err != nil || got[0].Execution.ShotsCompleted != 10 || got[1].Err.Error() != "unsupported: no" {
		t.Errorf("%+v", got)
	}
	for name, test := range map[string]struct {
		run  batch.Func
		want string
	}{
		"panics":  {func([]coda.Job) []batch.Result { panic("out of luck") }, "internal: panic: out of luck"},
		"too few": {func([]coda.Job) []batch.Result { return make([]batch.Result, 1) }, "internal: the executor gave 1 results for 2 jobs"},
	} {
		for i, r := range codatest.RunBatch(t, test.run, jobs) {
			if r.Err == nil || r.Err.Error() != test.want {
				t.Errorf("%s: job %d: %v", name, i, r.Err)
			}
		}
	}
}

func TestSafety(t *testing.T) {
	if err := codatest.MakeSafe(func() error { return nil }); err != nil {
		t.Error(err)
	}
	err := codatest.MakeSafe(func() error { return coda.Failf(coda.Unavailable, "no answer") })
	if f, ok := errors.AsType[*coda.Failure](err); !ok || f.Kind != coda.Unavailable {
		t.Error(err)
	}
	if err := codatest.MakeSafe(func() error { panic("smoke") }); err == nil || err.Error() != "internal: panic: smoke" {
		t.Error(err)
	}
}
