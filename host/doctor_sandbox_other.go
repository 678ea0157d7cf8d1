//go:build !linux

package host

import (
	"context"
	"runtime"
)

// sandbox has nothing to ask: what confines processes is used on Linux only.
func (d *doctor) sandbox(context.Context) []Finding {
	return []Finding{finding("sandbox", OK, "", "executors are confined by WebAssembly and a process of their own; %s adds nothing to that", runtime.GOOS)}
}
