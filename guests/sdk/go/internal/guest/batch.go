package guest

import (
	"strconv"

	"github.com/conductorquantum/coda/abi"
)

// Result is what became of one job of a batch.
type Result struct {
	Execution abi.Execution
	Err       error
}

// BatchFunc runs jobs together.
type BatchFunc func(jobs []abi.Job) []Result

var registeredBatch BatchFunc

// RegisterBatch sets the program's function that runs jobs together.
func RegisterBatch(run BatchFunc) {
	if run == nil || registeredBatch != nil {
		panic("coda: batch.Register is called once, with a function")
	}
	registeredBatch = run
}

// Outcome is a Result as the node is told of it.
type Outcome struct {
	Execution abi.Execution
	Failure   *abi.Failure // nil for none
}

// RunBatch calls run; a failure stands for whatever went wrong.
func RunBatch(run BatchFunc, jobs []abi.Job) []Outcome {
	n := len(jobs) // run may do with the slice as it likes
	outcomes := make([]Outcome, n)
	results, failure := runBatch(run, jobs)
	if failure == nil && len(results) != n {
		failure = &abi.Failure{Kind: abi.Internal, Message: "the executor gave " + strconv.Itoa(len(results)) + " results for " + strconv.Itoa(n) + " jobs"}
	}
	for i := range outcomes {
		if failure != nil {
			outcomes[i].Failure = failure
			continue
		}
		outcomes[i] = Outcome{results[i].Execution, failureOf(results[i].Err)}
	}
	return outcomes
}

func runBatch(run BatchFunc, jobs []abi.Job) (results []Result, failure *abi.Failure) {
	if run == nil {
		return nil, &abi.Failure{Kind: abi.Internal, Message: "the program imports package batch and registers nothing: call batch.Register from init"}
	}
	defer caught(&failure)
	return run(jobs), nil
}
