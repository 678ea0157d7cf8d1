package host

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
)

// gate is a line that a test takes down and brings up.
type gate struct {
	mu       sync.Mutex
	up, down chan struct{}
}

func newGate() *gate {
	g := &gate{up: make(chan struct{}), down: make(chan struct{})}
	close(g.up)
	return g
}

func (g *gate) Up() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.up
}

func (g *gate) Down() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.down
}

func (g *gate) set(up bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if up {
		g.down = make(chan struct{})
		close(g.up)
	} else {
		g.up = make(chan struct{})
		close(g.down)
	}
}

// wire is a connection that says when it is closed.
type wire struct {
	net.Conn
	closing func()
	closed  chan struct{}
	once    sync.Once
}

func (w *wire) Close() error {
	w.once.Do(func() {
		if w.closing != nil {
			w.closing()
		}
		close(w.closed)
	})
	return w.Conn.Close()
}

func (w *wire) open() bool {
	select {
	case <-w.closed:
		return false
	default:
		return true
	}
}

// wires dials connections to somebody who says nothing.
type wires struct {
	t       *testing.T
	list    []*wire
	closing func()
}

func (w *wires) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	w.t.Cleanup(func() { there.Close() })
	conn := &wire{Conn: here, closing: w.closing, closed: make(chan struct{})}
	w.list = append(w.list, conn)
	return conn, nil
}

// cutting has a cutter watch a line until the test ends.
func cutting(t *testing.T) (*cutter, *gate) {
	c, line := new(cutter), newGate()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.watch(ctx, line)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return c, line
}

func TestCutterClosesWhatTheLineCarried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, line := cutting(t)
		w := &wires{t: t}
		dial := c.knows(w.dial)
		var waiting []chan error
		for range 3 {
			conn, err := dial(t.Context(), "tcp", "192.0.2.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			said := make(chan error, 1)
			go func() {
				_, err := conn.Read(make([]byte, 1))
				said <- err
				conn.Close() // as whoever uses a connection does once it fails
			}()
			waiting = append(waiting, said)
		}
		synctest.Wait()
		for _, said := range waiting {
			if len(said) > 0 {
				t.Fatal("cut while the line was up")
			}
		}
		line.set(false)
		synctest.Wait()
		for _, said := range waiting {
			if err := <-said; !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("whoever waits is told %v", err)
			}
		}
		if len(c.conns) != 0 {
			t.Errorf("%d are remembered", len(c.conns))
		}

		// A new line, a new connection.
		line.set(true)
		synctest.Wait()
		fresh, err := dial(t.Context(), "tcp", "192.0.2.1:6379")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !w.list[3].open() {
			t.Error("the new connection was cut")
		}
		line.set(false)
		synctest.Wait()
		if w.list[3].open() {
			t.Error("the second outage did not cut")
		}
		fresh.Close()
	})
}

// A line that comes and goes while connections are being cut is cut again.
func TestCutterMissesNoOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, line := cutting(t)
		w := &wires{t: t}
		between := &wires{t: t}
		w.closing = func() {
			line.set(true)
			_, _ = c.knows(between.dial)(t.Context(), "tcp", "192.0.2.1:6379") // it cannot fail
			line.set(false)
		}
		if _, err := c.knows(w.dial)(t.Context(), "tcp", "192.0.2.1:6379"); err != nil {
			t.Fatal(err)
		}
		line.set(false)
		synctest.Wait()
		if len(between.list) != 1 || between.list[0].open() {
			t.Error("a connection outlived its line")
		}
	})
}

func TestCutterForgetsWhatIsClosed(t *testing.T) {
	t.Parallel()
	var c cutter
	w := &wires{t: t}
	dial := c.knows(w.dial)
	for range 1000 {
		conn, err := dial(t.Context(), "tcp", "192.0.2.1:6379")
		if err != nil {
			t.Fatal(err)
		}
		if len(c.conns) != 1 {
			t.Fatalf("%d are remembered", len(c.conns))
		}
		conn.Close()
		conn.Close() // twice is no harm
	}
	if len(c.conns) != 0 {
		t.Errorf("%d are remembered", len(c.conns))
	}
	refused := errors.New("refused")
	dial = c.knows(func(context.Context, string, string) (net.Conn, error) { return nil, refused })
	if _, err := dial(t.Context(), "tcp", "192.0.2.1:6379"); !errors.Is(err, refused) || len(c.conns) != 0 {
		t.Errorf("%v, and %d are remembered", err, len(c.conns))
	}
}
