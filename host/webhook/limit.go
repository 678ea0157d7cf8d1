package webhook

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// maxAnswer is what is read from a connection for one answer: status, headers,
// body, and all that wraps them. The handshake of TLS may have as much before it.
const maxAnswer = 64 << 10

const farewell = 100 * time.Millisecond

var errTooLong = errors.New("the answer is longer than 64 KiB")

// limited is a connection that stops reading when an answer is too long. It counts
// what comes out of the socket, since a body has no such bound: a byte of it may
// come as a chunk of its own, or in a TLS record with 16 KiB of padding.
type limited struct {
	net.Conn
	left atomic.Int64
}

// limit makes a dialer of limited connections. net/http lets one that is being made
// outlive the request that wanted it, so this too is bounded here.
func limit(dial dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
		defer cancel()
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l := &limited{Conn: conn}
		l.left.Store(maxAnswer)
		return l, nil
	}
}

func (l *limited) Read(p []byte) (int, error) {
	left := l.left.Load()
	if left <= 0 {
		return 0, errTooLong
	}
	n, err := l.Conn.Read(p[:min(int64(len(p)), left)])
	l.left.Add(-int64(n))
	return n, err
}

// SetWriteDeadline is what crypto/tls calls before its last word. It would wait 5 s for
// a receiver that reads nothing, beyond the time of the exchange.
func (l *limited) SetWriteDeadline(t time.Time) error {
	if soon := time.Now().Add(farewell); t.After(soon) {
		t = soon
	}
	return l.Conn.SetWriteDeadline(t)
}

// anotherAnswer lets the next answer over a connection be as long as the last was
// allowed to be.
func anotherAnswer(got httptrace.GotConnInfo) {
	conn := got.Conn
	for {
		switch c := conn.(type) {
		case *limited:
			c.left.Store(maxAnswer)
			return
		case interface{ NetConn() net.Conn }: // TLS, perhaps to a proxy and through it
			conn = c.NetConn()
		default:
			return
		}
	}
}
