package instrument

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/conductorquantum/coda/abi/effect"
)

// connection is a byte stream that a guest has open. What arrives is buffered, so
// that reading up to a delimiter takes no system call for each byte, and a call that
// ran out of time loses nothing: what had arrived is there for the next.
//
// A write that failed after some of it went out leaves the peer within a message;
// nothing sensible can follow, so the connection is closed. So it is after any
// interrupted write over TLS, and after a call that the system would not let go of.
type connection struct {
	g       *grant
	w       wire // nil: closed
	timeout time.Duration
	buf     []byte // buf[from:to] has arrived
	from    int
	to      int
	ended   bool // the peer has sent its last byte
	dropped bool
}

const (
	firstBuffer = 4 << 10
	stepBuffer  = 1 << 20 // how far a buffer grows before the bytes for it are there
	keptBuffer  = 1 << 20 // a larger one is given up when it is empty
)

var streamCalls = map[effect.Func]func(*connection, context.Context, *effect.Call) effect.Answer{
	effect.StreamSetTimeout: (*connection).setTimeout,
	effect.StreamRead:       (*connection).read,
	effect.StreamReadExact:  (*connection).readExact,
	effect.StreamReadUntil:  (*connection).readUntil,
	effect.StreamWrite:      (*connection).write,
}

func (d *door) openStream(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	g, refusal := d.bench.grant(call.Text, "byte-stream")
	if g == nil {
		return refusal, nil
	}
	ctx, cancel := context.WithTimeout(ctx, g.ConnectTimeout)
	defer cancel()
	if err := g.pass(ctx); err != nil {
		return g.fail(ctx, "byte-stream.open", err), nil
	}
	if !g.acquire(d) {
		return g.refuse(effect.Busy, "is held by another guest"), nil
	}
	if g.stuck.Load() > 0 { // it may still take bytes that are for this one
		g.release()
		return g.refuse(effect.Busy, "is busy: the system still holds a call on it"), nil
	}
	w, err := g.connect(ctx)
	if err != nil {
		g.release()
		return g.fail(ctx, "byte-stream.open", err), nil
	}
	return d.keep(&connection{g: g, w: w})
}

func (c *connection) setTimeout(_ context.Context, call *effect.Call) effect.Answer {
	c.timeout = milliseconds(call.Number)
	return effect.Answer{}
}

func (c *connection) read(ctx context.Context, call *effect.Call) effect.Answer {
	if call.Number == 0 {
		return c.g.refuse(effect.OutOfRange, "was asked for at most 0 bytes, which would look like the end")
	}
	most := int(min(call.Number, c.g.MaxBytes))
	return c.wait(ctx, call, func(ctx context.Context) ([]byte, error) {
		for c.from == c.to {
			if err := c.more(ctx, 1); errors.Is(err, io.EOF) {
				return nil, nil
			} else if err != nil {
				return nil, err
			}
		}
		return c.take(min(most, c.to-c.from)), nil
	})
}

func (c *connection) readExact(ctx context.Context, call *effect.Call) effect.Answer {
	if call.Number > c.g.MaxBytes {
		return c.tooMuch(call.Number)
	}
	length := int(call.Number)
	return c.wait(ctx, call, func(ctx context.Context) ([]byte, error) {
		for c.to-c.from < length {
			err := c.more(ctx, length-(c.to-c.from))
			if c.ended || c.w == nil {
				c.from, c.to = 0, 0 // dropped, as the WIT says
			}
			if err != nil {
				return nil, err
			}
		}
		return c.take(length), nil
	})
}

func (c *connection) readUntil(ctx context.Context, call *effect.Call) effect.Answer {
	switch {
	case call.Number == 0:
		return c.g.refuse(effect.OutOfRange, "was asked for at most 0 bytes")
	case call.Number > c.g.MaxBytes:
		return c.tooMuch(call.Number)
	}
	most, delimiter := int(call.Number), byte(call.Second)
	return c.wait(ctx, call, func(ctx context.Context) ([]byte, error) {
		for seen := 0; ; {
			have := c.buf[c.from:c.to]
			if at := bytes.IndexByte(have[seen:min(len(have), most)], delimiter); at >= 0 {
				return c.take(seen + at + 1), nil
			}
			if len(have) >= most {
				return c.take(most), nil
			}
			seen = len(have)
			if err := c.more(ctx, 1); errors.Is(err, io.EOF) {
				return c.take(len(have)), nil
			} else if err != nil {
				return nil, err
			}
		}
	})
}

// wait runs a read within its time.
func (c *connection) wait(ctx context.Context, call *effect.Call, read func(context.Context) ([]byte, error)) effect.Answer {
	ctx, cancel := context.WithTimeout(ctx, c.g.bound(c.timeout))
	defer cancel()
	err := c.g.pass(ctx)
	if err == nil {
		var data []byte
		if data, err = read(ctx); err == nil {
			return effect.Answer{Data: data}
		}
	}
	return c.g.fail(ctx, call.Func.String(), err)
}

func (c *connection) write(ctx context.Context, call *effect.Call) effect.Answer {
	if uint64(len(call.Data)) > c.g.MaxBytes {
		return c.tooMuch(uint64(len(call.Data)))
	}
	ctx, cancel := context.WithTimeout(ctx, c.g.bound(c.timeout))
	defer cancel()
	err := c.g.pass(ctx)
	if err == nil && c.w == nil {
		err = net.ErrClosed
	}
	if err != nil || len(call.Data) == 0 {
		if err != nil {
			return c.g.fail(ctx, "byte-stream.write", err)
		}
		return effect.Answer{}
	}
	n, err := c.w.write(ctx, call.Data)
	c.g.gave(max(n, 0))
	if err == nil {
		return effect.Answer{}
	}
	answer := c.g.fail(ctx, "byte-stream.write", err)
	if n != 0 || answer.Kind == effect.Closed {
		c.hangUp()
	}
	return answer
}

func (c *connection) tooMuch(n uint64) effect.Answer {
	return c.g.refuse(effect.OutOfRange, "moves at most %d bytes in one call, not %d", c.g.MaxBytes, n)
}

// more waits for bytes, with room for at least want of them. io.EOF says that none
// will come.
func (c *connection) more(ctx context.Context, want int) error {
	switch {
	case c.ended:
		return io.EOF
	case c.w == nil:
		return net.ErrClosed
	}
	c.makeRoom(want)
	n, err := c.w.read(ctx, c.buf[c.to:])
	if n > 0 {
		c.to += n
		c.g.took(n)
		return nil // an error comes again
	}
	switch {
	case err == nil, errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		c.ended = true
		return io.EOF
	case ctx.Err() == nil && !isTimeout(err):
		c.hangUp()
	}
	return err
}

func (c *connection) makeRoom(want int) {
	if c.from == c.to {
		c.from, c.to = 0, 0
		if len(c.buf) > keptBuffer {
			c.buf = nil
		}
	}
	want = max(firstBuffer, min(want, stepBuffer))
	if len(c.buf)-c.to >= want || c.from == 0 && len(c.buf)-c.to >= firstBuffer {
		return
	}
	have := c.to - c.from
	if len(c.buf) < have+want {
		larger := make([]byte, max(2*have, have+want))
		copy(larger, c.buf[c.from:c.to])
		c.buf = larger
	} else {
		copy(c.buf, c.buf[c.from:c.to])
	}
	c.from, c.to = 0, have
}

// take hands out the next n bytes. They stay in the buffer until the next call.
func (c *connection) take(n int) []byte {
	data := c.buf[c.from : c.from+n : c.from+n]
	c.from += n
	return data
}

// hangUp closes the stream. The guest's handle says closed from then on; what had
// arrived can still be read.
func (c *connection) hangUp() {
	if c.w != nil {
		c.w.close()
		c.w = nil
	}
}

func (c *connection) close() {
	c.hangUp()
	if !c.dropped {
		c.dropped = true
		c.g.release()
	}
}
