package queue

import (
	"cmp"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// line is the connections to Redis. They can die without a word: a tunnel comes
// back under another address, a firewall forgets them. Whatever waits on such a
// connection waits in vain, and a blocked read longest of all. So a loss condemns
// all the connections that there are: what waits on them ends at once, and what
// is asked next dials anew.
type line struct {
	options  *redis.Options
	patience time.Duration // for the next byte of an answer that has begun
	made     time.Time
	moved    atomic.Int64 // when a large answer last did, since made; 0: never

	mu     sync.Mutex
	client *redis.Client
	closed bool
}

const dialTimeout = 5 * time.Second

func newLine(options *redis.Options) *line {
	l := &line{patience: ProbeLimit, made: time.Now()}
	own := *options
	own.DialTimeout = cmp.Or(own.DialTimeout, dialTimeout)
	dial := own.Dialer
	if dial == nil {
		dial = redis.NewDialer(&own)
	}
	own.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return l.carry(conn), nil
	}
	l.options, l.client = &own, redis.NewClient(&own)
	return l
}

// current is the client to ask next.
func (l *line) current() *redis.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.client
}

// cut ends everything that goes on over a client, unless it has been replaced
// already.
func (l *line) cut(client *redis.Client) {
	l.mu.Lock()
	if client != l.client || l.closed {
		l.mu.Unlock()
		return
	}
	l.client = redis.NewClient(l.options)
	l.mu.Unlock()
	_ = client.Close() // of connections that are given up
}

// close is the last cut.
func (l *line) close() {
	l.mu.Lock()
	l.closed = true
	client := l.client
	l.mu.Unlock()
	_ = client.Close()
}

// Cut gives up the connections that there are. It is for those who know that the
// way to Redis has changed.
func (q *Queue) Cut() { q.line.cut(q.line.current()) }
