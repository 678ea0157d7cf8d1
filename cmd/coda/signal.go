package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilInterrupted returns a context that ends at the first Ctrl-C or SIGTERM.
// The second one finds the default: the process ends, and its children with it.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// untilStopped returns a context that ends at the first Ctrl-C or SIGTERM, and a
// channel that is closed at the second. The third one ends the process.
func untilStopped(ctx context.Context) (stopping context.Context, kill <-chan struct{}, release func()) {
	stopping, drain := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	killed, done := make(chan struct{}), make(chan struct{})
	go func() {
		for _, stage := range []func(){
			drain,
			func() { signal.Stop(signals); close(killed) },
		} {
			select {
			case <-signals:
				stage()
			case <-done:
				return
			}
		}
	}()
	return stopping, killed, func() {
		signal.Stop(signals)
		close(done)
		drain()
	}
}
