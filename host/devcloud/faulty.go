package devcloud

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	hugeBody  = 16 << 20
	hugeChunk = 64 << 10
)

// faulty stands before an endpoint and does what the plan says.
func (c *Cloud) faulty(endpoint string, take http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := c.faults.hit(endpoint)
		if f == nil {
			take(w, r)
			return
		}
		c.cfg.Log.Info("a fault, as it was asked for", "endpoint", endpoint, "fault", f)
		// A server notices that the other side has gone only once it has read the
		// request.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResult+1))
		if err != nil {
			fail(w, http.StatusBadRequest, errors.New("the body cannot be read"))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		a := answer{status: http.StatusOK, header: http.Header{}}
		if f.Taken || !f.replaces() {
			take(&a, r)
		} else {
			reply(&a, max(f.Status, http.StatusOK), map[string]string{"error": "a fault, as it was asked for"})
		}
		if !sleep(r, f.Delay) {
			return
		}
		if f.Reset {
			reset(w)
		}
		f.spoil(&a)
		a.send(w, r, f)
	}
}

// answer is what a node would get. It stands in for the connection.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) Header() http.Header    { return a.header }
func (a *answer) WriteHeader(status int) { a.status = status }
func (a *answer) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

// spoil makes the answer what the fault wants.
func (f *Fault) spoil(a *answer) {
	if f.Location != "" {
		a.status = http.StatusTemporaryRedirect
		a.header.Set("Location", f.Location)
	}
	if f.Status != 0 {
		a.status = f.Status
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	if f.Text != "" {
		a.body = []byte(f.Text)
	}
	switch f.Body {
	case "empty":
		a.body = nil
	case "text":
		a.header.Set("Content-Type", "text/html")
		a.body = []byte("<html><body>The server is being maintained.</body></html>")
	case "array":
		a.body = []byte(`["not", "an", "object"]`)
	}
}

// send writes the answer, as badly as the fault wants.
func (a *answer) send(w http.ResponseWriter, r *http.Request, f *Fault) {
	size := len(a.body)
	if f.Body == "huge" {
		size = hugeBody
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if size > 0 && a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(size))
	}
	w.WriteHeader(a.status)
	switch {
	case f.Body == "huge":
		writeHuge(w)
	case f.Body == "truncated":
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // the connection ends with half of what was announced
	case f.Drip > 0:
		drip(w, r, a.body, f.Drip)
	default:
		_, _ = w.Write(a.body)
	}
}

// writeHuge writes a JSON object that nobody should keep.
func writeHuge(w io.Writer) {
	chunk := bytes.Repeat([]byte("x"), hugeChunk)
	copy(chunk, `{"ok":"`)
	for left := hugeBody; left > 0; left -= hugeChunk {
		if left == hugeChunk {
			copy(chunk[hugeChunk-2:], `"}`)
		}
		if _, err := w.Write(chunk); err != nil {
			return
		}
		copy(chunk, "xxxxxxx")
	}
}

// drip sends one byte at a time.
func drip(w http.ResponseWriter, r *http.Request, body []byte, every time.Duration) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // else the server's own ends it
	_ = control.Flush()
	for i := range body {
		if !sleep(r, every) {
			return
		}
		if _, err := w.Write(body[i : i+1]); err != nil {
			return
		}
		_ = control.Flush()
	}
}

// reset ends a connection the hard way.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // no goodbye: the other side sees a reset
		}
		conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// sleep waits, and reports whether somebody still waits for the answer.
func sleep(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
