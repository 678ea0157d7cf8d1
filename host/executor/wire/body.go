package wire

import (
	"encoding/binary"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/host/fault"
)

// LoadBody tells a child what to run. The module follows in a Code frame, and each
// file in a File frame.
type LoadBody struct {
	Compile   bool              // write the code into CacheDir and end; nothing runs
	CacheDir  string            // of compiled code, which is only read unless Compile; empty: compile in memory
	Compiling Compiling         // limits of that
	Settings  map[string]string // what config.get answers
	Files     []string          // what stands under /device, by name
	Exports   Exports
	Imports   []Import
	Keep      bool // an instance outlives its job whatever it costs to make
	MakeSafe  bool // nothing is opened: make-safe is called, once
	Doors     bool // each instance has a door of its own at the node
	Taped     bool // all that a guest asks goes through it

	Memory             uint64 // most bytes of an instance's linear memory
	LogLines, LogBytes uint64 // a second
	Handles            uint64 // open at once
	Outcomes           uint64 // of one answer
	OutcomesBy         string // the limit that says so, as messages show it
}

// Compiling bounds the process that compiles.
type Compiling struct {
	Memory uint64        // bytes of address space beyond what the process starts with
	Time   time.Duration // of the processor; the node keeps the wall's
}

// Exports are the names that the module gives to what a host calls. Those that
// it lacks are empty.
type Exports struct {
	Memory, Realloc, Initialize string
	Open, OpenPost              string
	Run, RunPost                string
	RunBatch, RunBatchPost      string
	MakeSafe, MakeSafePost      string
}

// Import is a function of the contract that the module imports, and the names
// under which it does.
type Import struct {
	Module, Name        string
	Interface, Function string // "context", "log"
}

// LoadedBody is what a child found out about its executor.
type LoadedBody struct {
	Device   abi.Device
	Kept     bool // instances outlive their jobs
	Compile  time.Duration
	Instance time.Duration // to make one and open it
	Missing  []string      // of what confines the child, what this system does not have
}

// FailedBody says why a job, or the loading, failed.
type FailedBody struct {
	Cause   fault.Cause
	Message string
	Stale   bool // the code in CacheDir cannot be used: compile it anew
}

// jobHeader and doneHeader are the fixed parts of their frames.
const (
	jobHeader  = 32
	doneHeader = 32
)

// AppendJob appends a job: shots u64; the numbers of operations, measurements
// and bytes of the id and of the source hash, u32 each; num_qubits u16; target
// u8; then the operations, the measurements, the id and the source hash.
func AppendJob(b []byte, job *abi.Job) []byte {
	c := job.Circuit
	b = binary.NativeEndian.AppendUint64(b, job.Shots)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(c.Operations)))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(c.Measurements)))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(job.ID)))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(c.Metadata.SourceHash)))
	b = binary.NativeEndian.AppendUint16(b, c.NumQubits)
	b = append(b, byte(c.Target), 0, 0, 0, 0, 0)
	b = canon.AppendOperations(b, c.Operations)
	b = canon.AppendMeasurements(b, c.Measurements)
	b = append(b, job.ID...)
	return append(b, c.Metadata.SourceHash...)
}

// ParseJob reads what AppendJob wrote into job. The operations may be a view of b,
// and the slice of measurements is used again.
func ParseJob(b []byte, job *abi.Job) error {
	if len(b) < jobHeader {
		return &ProtocolError{"a job without its header"}
	}
	c := job.Circuit
	job.Shots = binary.NativeEndian.Uint64(b)
	operations := int(binary.NativeEndian.Uint32(b[8:])) * canon.OperationSize
	measurements := int(binary.NativeEndian.Uint32(b[12:])) * 2
	id := int(binary.NativeEndian.Uint32(b[16:]))
	hash := int(binary.NativeEndian.Uint32(b[20:]))
	c.NumQubits = binary.NativeEndian.Uint16(b[24:])
	c.Target = abi.Target(b[26])
	b = b[jobHeader:]
	if len(b) != operations+measurements+id+hash {
		return &ProtocolError{"a job whose parts do not add up to its size"}
	}
	c.Operations = canon.Operations(b[:operations])
	b = b[operations:]
	c.Measurements = canon.Measurements(c.Measurements[:0], b[:measurements])
	b = b[measurements:]
	job.ID, c.Metadata.SourceHash = string(b[:id]), string(b[id:])
	return nil
}

// AppendDone appends a result: the time of the call, the guest's own figure and
// whether there is one, the shots completed (u64 each), then the outcomes.
func AppendDone(b []byte, e *abi.Execution, call time.Duration) []byte {
	var elapsed, some uint64
	if e.Elapsed != nil {
		elapsed, some = uint64(*e.Elapsed), 1
	}
	b = binary.NativeEndian.AppendUint64(b, uint64(call))
	b = binary.NativeEndian.AppendUint64(b, elapsed)
	b = binary.NativeEndian.AppendUint64(b, some)
	b = binary.NativeEndian.AppendUint64(b, e.ShotsCompleted)
	return canon.AppendOutcomes(b, e.Outcomes)
}

// ParseDone reads what AppendDone wrote. Elapsed is always set: to the time of
// the call where the guest gave none.
func ParseDone(b []byte) (*abi.Execution, error) {
	if len(b) < doneHeader || (len(b)-doneHeader)%canon.OutcomeSize != 0 {
		return nil, &ProtocolError{"a result of a size that none has"}
	}
	elapsed := time.Duration(binary.NativeEndian.Uint64(b))
	if binary.NativeEndian.Uint64(b[16:]) != 0 {
		elapsed = time.Duration(binary.NativeEndian.Uint64(b[8:]))
	}
	return &abi.Execution{
		Outcomes:       canon.Outcomes(b[doneHeader:]),
		ShotsCompleted: binary.NativeEndian.Uint64(b[24:]),
		Elapsed:        &elapsed,
	}, nil
}

// AppendProgress appends how many shots are completed.
func AppendProgress(b []byte, shots uint64) []byte { return binary.NativeEndian.AppendUint64(b, shots) }

// ParseProgress reads what AppendProgress wrote.
func ParseProgress(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, &ProtocolError{"a progress of a size that none has"}
	}
	return binary.NativeEndian.Uint64(b), nil
}

// Usage is what an instance had taken when it was last looked at.
type Usage struct {
	Memory uint64 // bytes of its linear memory
	Lines  uint64 // that it logged and nobody kept, since its child began
}

// AppendUsage appends the two numbers of a usage, u64 each.
func AppendUsage(b []byte, u Usage) []byte {
	b = binary.NativeEndian.AppendUint64(b, u.Memory)
	return binary.NativeEndian.AppendUint64(b, u.Lines)
}

// ParseUsage reads what AppendUsage wrote.
func ParseUsage(b []byte) (Usage, error) {
	if len(b) != 16 {
		return Usage{}, &ProtocolError{"a usage of a size that none has"}
	}
	return Usage{binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[8:])}, nil
}
