package host

import (
	"context"
	"net"
	"sync"

	"github.com/conductorquantum/coda/host/worker"
)

// cutter closes connections once the tunnel that they took is gone. Nothing else
// would tell those who wait on them, until their time is over.
type cutter struct {
	mu    sync.Mutex
	conns map[*cuttable]struct{}
}

// cuttable is a connection that its cutter knows.
type cuttable struct {
	net.Conn
	cutter *cutter
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// knows makes a dialer whose connections can be cut.
func (c *cutter) knows(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		known := &cuttable{conn, c}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.conns == nil {
			c.conns = map[*cuttable]struct{}{}
		}
		c.conns[known] = struct{}{}
		return known, nil
	}
}

func (c *cuttable) Close() error {
	c.cutter.mu.Lock()
	delete(c.cutter.conns, c)
	c.cutter.mu.Unlock()
	return c.Conn.Close()
}

// watch cuts whenever the line goes down, and has others do so, until ctx ends.
func (c *cutter) watch(ctx context.Context, line worker.Line, others ...func()) {
	for {
		select {
		case <-line.Down():
		case <-ctx.Done():
			return
		}
		up := line.Up() // of this outage: the next one cuts again, however long this takes
		c.cut()
		for _, cut := range others {
			cut()
		}
		select {
		case <-up:
		case <-ctx.Done():
			return
		}
	}
}

func (c *cutter) cut() {
	c.mu.Lock()
	conns := c.conns
	c.conns = nil
	c.mu.Unlock()
	for conn := range conns {
		conn.Conn.Close() // whoever uses it sees that, and closes it for good
	}
}
