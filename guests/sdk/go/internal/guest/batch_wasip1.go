package guest

import (
	"unsafe"

	"github.com/conductorquantum/coda/abi"
)

// jobRecord is a job in memory.
type jobRecord struct {
	id           list
	target       uint8
	numQubits    uint16
	operations   list
	measurements list
	sourceHash   list
	shots        uint64
}

// resultRecord has room for either case of a result<execution, failure>.
type resultRecord [5]uint64

var (
	_ [48]byte = [unsafe.Sizeof(jobRecord{})]byte{}
	_ [40]byte = [unsafe.Offsetof(jobRecord{}.shots)]byte{}
	_ [12]byte = [unsafe.Offsetof(jobRecord{}.operations)]byte{}
	_ [40]byte = [unsafe.Sizeof(resultRecord{})]byte{}
	_ [40]byte = [unsafe.Sizeof(executionOK{})]byte{}
)

// batched is where the results stand until the host has taken them.
var batched struct {
	area     list
	records  []resultRecord
	outcomes []Outcome // keeps alive what the records point to
	texts    []string
}

// ExportBatch is the export run-batch.
func ExportBatch(jobs unsafe.Pointer, numJobs uint32) unsafe.Pointer {
	lifted := make([]abi.Job, numJobs)
	for i, r := range view[jobRecord](jobs, numJobs) {
		lifted[i] = abi.Job{
			ID: given.string(r.id),
			Circuit: &abi.Circuit{
				Target:       abi.Target(r.target),
				NumQubits:    r.numQubits,
				Operations:   viewOf[abi.Operation](r.operations),
				Measurements: viewOf[uint16](r.measurements),
				Metadata:     abi.Metadata{SourceHash: given.string(r.sourceHash)},
			},
			Shots: r.shots,
		}
	}
	given.forget(0) // from here on the jobs themselves keep their memory
	b := &batched
	b.outcomes = RunBatch(registeredBatch, lifted)
	b.records, b.texts = make([]resultRecord, len(b.outcomes)), make([]string, len(b.outcomes))
	for i, o := range b.outcomes {
		area := unsafe.Pointer(&b.records[i])
		if o.Failure != nil {
			b.texts[i] = text(o.Failure.Message)
			putFailure(area, o.Failure.Kind, b.texts[i])
		} else {
			putExecution(area, o.Execution)
		}
	}
	b.area = listOf(b.records)
	return unsafe.Pointer(&b.area)
}

// BatchTaken is the clean-up after run-batch.
func BatchTaken() {
	calls.Lock()
	defer calls.Unlock()
	batched.records, batched.outcomes, batched.texts = nil, nil, nil
}
