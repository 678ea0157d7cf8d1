// Package coda is what a Go program imports to be an executor: a backend that
// runs quantum circuits for a coda node, as one WebAssembly file.
//
// An author writes one type with Open and Run, registers it, and builds with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o backend.wasm .
//
// Registering is done from init, because main is never called in a library:
//
//	func init() { coda.Register(backend{}) }
//	func main() {}
//
// The package also builds natively, so that the type can be tested with plain
// `go test`; package codatest stands in for the node there.
//
// Only the host functions that a program calls become imports of its module.
package coda

import (
	"fmt"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/guests/sdk/go/internal/guest"
)

// Executor is what an author writes. A node never calls two of its methods at
// the same time.
//
// An error that is or wraps a *Failure is reported with its kind, any other as
// Internal; so is a panic, whose stack goes to the node's log. What the Go
// runtime calls fatal (no memory left, a deadlock) ends the instance, and the
// next job gets a fresh one.
//
// Instances of Go programs are kept from job to job while they behave, and may be
// replaced at any time: what a job leaves behind in memory is neither sure to be
// there for the next one nor sure to be gone.
type Executor interface {
	// Open prepares the backend. It is called once per instance, before any job.
	Open() (Device, error)
	// Run runs one circuit, which the node has validated. The job is the
	// executor's to keep.
	Run(job Job) (Execution, error)
}

// Register makes e the executor of this program. It is called from init, once.
func Register(e Executor) { guest.Register(e) }

// The vocabulary of the contract, by its short names. Package abi documents each.
type (
	Job         = abi.Job
	Circuit     = abi.Circuit
	Operation   = abi.Operation
	Gate        = abi.Gate
	Target      = abi.Target
	Execution   = abi.Execution
	Outcome     = abi.Outcome
	Device      = abi.Device
	Failure     = abi.Failure
	FailureKind = abi.FailureKind
)

// The native gate sets.
const (
	CZ    = abi.CZ
	ISwap = abi.ISwap
	PCZ   = abi.PCZ
	CNOT  = abi.CNOT
)

// The native gates. Angles are in radians, durations in nanoseconds.
const (
	RX        = abi.RX
	RY        = abi.RY
	RZ        = abi.RZ
	GateCZ    = abi.GateCZ
	GateISwap = abi.GateISwap
	CP        = abi.CP
	ID        = abi.ID
	X90       = abi.X90
	YMinus90  = abi.YMinus90
	VirtualZ  = abi.VirtualZ
	GateCNOT  = abi.GateCNOT
)

// The ways to fail.
const (
	Unsupported = abi.Unsupported // this circuit can never run on this device
	Unavailable = abi.Unavailable // not just now; the node may try again
	Cancelled   = abi.Cancelled   // IsCancelled said so
	Internal    = abi.Internal    // any other fault
)

// Failf returns a *Failure with a message for people, who see it with the job.
func Failf(kind FailureKind, format string, args ...any) error {
	return &Failure{Kind: kind, Message: fmt.Sprintf(format, args...)}
}
