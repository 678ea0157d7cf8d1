package fake

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// serveStreams hands each connection to serve until ctx ends, and closes them and
// the listener then.
func serveStreams(ctx context.Context, listener net.Listener, journal *Journal, serve func(context.Context, net.Conn)) error {
	var connections sync.WaitGroup
	defer connections.Wait()
	serving, end := context.WithCancel(ctx)
	defer end()
	stop := context.AfterFunc(serving, func() { listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			listener.Close()
			return err
		}
		journal.connect()
		connections.Go(func() {
			defer journal.disconnect()
			defer conn.Close()
			stop := context.AfterFunc(serving, func() { conn.Close() })
			defer stop()
			serve(serving, conn)
		})
	}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// answer sends a reply the way a fault has it. It reports whether the connection
// is good for another request.
func (n *noise) answer(conn io.ReadWriter, reply []byte, kind Kind) bool {
	switch kind {
	case Silent:
		return true
	case Garbage:
		if len(reply) > 0 {
			reply = n.instead(reply)
		}
	case Drop, Half:
		reply = reply[:len(reply)/2]
	}
	if len(reply) > 0 {
		if _, err := conn.Write(reply); err != nil {
			return false
		}
	}
	switch kind {
	case Drop:
		return false
	case Half:
		_, _ = io.Copy(io.Discard, conn) // until either side closes it
		return false
	}
	return true
}

// noise is what Garbage sends.
type noise struct {
	mu     sync.Mutex
	random *rand.Rand
}

const leastNoise = 8 // bytes

// instead is as long as the reply, or a little longer, and ends with a line feed as
// lines do, the only one in it.
func (n *noise) instead(reply []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	garbage := make([]byte, max(len(reply), leastNoise))
	for i := range garbage {
		if garbage[i] = byte(n.random.Uint32()); garbage[i] == '\n' {
			garbage[i] = '~'
		}
	}
	garbage[len(garbage)-1] = '\n'
	return garbage
}

// core is what every fake is made of.
type core struct {
	Journal
	Faults Faults // what goes wrong
	noise  noise
	cfg    Config
}

func (c *core) init(cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	c.cfg = cfg
	c.seen = cfg.Seen
	c.noise.random = cfg.random(ofNoise)
	c.Faults.random = cfg.random(ofFaults)
	return c.Faults.Set(cfg.Faults...)
}
