package instrument

import (
	"context"
	"io"
)

// within opens something that may take longer than ctx lasts. It is closed as soon as
// it is open then, and nobody waits for it.
func within[T io.Closer](ctx context.Context, open func() (T, error)) (T, error) {
	type result struct {
		opened T
		err    error
	}
	done := make(chan result, 1)
	go func() {
		opened, err := open()
		done <- result{opened, err}
	}()
	select {
	case r := <-done:
		return r.opened, r.err
	case <-ctx.Done():
	}
	go func() {
		if r := <-done; r.err == nil {
			r.opened.Close()
		}
	}()
	var none T
	return none, ctx.Err()
}
