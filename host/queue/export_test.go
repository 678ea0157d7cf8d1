package queue

import (
	"context"
	"net"
	"time"
)

// SetPatience sets how long the next byte of an answer may take.
func (q *Queue) SetPatience(d time.Duration) { q.line.patience = d }

// SetKeepEvery sets how often leases are renewed while an answer takes its time.
func (q *Queue) SetKeepEvery(d time.Duration) { q.keepEvery = d }

// Moves notes that a large answer just did.
func (q *Queue) Moves() { q.line.moved.Store(int64(time.Since(q.line.made))) }

// Met has the queue draw its conclusions from what a command met.
func (q *Queue) Met(ctx context.Context, err error) error { return q.seen(ctx, q.line.current(), err) }

// Carry makes a connection whose answers have time for as long as they move. IsTakenUp
// asks its line.
func Carry(conn net.Conn, patience time.Duration) (carried net.Conn, isTakenUp func(error) bool) {
	l := &line{patience: patience, made: time.Now()}
	return l.carry(conn), l.isTakenUp
}

// Keep renews the leases of what is pending.
func (q *Queue) Keep(ctx context.Context) error { return q.renew(ctx) }
