package canon

import (
	"encoding/binary"

	"github.com/conductorquantum/coda/abi"
)

// The records of run-batch in memory.
const (
	jobSize    = 48 // a job, aligned to 8
	resultSize = 40 // a result<execution, failure>, aligned to 8
)

// LowerJobs puts a list of jobs into the guest and returns the two core
// parameters of run-batch: the list's pointer and length.
func LowerJobs(g Guest, jobs []*abi.Job) (ptr, length uint32, err error) {
	ptr, _, err = alloc(g, "jobs", 8, len(jobs), jobSize)
	if err != nil {
		return 0, 0, err
	}
	for i, job := range jobs {
		var flat [RunParams]uint64
		if err := LowerJob(g, job, flat[:]); err != nil {
			return 0, 0, err
		}
		// The view anew each time: the guest may have grown its memory.
		record, err := view(g, "jobs", ptr+uint32(i)*jobSize, jobSize, 8)
		if err != nil {
			return 0, 0, err
		}
		word := func(offset int, value uint64) { binary.LittleEndian.PutUint32(record[offset:], uint32(value)) }
		word(0, flat[0]) // id
		word(4, flat[1])
		record[8] = byte(flat[2]) // circuit.target
		binary.LittleEndian.PutUint16(record[10:], uint16(flat[3]))
		for field := range 6 { // operations, measurements, source-hash
			word(12+4*field, flat[4+field])
		}
		binary.LittleEndian.PutUint64(record[40:], flat[10])
	}
	return ptr, uint32(len(jobs)), nil
}

// Result is what became of one job of a batch: an execution or a failure.
type Result struct {
	Execution *abi.Execution
	Failure   *abi.Failure
}

// LiftResults reads the list<result<execution, failure>> whose pointer and length
// lie at ptr, and which must have that many elements.
func LiftResults(m Memory, ptr uint32, count int, budget *Budget) ([]Result, error) {
	area, err := view(m, "result of run-batch", ptr, 8, 4)
	if err != nil {
		return nil, err
	}
	base, length := binary.LittleEndian.Uint32(area), binary.LittleEndian.Uint32(area[4:])
	if int64(length) != int64(count) {
		return nil, broken("results", "there are %d for %d jobs", length, count)
	}
	if _, err := span(m, "results", base, length, resultSize, 8); err != nil {
		return nil, err
	}
	results := make([]Result, length)
	for i := range results {
		e, f, err := LiftExecution(m, base+uint32(i)*resultSize, budget)
		if err != nil {
			return nil, err
		}
		results[i] = Result{e, f}
	}
	return results, nil
}
