package worker

import (
	"context"
	"errors"
)

var errLineDown = errors.New("the way to the cloud is down")

// online waits until the way to the cloud is there, and reports whether ctx goes
// on.
func (w *Worker) online(ctx context.Context) bool {
	if w.Line == nil {
		return ctx.Err() == nil
	}
	select {
	case <-w.Line.Up():
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// isOnline reports whether the way to the cloud is there now.
func (w *Worker) isOnline() bool {
	if w.Line == nil {
		return true
	}
	select {
	case <-w.Line.Up():
		return true
	default:
		return false
	}
}

// whileOnline is ctx for as long as the way to the cloud is there. What it was good
// for must be called off with stop.
func (w *Worker) whileOnline(ctx context.Context) (online context.Context, stop func()) {
	online, cancel := context.WithCancelCause(ctx)
	if w.Line == nil {
		return online, func() { cancel(nil) }
	}
	down := w.Line.Down()
	go func() {
		select {
		case <-down:
			cancel(errLineDown)
		case <-online.Done():
		}
	}()
	return online, func() { cancel(nil) }
}

// wentDown reports whether a context of whileOnline ended with the way to the
// cloud.
func wentDown(online context.Context) bool { return errors.Is(context.Cause(online), errLineDown) }
