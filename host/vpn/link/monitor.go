package link

import "context"

// Monitor tells of changes. One goroutine receives; any may close.
type Monitor interface {
	// Receive returns at once the first time, with all there is as a change from
	// nothing. After that it waits for a change, and folds whatever else has already
	// happened into it. It ends with ctx.Err() when ctx does, and with os.ErrClosed
	// after Close. After any other error, a *fault.VPNError, it may be called again, but not at once.
	Receive(ctx context.Context) (Change, error)
	// Close ends a Receive under way.
	Close() error
}

// all is the first change, from nothing.
func all(state State) Change {
	return Change{Before: State{}, After: state, Links: true, Addresses: true, Routes: true}
}
