//go:build !wasip1

package guest

import (
	"sync/atomic"

	"github.com/conductorquantum/coda/abi/effect"
)

// Node stands in for a node where the program runs natively, in a test.
type Node struct {
	Log       func(level uint8, message string)
	Cancelled func() bool
	Progress  func(shotsCompleted uint64)
	Config    func(key string) (string, bool)
	Keys      func() []string
	Reach     func(*effect.Call) effect.Answer // what is behind an endpoint
}

// Current is the node that a native program talks to; nil for none, and then what
// it says goes nowhere.
var Current atomic.Pointer[Node]
