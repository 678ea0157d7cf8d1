package canon

import (
	"encoding/binary"

	"github.com/conductorquantum/coda/abi"
)

// RunParams is how many core values a job flattens to as the parameter of run:
// ten i32 and one i64.
const RunParams = 11

// LowerJob puts a job into the guest and writes the core parameters of run to
// flat, which must have room for RunParams values. Each list and string is one
// allocation by the guest, as bindings expect that free each of them, and one
// copy.
func LowerJob(g Guest, job *abi.Job, flat []uint64) error {
	c := job.Circuit
	id, err := lowerString(g, "job.id", job.ID)
	if err != nil {
		return err
	}
	ops, view, err := alloc(g, "circuit.operations", 8, len(c.Operations), OperationSize)
	if err != nil {
		return err
	}
	AppendOperations(view[:0], c.Operations)
	measured, view, err := alloc(g, "circuit.measurements", 2, len(c.Measurements), 2)
	if err != nil {
		return err
	}
	AppendMeasurements(view[:0], c.Measurements)
	hash, err := lowerString(g, "circuit.source-hash", c.Metadata.SourceHash)
	if err != nil {
		return err
	}
	flat = flat[:RunParams]
	flat[0], flat[1] = uint64(id), uint64(len(job.ID))
	flat[2], flat[3] = uint64(c.Target), uint64(c.NumQubits)
	flat[4], flat[5] = uint64(ops), uint64(len(c.Operations))
	flat[6], flat[7] = uint64(measured), uint64(len(c.Measurements))
	flat[8], flat[9] = uint64(hash), uint64(len(c.Metadata.SourceHash))
	flat[10] = job.Shots
	return nil
}

// LowerOptionString writes an option<string> to the return area at ret.
func LowerOptionString(g Guest, ret uint32, s string, some bool) error {
	var ptr uint32
	if some {
		var err error
		if ptr, err = lowerString(g, "option", s); err != nil {
			return err
		}
	}
	area, err := view(g, "return area", ret, 12, 4)
	if err != nil {
		return err
	}
	area[0] = 0
	if some {
		area[0] = 1
		binary.LittleEndian.PutUint32(area[4:], ptr)
		binary.LittleEndian.PutUint32(area[8:], uint32(len(s)))
	}
	return nil
}

// LowerStrings writes a list<string> to the return area at ret.
func LowerStrings(g Guest, ret uint32, list []string) error {
	ptr, _, err := alloc(g, "list", 4, len(list), 8)
	if err != nil {
		return err
	}
	for i, s := range list {
		p, err := lowerString(g, "list element", s)
		if err != nil {
			return err
		}
		element, err := view(g, "list", ptr+uint32(i)*8, 8, 4)
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint32(element, p)
		binary.LittleEndian.PutUint32(element[4:], uint32(len(s)))
	}
	area, err := view(g, "return area", ret, 8, 4)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(area, ptr)
	binary.LittleEndian.PutUint32(area[4:], uint32(len(list)))
	return nil
}

func lowerString(g Guest, what, s string) (uint32, error) {
	ptr, view, err := alloc(g, what, 1, len(s), 1)
	if err != nil {
		return 0, err
	}
	copy(view, s)
	return ptr, nil
}
