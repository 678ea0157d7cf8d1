package codatest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// Registers is what stands behind an endpoint of package registers. An error that
// is a *coda.IOError reaches the executor with its kind and message, any other as
// coda.IOOther.
type Registers interface {
	Read32(offset uint32) (uint32, error)
	Write32(offset, value uint32) error
}

// Words are registers that read what was last written to them.
type Words []uint32

// Read32 returns a word.
func (w Words) Read32(offset uint32) (uint32, error) {
	if offset%4 != 0 || int(offset/4) >= len(w) {
		return 0, outOfRange(offset, len(w))
	}
	return w[offset/4], nil
}

// Write32 sets a word.
func (w Words) Write32(offset, value uint32) error {
	if offset%4 != 0 || int(offset/4) >= len(w) {
		return outOfRange(offset, len(w))
	}
	w[offset/4] = value
	return nil
}

// hardware is what a test has granted, and the handles that the executor holds.
type hardware struct {
	streams map[string]func() (net.Conn, error)
	https   map[string]http.Handler
	windows map[string]Registers

	handles uint32 // given out so far
	conns   map[uint32]*conn
	opened  map[uint32]Registers
}

// Stream grants an endpoint of package stream: each stream.Dial takes a connection of
// dial, such as one end of a net.Pipe at whose other end an instrument is played.
func (n *Node) Stream(endpoint string, dial func() (net.Conn, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	put(&n.hardware.streams, endpoint, dial)
}

// HTTP grants an endpoint of package httpclient, whose requests handler answers.
func (n *Node) HTTP(endpoint string, handler http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	put(&n.hardware.https, endpoint, handler)
}

// Registers grants an endpoint of package registers.
func (n *Node) Registers(endpoint string, r Registers) {
	n.mu.Lock()
	defer n.mu.Unlock()
	put(&n.hardware.windows, endpoint, r)
}

// Open returns how many streams and windows the executor holds open.
func (n *Node) Open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.hardware.conns) + len(n.hardware.opened)
}

func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

// reach answers a call as a node does that has granted these endpoints.
func (n *Node) reach(call *effect.Call) effect.Answer {
	switch call.Func {
	case effect.StreamOpen:
		return n.openStream(call.Text)
	case effect.WindowOpen:
		return n.openWindow(call.Text)
	case effect.HTTPSend:
		return n.send(call)
	case effect.StreamDrop, effect.WindowDrop:
		return n.drop(call.Handle)
	}
	n.mu.Lock()
	c, r := n.hardware.conns[call.Handle], n.hardware.opened[call.Handle]
	n.mu.Unlock()
	var answer effect.Answer
	var err error
	switch {
	case c != nil:
		answer, err = c.do(call)
	case r != nil:
		answer, err = n.access(r, call)
	default:
		panic("codatest: a handle that no node gave out")
	}
	if err != nil {
		return n.failed(err)
	}
	return answer
}

func (n *Node) openStream(endpoint string) effect.Answer {
	n.mu.Lock()
	dial := n.hardware.streams[endpoint]
	n.mu.Unlock()
	if dial == nil {
		return effect.Fail(effect.NotGranted, "no stream %q is granted", endpoint)
	}
	inner, err := dial()
	if err != nil {
		return n.failed(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cancelled {
		_ = inner.SetDeadline(past)
	}
	n.hardware.handles++
	put(&n.hardware.conns, n.hardware.handles, &conn{Conn: inner, cancelled: n.isCancelled})
	return effect.Answer{Number: uint64(n.hardware.handles)}
}

func (n *Node) openWindow(endpoint string) effect.Answer {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.hardware.windows[endpoint]
	if r == nil {
		return effect.Fail(effect.NotGranted, "no registers %q are granted", endpoint)
	}
	n.hardware.handles++
	put(&n.hardware.opened, n.hardware.handles, r)
	return effect.Answer{Number: uint64(n.hardware.handles)}
}

func (n *Node) drop(handle uint32) effect.Answer {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.hardware.conns[handle]; c != nil {
		_ = c.Close() // the executor is not told of it either
	}
	delete(n.hardware.conns, handle)
	delete(n.hardware.opened, handle)
	return effect.Answer{}
}

func (n *Node) send(call *effect.Call) effect.Answer {
	n.mu.Lock()
	handler, cancelled := n.hardware.https[call.Text], n.cancelled
	n.mu.Unlock()
	if handler == nil {
		return effect.Fail(effect.NotGranted, "no http endpoint %q is granted", call.Text)
	}
	if cancelled {
		return n.failed(errCancelled)
	}
	request := httptest.NewRequest(call.Method, call.Path, bytes.NewReader(call.Data))
	for _, header := range call.Pairs {
		request.Header.Add(header[0], header[1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	result := recorder.Result()
	answer := effect.Answer{Number: uint64(result.StatusCode), Data: recorder.Body.Bytes()}
	for name, values := range result.Header {
		for _, value := range values {
			answer.Pairs = append(answer.Pairs, [2]string{name, value})
		}
	}
	return answer
}

// access reads and writes registers.
func (n *Node) access(r Registers, call *effect.Call) (answer effect.Answer, err error) {
	offset := uint32(call.Number)
	var word uint32
	switch call.Func {
	case effect.WindowRead32:
		word, err = r.Read32(offset)
	case effect.WindowWrite32:
		err = r.Write32(offset, uint32(call.Second))
	case effect.WindowReadBlock:
		for i := uint32(0); i < uint32(call.Second) && err == nil; i++ {
			word, err = r.Read32(offset + 4*i)
			answer.Data = binary.LittleEndian.AppendUint32(answer.Data, word)
		}
	case effect.WindowWriteBlock:
		for i := 0; i < len(call.Data) && err == nil; i += 4 {
			err = r.Write32(offset+uint32(i), binary.LittleEndian.Uint32(call.Data[i:]))
		}
	case effect.WindowPoll32:
		word, err = n.poll(r, call)
	}
	answer.Number = uint64(word)
	return answer, err
}

func (n *Node) poll(r Registers, call *effect.Call) (uint32, error) {
	limit := time.Now().Add(bound(uint32(call.Fourth)))
	for {
		word, err := r.Read32(uint32(call.Number))
		switch {
		case err != nil || word&uint32(call.Second) == uint32(call.Third):
			return word, err
		case n.isCancelled():
			return 0, errCancelled
		case time.Now().After(limit):
			return 0, &coda.IOError{Kind: coda.IOTimedOut, Message: "the word did not come"}
		}
		time.Sleep(time.Millisecond)
	}
}

func (n *Node) isCancelled() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cancelled
}

// failed is an error as the executor sees it.
func (n *Node) failed(err error) effect.Answer {
	if e, ok := errors.AsType[*coda.IOError](err); ok {
		return effect.Fail(effect.ErrorKind(e.Kind), "%s", e.Message)
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case ok && timeout.Timeout() && n.isCancelled():
		return n.failed(errCancelled)
	case ok && timeout.Timeout():
		return effect.Fail(effect.TimedOut, "%v", err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return effect.Fail(effect.Closed, "%v", err)
	default:
		return effect.Fail(effect.Other, "%v", err)
	}
}

var errCancelled = &coda.IOError{Kind: coda.IOCancelled, Message: "the job was cancelled"}

func outOfRange(offset uint32, words int) error {
	return &coda.IOError{Kind: coda.IOOutOfRange, Message: fmt.Sprintf("there is no word at %d of %d words", offset, words)}
}

// grantLimit is how long a call may take that the executor does not bound.
const grantLimit = 2 * time.Second

func bound(milliseconds uint32) time.Duration {
	if milliseconds == 0 {
		return grantLimit
	}
	return min(time.Duration(milliseconds)*time.Millisecond, grantLimit)
}

var past = time.Unix(1, 0)

// conn is a stream that the executor holds.
type conn struct {
	net.Conn
	cancelled func() bool
	pending   []byte // read and not yet handed out
	ended     error  // what the last read ended with
	timeout   uint32 // in milliseconds
}

func (c *conn) do(call *effect.Call) (effect.Answer, error) {
	deadline := time.Now().Add(bound(c.timeout))
	_ = c.SetDeadline(deadline)
	if c.cancelled() { // Node.Cancel ends a call that waits by its deadline too
		_ = c.SetDeadline(past)
	}
	limit := int(call.Number)
	switch call.Func {
	case effect.StreamSetTimeout:
		c.timeout = uint32(call.Number)
	case effect.StreamWrite:
		_, err := c.Write(call.Data)
		return effect.Answer{}, err
	case effect.StreamRead:
		err := c.fill(func() int { return min(len(c.pending), limit) })
		return c.take(min(len(c.pending), limit)), ended(err)
	case effect.StreamReadExact:
		err := c.fill(func() int {
			if len(c.pending) < limit {
				return 0
			}
			return limit
		})
		switch {
		case limit == 0:
		case errors.Is(err, io.EOF):
			c.pending = nil
			return effect.Answer{}, io.ErrUnexpectedEOF
		case err != nil:
			return effect.Answer{}, err
		}
		return c.take(limit), nil
	case effect.StreamReadUntil:
		whole := func() int {
			if i := bytes.IndexByte(c.pending, byte(call.Second)); i >= 0 && i < limit {
				return i + 1
			}
			if len(c.pending) >= limit {
				return limit
			}
			return 0
		}
		err := c.fill(whole)
		if errors.Is(err, io.EOF) {
			return c.take(len(c.pending)), nil
		}
		return c.take(whole()), err
	}
	return effect.Answer{}, nil
}

// fill reads until enough says that there is, or no more comes.
func (c *conn) fill(enough func() int) error {
	buffer := make([]byte, 4096)
	for enough() == 0 {
		if c.ended != nil {
			return c.ended
		}
		n, err := c.Read(buffer)
		c.pending = append(c.pending, buffer[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			c.ended = err
		case err != nil && n == 0:
			return err
		}
	}
	return nil
}

func (c *conn) take(n int) effect.Answer {
	data := slices.Clone(c.pending[:n])
	c.pending = c.pending[n:]
	return effect.Answer{Data: data}
}

// ended is an error of a read for which the end of the stream is none.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
