package link

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestPollerTellsOfADifference(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		made, gone := start.Add(1200*time.Millisecond), start.Add(10*time.Second)
		tun := up(4, "192.0.2.1/24")
		p := NewPoller(func() (State, error) {
			if now := time.Now(); now.Before(made) || !now.Before(gone) {
				return State{}, nil
			}
			return one("tun0", &tun), nil
		}, 500*time.Millisecond)
		defer p.Close()
		for _, want := range []struct {
			at                   time.Duration
			gained, lost, routes bool
		}{
			{0, false, false, true}, // what there is
			{1500 * time.Millisecond, true, false, false},
			{10 * time.Second, false, true, false},
		} {
			c, err := p.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if at := time.Since(start); at != want.at || c.Gained("tun0") != want.gained || c.Lost("tun0") != want.lost || c.Routes != want.routes || c.Missed {
				t.Errorf("after %v, not %v: %+v", at, want.at, c)
			}
		}
	})
}

func TestPollerPausesAfterAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, broken := time.Now(), errors.New("out of order")
		p := NewPoller(func() (State, error) {
			if time.Since(start) < 2*time.Second {
				return nil, broken
			}
			return State{}, nil
		}, time.Second)
		defer p.Close()
		for _, want := range []error{broken, broken, nil} {
			if _, err := p.Receive(t.Context()); !errors.Is(err, want) {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestPollerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPoller(func() (State, error) { return State{}, nil }, time.Second)
		if _, err := p.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := p.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with its context it ends with %v", err)
		}
		time.AfterFunc(1500*time.Millisecond, func() { p.Close() })
		if _, err := p.Receive(t.Context()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed it ends with %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
	})
}
