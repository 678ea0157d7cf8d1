package fake

import (
	"context"
	"fmt"
	"net"
)

// Echo sends back what it gets: for authors who want to see bytes go out and come
// in. What one read finds is a request.
type Echo struct{ core }

// NewEcho has no use for qubits and shots.
func NewEcho(cfg Config) (*Echo, error) {
	e := &Echo{}
	return e, e.init(cfg)
}

// Serve echoes until ctx ends. It closes the listener.
func (e *Echo) Serve(ctx context.Context, listener net.Listener) error {
	return serveStreams(ctx, listener, &e.Journal, e.serve)
}

const echoBuffer = 64 << 10

// shownBytes of a request stand in the journal.
const shownBytes = 64

func (e *Echo) serve(ctx context.Context, conn net.Conn) {
	buffer := make([]byte, echoBuffer)
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			got := buffer[:n]
			h := e.Faults.meet(string(got))
			e.note(shown(got), h)
			if !pause(ctx, h.delay) || !e.noise.answer(conn, got, h.kind) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// shown is a request as a person may see it.
func shown(got []byte) string {
	if len(got) <= shownBytes {
		return fmt.Sprintf("%q", got)
	}
	return fmt.Sprintf("%q and %d bytes", got[:shownBytes], len(got)-shownBytes)
}
