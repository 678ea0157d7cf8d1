package host

import (
	"time"

	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/server"
)

// halted says why no jobs are to be taken for the executor's sake, or "".
func halted(e *executor.Executor) func() string {
	return func() string {
		if reason, _ := e.Unsafe(); reason != "" {
			return "the hardware may not be at rest: " + reason + "; see coda make-safe"
		}
		return ""
	}
}

// describeDevice is the hardware's state as /ready tells it; nil where the executor
// has none that must be brought to rest.
func describeDevice(e *executor.Executor) *server.Device {
	if !e.CanMakeSafe() {
		return nil
	}
	reason, since := e.Unsafe()
	d := &server.Device{Safe: reason == "", Reason: reason}
	if !since.IsZero() {
		d.Since = new(time.Time)
		*d.Since = since.UTC()
	}
	return d
}
