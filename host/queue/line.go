package queue

import (
	"sync"

	"github.com/redis/go-redis/v9"
)

// line is the connections to Redis. They can die without a word: a tunnel comes
// back under another address, a firewall forgets them. Whatever waits on such a
// connection waits in vain, and a blocked read longest of all. So a loss condemns
// all the connections that there are: what waits on them ends at once, and what
// is asked next dials anew.
type line struct {
	options *redis.Options

	mu     sync.Mutex
	client *redis.Client
	closed bool
}

func newLine(options *redis.Options) *line {
	return &line{options: options, client: redis.NewClient(options)}
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
