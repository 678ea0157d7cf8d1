package guest

import "github.com/conductorquantum/coda/abi"

var registeredSafety func() error

// RegisterSafety sets the program's function that brings its hardware to rest.
func RegisterSafety(rest func() error) {
	if rest == nil || registeredSafety != nil {
		panic("coda: safety.Register is called once, with a function")
	}
	registeredSafety = rest
}

// MakeSafe calls rest; a failure stands for whatever went wrong.
func MakeSafe(rest func() error) (failure *abi.Failure) {
	if rest == nil {
		return &abi.Failure{Kind: abi.Internal, Message: "the program imports package safety and registers nothing: call safety.Register from init"}
	}
	defer caught(&failure)
	return failureOf(rest())
}
