// Package guest is the ground of the SDK's packages: it calls what an author
// registered, and carries jobs and results across the boundary of the module. Its
// native half lets authors run their code in tests.
package guest

import (
	"errors"
	"runtime"

	"github.com/conductorquantum/coda/abi"
)

// Executor is coda.Executor.
type Executor interface {
	Open() (abi.Device, error)
	Run(job abi.Job) (abi.Execution, error)
}

var registered Executor

// Register sets the program's executor.
func Register(e Executor) {
	if e == nil {
		panic("coda: Register(nil)")
	}
	if registered != nil {
		panic("coda: a second executor is registered; a program is one executor")
	}
	registered = e
}

// Open calls e.Open; a failure stands for whatever went wrong.
func Open(e Executor) (device abi.Device, failure *abi.Failure) {
	if e == nil {
		return device, &abi.Failure{Kind: abi.Internal, Message: "the program registers no executor: call coda.Register from init"}
	}
	defer caught(&failure)
	device, err := e.Open()
	return device, failureOf(err)
}

// Run calls e.Run; a failure stands for whatever went wrong.
func Run(e Executor, job abi.Job) (execution abi.Execution, failure *abi.Failure) {
	defer caught(&failure)
	execution, err := e.Run(job)
	return execution, failureOf(err)
}

// failureOf is what the node is told of an error; nil for none.
func failureOf(err error) *abi.Failure {
	if err == nil {
		return nil
	}
	f, ok := errors.AsType[*abi.Failure](err)
	switch {
	case !ok || f == nil:
		return &abi.Failure{Kind: kindOf(err), Message: err.Error()}
	case err.Error() == f.Error():
		return f
	default: // the words around a failure are part of the message
		return &abi.Failure{Kind: f.Kind, Message: err.Error()}
	}
}

// kindOf is what kind of failure another error is.
var kindOf = func(error) abi.FailureKind { return abi.Internal }

// LearnKinds makes errors that know what kind of failure they are, as coda.IOError
// does, be asked. Called by the packages that have such errors, because the question
// adds 6 kB to a module.
func LearnKinds() {
	kindOf = func(err error) abi.FailureKind {
		if e, ok := errors.AsType[interface {
			error
			FailureKind() abi.FailureKind
		}](err); ok {
			return e.FailureKind()
		}
		return abi.Internal
	}
}

// caught, deferred, turns a panic into a failure and writes the stack to standard
// error, which is the node's log.
func caught(failure **abi.Failure) {
	p := recover()
	if p == nil {
		return
	}
	var what string
	switch v := p.(type) {
	case error:
		what = v.Error()
	case string:
		what = v
	case interface{ String() string }:
		what = v.String()
	default: // fmt would print it, at the price of 300 kB in every executor
		what = "a value that is no text"
	}
	stack := make([]byte, 16<<10)
	stack = stack[:runtime.Stack(stack, false)]
	print("panic: ", what, "\n\n", string(stack), "\n")
	*failure = &abi.Failure{Kind: abi.Internal, Message: "panic: " + what}
}
