package instrument

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// wire is an open stream. Both calls return soon after ctx has ended, with any
// error; a wire that cannot go on after that says net.ErrClosed from then on.
type wire interface {
	// read brings at least one byte, or io.EOF.
	read(ctx context.Context, p []byte) (int, error)
	// write writes all of p. After an error it says how much surely went out; -1 if
	// nobody knows.
	write(ctx context.Context, p []byte) (int, error)
	close()
}

// interruptible is a connection, or a file that the system can wait for.
type interruptible interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// deadlined is a wire whose calls end at a deadline.
type deadlined struct{ c interruptible }

func (w *deadlined) read(ctx context.Context, p []byte) (int, error) {
	defer until(ctx, w.c.SetReadDeadline)()
	return w.c.Read(p)
}

func (w *deadlined) write(ctx context.Context, p []byte) (int, error) {
	defer until(ctx, w.c.SetWriteDeadline)()
	return w.c.Write(p)
}

func (w *deadlined) close() { w.c.Close() }

// secured is a wire over TLS, where an interrupted write leaves nothing to go on with.
type secured struct {
	deadlined
	conn *tls.Conn
}

// partingTime is how long a peer has to take the word that the connection ends; the
// library would give it 5 s.
const partingTime = 20 * time.Millisecond

func (w *secured) write(ctx context.Context, p []byte) (int, error) {
	n, err := w.deadlined.write(ctx, p)
	if err != nil {
		n = -1
	}
	return n, err
}

func (w *secured) close() {
	late := time.AfterFunc(partingTime, func() { w.conn.NetConn().Close() })
	defer late.Stop()
	w.conn.Close()
}

var past = time.Unix(1, 0)

// until makes calls end with ctx, until the function that it returns is called.
func until(ctx context.Context, set func(time.Time) error) func() {
	deadline, _ := ctx.Deadline()
	_ = set(deadline) // fails where the connection is closed, as the call will
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = set(past)
	})
	return func() {
		if !stop() {
			<-ended // else it would end the next call
		}
	}
}

// blocking is a wire whose calls nothing can interrupt. One that outlasts its time
// is left alone: it ends when the system lets it, and the wire is closed then.
type blocking struct {
	rw    io.ReadWriteCloser
	nudge func()               // helps a call that was left alone to its end; may be nil
	leave func() (back func()) // notes that one is, and then that it has ended; may be nil
	left  atomic.Bool
}

type outcome struct {
	n   int
	err error
}

func (w *blocking) read(ctx context.Context, p []byte) (int, error) {
	own := make([]byte, len(p)) // p is the caller's again when the call is left alone
	n, err := w.run(ctx, func() (int, error) { return w.rw.Read(own) })
	if n > 0 {
		copy(p, own[:n])
	}
	return n, err
}

func (w *blocking) write(ctx context.Context, p []byte) (int, error) {
	own := append([]byte(nil), p...)
	return w.run(ctx, func() (int, error) {
		done := 0
		for done < len(own) && !w.left.Load() {
			n, err := w.rw.Write(own[done:])
			done += n
			if err != nil {
				return done, err
			}
		}
		return done, nil
	})
}

func (w *blocking) run(ctx context.Context, call func() (int, error)) (int, error) {
	if w.left.Load() {
		return 0, net.ErrClosed
	}
	done := make(chan outcome, 1)
	go func() {
		n, err := call()
		done <- outcome{n, err}
	}()
	select {
	case o := <-done:
		return o.n, o.err
	case <-ctx.Done():
	}
	w.left.Store(true)
	back := func() {}
	if w.leave != nil {
		back = w.leave()
	}
	if w.nudge != nil {
		w.nudge()
	}
	go func() {
		<-done
		w.rw.Close() // only now: its descriptor may be another file's after that
		back()
	}()
	return -1, ctx.Err()
}

func (w *blocking) close() {
	if !w.left.Load() {
		w.rw.Close()
	}
}
