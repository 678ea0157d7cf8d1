package guest

import (
	"unsafe"

	"github.com/conductorquantum/coda/abi"
)

var opened, ran answer

//go:wasmexport coda:executor/executor@0.1.0#open
func open() unsafe.Pointer {
	d, failure := Open(registered)
	if failure != nil {
		return opened.failure(failure)
	}
	return opened.device(d)
}

//go:wasmexport cabi_post_coda:executor/executor@0.1.0#open
func openPost(unsafe.Pointer) { takenFrom(&opened) }

//go:wasmexport coda:executor/executor@0.1.0#run
func run(
	id unsafe.Pointer, idLen uint32,
	target, numQubits uint32,
	operations unsafe.Pointer, numOperations uint32,
	measurements unsafe.Pointer, numMeasurements uint32,
	sourceHash unsafe.Pointer, sourceHashLen uint32,
	shots uint64,
) unsafe.Pointer {
	job := abi.Job{
		ID: viewString(id, idLen),
		Circuit: &abi.Circuit{
			Target:       abi.Target(target),
			NumQubits:    uint16(numQubits),
			Operations:   view[abi.Operation](operations, numOperations),
			Measurements: view[uint16](measurements, numMeasurements),
			Metadata:     abi.Metadata{SourceHash: viewString(sourceHash, sourceHashLen)},
		},
		Shots: shots,
	}
	given.forget(0) // from here on the job itself keeps its memory
	e, failure := Run(registered, job)
	if failure != nil {
		return ran.failure(failure)
	}
	return ran.execution(e)
}

//go:wasmexport cabi_post_coda:executor/executor@0.1.0#run
func runPost(unsafe.Pointer) { takenFrom(&ran) }

func takenFrom(a *answer) {
	calls.Lock()
	defer calls.Unlock()
	a.taken()
}
