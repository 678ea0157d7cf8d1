// Package abi holds the vocabulary that crosses the boundary between a node and
// an executor: circuits, jobs, results and devices. It decodes and validates
// them and does no I/O.
//
// Every type mirrors one of wit/executor.wit; the constants' values are the
// discriminants that the canonical ABI gives them. Folder canon puts these types
// into a guest's memory and takes them out again.
package abi

import "time"

// Target is the native gate set that a circuit was compiled for.
type Target uint8

// The targets, in the order of the WIT enum.
const (
	CZ Target = iota
	ISwap
	PCZ
	CNOT
)

// Gate names one of the eleven native gates.
type Gate uint8

// The gates, in the order of the WIT enum. Angles are in radians, durations in
// nanoseconds; rx, ry and rz are exp(-iθ/2 P).
const (
	RX Gate = iota
	RY
	RZ
	GateCZ
	GateISwap
	CP
	ID
	X90
	YMinus90
	VirtualZ
	GateCNOT
)

// Operation is one gate of a circuit. Its layout in memory (16 bytes: gate at 0,
// q0 at 2, q1 at 4, param at 8) is the one that the canonical ABI prescribes, so
// a list of operations crosses into a guest in one copy.
type Operation struct {
	Gate  Gate
	Q0    uint16
	Q1    uint16  // equal to Q0 for a one-qubit gate
	Param float64 // 0 for a gate without a parameter
}

// Circuit is a native gate program, IR version 1.0.
type Circuit struct {
	Target       Target
	NumQubits    uint16 // 1 to MaxQubits
	Operations   []Operation
	Measurements []uint16 // qubits in the order of the outcome's bits; may repeat
	Metadata     Metadata
}

// Metadata says where a circuit came from. Only SourceHash reaches a guest.
type Metadata struct {
	SourceHash        string
	CompiledAt        string // as written; not parsed
	CompilerVersion   string
	OptimizationLevel int // 0 to 3
}

// Job is one circuit to run, Shots times.
type Job struct {
	ID      string
	Circuit *Circuit
	Shots   uint64 // at least 1
}

// Outcome says how often one readout was seen. Bit i of Bits, least significant
// first, is the readout of Measurements[i].
type Outcome struct {
	Bits  uint64
	Count uint64
}

// Execution is what a job measured.
type Execution struct {
	Outcomes       []Outcome
	ShotsCompleted uint64         // may be fewer than asked for
	Elapsed        *time.Duration // on the backend itself; nil: the host measures the call
}

// Device is what an executor reports of the hardware behind it.
type Device struct {
	Name      string      `json:"name"`            // 1 to 128 bytes
	Target    Target      `json:"target"`          // of the hardware; a simulator may run others too
	NumQubits uint16      `json:"num_qubits"`      // at least 1
	Edges     [][2]uint16 `json:"edges,omitempty"` // coupled pairs, (control, target) where Directed; empty: any two
	Directed  bool        `json:"directed"`
	MaxShots  *uint64     `json:"max_shots,omitempty"` // nil: unlimited
}

// FailureKind says why an executor could not do what it was asked.
type FailureKind uint8

// The kinds, in the order of the WIT enum.
const (
	Unsupported FailureKind = iota // this circuit can never run on this device
	Unavailable                    // not just now; the host may retry
	Cancelled                      // the job was cancelled while it ran
	Internal                       // any other fault of the executor
)

// Failure is an executor's own account of why it failed.
type Failure struct {
	Kind    FailureKind
	Message string // for people; sent to the cloud with the job's error
}

func (f *Failure) Error() string { return f.Kind.String() + ": " + f.Message }

// Limits of the contract.
const (
	MaxQubits       = 50 // of a circuit
	MaxMeasurements = 64 // an outcome's bits are one 64-bit word
	MaxDeviceName   = 128
)
