package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilInterrupted returns a context that ends at the first Ctrl-C or SIGTERM,
// after the calls of tell. The second one finds the default: the process ends, and
// its children with it.
func untilInterrupted(ctx context.Context, tell ...func()) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer cancel()
		defer signal.Stop(signals)
		select {
		case <-signals:
			signal.Stop(signals) // before anybody is told of the second one
			for _, tell := range tell {
				tell()
			}
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
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
