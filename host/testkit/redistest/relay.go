package redistest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Relay is a network between a server and its clients, on loopback, which can
// break as networks do: without a word.
type Relay struct {
	server   *Server
	listener net.Listener
	loops    sync.WaitGroup

	mu     sync.Mutex
	broken bool
	rate   int // bytes per second of the answers; 0: as many as there are
	pipes  map[*pipe]bool

	answering sync.Mutex // whoever has the way, where it is slow
}

// pipe is one connection through the relay. Bytes of a broken one get lost, and
// neither end hears of it.
type pipe struct {
	ends   [2]net.Conn
	mu     sync.Mutex
	broken bool
}

// NewRelay puts a network before a server, for the length of the test.
func NewRelay(tb testing.TB, s *Server) *Relay {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	r := &Relay{server: s, listener: listener, pipes: map[*pipe]bool{}}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		r.accept()
	}()
	tb.Cleanup(func() {
		_ = listener.Close()
		<-accepted
		for p := range r.pipes {
			p.close()
		}
		r.loops.Wait()
	})
	return r
}

// URL is Server.URL through the relay.
func (r *Relay) URL() string { return "redis://" + r.listener.Addr().String() }

// Break loses whatever the connections carry from now on, those that are made
// before Mend among them. None of them ever works again.
func (r *Relay) Break() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = true
	for p := range r.pipes {
		p.mu.Lock()
		p.broken = true
		p.mu.Unlock()
	}
}

// Mend lets new connections through.
func (r *Relay) Mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = false
}

// Slow has all answers together come at so many bytes per second.
func (r *Relay) Slow(rate int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rate = rate
}

// pass lets so many bytes of an answer through.
func (r *Relay) pass(bytes int) {
	r.mu.Lock()
	rate := r.rate
	r.mu.Unlock()
	if rate > 0 {
		r.answering.Lock()
		defer r.answering.Unlock()
		time.Sleep(time.Duration(bytes) * time.Second / time.Duration(rate))
	}
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", r.server.socket())
		if err != nil {
			_ = client.Close()
			continue
		}
		r.mu.Lock()
		p := &pipe{ends: [2]net.Conn{client, server}, broken: r.broken}
		r.pipes[p] = true
		r.mu.Unlock()
		r.loops.Go(func() { p.carry(client, server, func(int) {}) })
		r.loops.Go(func() { p.carry(server, client, r.pass) })
	}
}

// carry hands bytes on until either end closes. Of a broken pipe the other end
// does not hear even that.
func (p *pipe) carry(from, to net.Conn, pass func(bytes int)) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		broken := p.broken
		p.mu.Unlock()
		switch {
		case broken && err == nil:
		case broken:
			return
		case err != nil:
			p.close()
			return
		default:
			pass(n)
			if _, err := to.Write(buffer[:n]); err != nil {
				p.close()
				return
			}
		}
	}
}

func (p *pipe) close() {
	for _, end := range p.ends {
		_ = end.Close()
	}
}
