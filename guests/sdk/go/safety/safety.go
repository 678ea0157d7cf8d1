// Package safety is for an executor whose hardware must not be left as a killed job
// left it. Importing it makes the program export the function that brings the
// hardware to rest; so import it only to register one:
//
//	func init() {
//		coda.Register(&backend{})
//		safety.Register(rest)
//	}
package safety

import "github.com/conductorquantum/coda/guests/sdk/go/internal/guest"

// Register makes rest the function that brings the hardware to rest. It is called
// from init, once.
//
// A node calls rest on a fresh instance, whose Open was not called: when it starts,
// after a job was killed, trapped, ran out of time, or failed and had no answer from its
// instrument, and when it stops. An error is reported as one of Run is.
func Register(rest func() error) { guest.RegisterSafety(rest) }
