// Package wire is what a node and the child process that runs its executor say
// to each other over their socket pair.
//
// A frame is a kind, three zero bytes, the payload's length (u32) and the
// payload. Both ends are the same binary on the same machine, so numbers and
// records are in the machine's own order; but the child runs code that nobody
// trusts, so the node checks whatever it reads.
//
//	node                         child
//	Load, Code, File*        ->
//	                         <-  Compiled (and it ends, where Load says to compile) | Failed
//	                         <-  Compiled, then Loaded | Rested | Failed, then Ready
//	Job | Batch              ->
//	(Cancel)                 ->
//	                         <-  Done | BatchDone | Failed, then Ready
//
// Ready says that an instance stands by, opened. The child sends it once per
// job, after the answer, so that making the next instance costs no job anything.
// Whenever it runs the guest it may send Log, Progress, and Call, which the node
// answers with Answer; Fresh says that the calls from there on are those of another
// instance, and what the last one had open is to be closed.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Kind says what a frame is.
type Kind byte

// The kinds of frames.
const (
	Load      Kind = iota + 1 // JSON LoadBody
	Code                      // the module's bytes
	File                      // what a file under /device holds; its name stands in the LoadBody
	Job                       // see AppendJob
	Batch                     // see AppendJobs
	Cancel                    // empty
	Answer                    // see AppendAnswer
	Compiled                  // empty: the guest's own time begins
	Loaded                    // JSON LoadedBody
	Rested                    // empty: make-safe was called and is done
	Fresh                     // empty
	Ready                     // see AppendUsage
	Call                      // see AppendCall
	Log                       // a level, then the line
	Progress                  // u64, shots completed
	Done                      // see AppendDone
	BatchDone                 // see AppendResults
	Failed                    // JSON FailedBody
)

const headerSize = 8

// Limits of a payload, in bytes.
const (
	MaxFromNode  = 1 << 30
	MaxFromChild = 64 << 20
)

// MaxOutcomes is the most outcomes of one answer, which fit into a frame with
// room for all else.
const MaxOutcomes = 3 << 20

// Conn reads and writes frames. It is not safe for concurrent use, but one
// goroutine may read while another writes.
type Conn struct {
	rw    io.ReadWriter
	limit int // of a payload read
	in    []byte
	read  int // consumed bytes of in
	out   []byte
}

// NewConn frames rw. A payload of more than limit bytes is an error to read.
func NewConn(rw io.ReadWriter, limit int) *Conn {
	return &Conn{rw: rw, limit: limit, in: make([]byte, 0, 64<<10)}
}

// Write sends one frame.
func (c *Conn) Write(kind Kind, payload []byte) error {
	return c.WriteFunc(kind, func(b []byte) []byte { return append(b, payload...) })
}

// WriteFunc sends one frame whose payload fill appends.
func (c *Conn) WriteFunc(kind Kind, fill func([]byte) []byte) error {
	c.out = append(c.out[:0], byte(kind), 0, 0, 0, 0, 0, 0, 0)
	c.out = fill(c.out)
	binary.NativeEndian.PutUint32(c.out[4:], uint32(len(c.out)-headerSize))
	_, err := c.rw.Write(c.out)
	if cap(c.out) > keepBuffer {
		c.out = nil
	}
	return err
}

// keepBuffer is the most that a connection holds on to between frames.
const keepBuffer = 1 << 20

// Buffered reports whether a whole or partial frame was read but not returned.
func (c *Conn) Buffered() bool { return c.read < len(c.in) }

// Read returns the next frame. The payload is valid until the next Read. At the
// end of the stream between frames it returns io.EOF.
func (c *Conn) Read() (Kind, []byte, error) {
	if c.read == len(c.in) {
		c.in, c.read = c.in[:0], 0
		if cap(c.in) > keepBuffer {
			c.in = make([]byte, 0, 64<<10)
		}
	}
	if err := c.fill(headerSize); err != nil {
		return 0, nil, err
	}
	header := c.in[c.read:]
	kind, size := Kind(header[0]), int(binary.NativeEndian.Uint32(header[4:]))
	if kind < Load || kind > Failed || header[1]|header[2]|header[3] != 0 {
		return 0, nil, &ProtocolError{fmt.Sprintf("bytes % x are no frame", header[:headerSize])}
	}
	if size > c.limit {
		return 0, nil, &ProtocolError{fmt.Sprintf("frame of %d bytes, the limit is %d", size, c.limit)}
	}
	if err := c.fill(headerSize + size); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	payload := c.in[c.read+headerSize:][:size]
	c.read += headerSize + size
	return kind, payload, nil
}

// fill reads until n bytes stand at c.read.
func (c *Conn) fill(n int) error {
	if have := len(c.in) - c.read; have < n && cap(c.in)-c.read < n {
		// Grow by what has arrived, so that a header alone reserves little.
		grown := make([]byte, have, headerSize+max(64<<10, min(n, 2*have+(1<<20))))
		copy(grown, c.in[c.read:])
		c.in, c.read = grown, 0
	}
	for len(c.in)-c.read < n {
		if len(c.in) == cap(c.in) {
			c.in = append(c.in, 0)[:len(c.in)]
		}
		m, err := c.rw.Read(c.in[len(c.in):cap(c.in)])
		c.in = c.in[:len(c.in)+m]
		if err != nil && len(c.in)-c.read < n {
			if errors.Is(err, io.EOF) && len(c.in) > c.read {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// Unread returns the bytes that were read but belong to no frame: the last words
// of a child that crashed.
func (c *Conn) Unread() []byte { return c.in[c.read:] }

// ProtocolError is a stream that breaks this package's rules.
type ProtocolError struct{ What string }

func (e *ProtocolError) Error() string { return "the child's protocol: " + e.What }
