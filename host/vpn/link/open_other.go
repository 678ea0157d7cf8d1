//go:build !linux

package link

// Open returns a Monitor of this machine's interfaces.
func Open() (Monitor, error) { return NewPoller(Read, interval), nil }
