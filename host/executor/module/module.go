// Package module reads the WebAssembly binary format far enough to say what a
// file is, what it asks of a host and what it costs to compile, and checks it
// against the contract of wit/executor.wit. It runs nothing and compiles nothing.
//
// The bytes come from strangers: Parse is a single pass that never allocates by a
// count that the file declares, and every error says where in the file it stands.
package module

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/host/fault"
)

// Module is what a core module declares. Bodies of functions are measured and
// forgotten.
type Module struct {
	Size      int // of the file, in bytes
	Types     []FuncType
	Imports   []Import
	Functions []uint32 // index of its type, per function that the module defines
	Tables    []Table
	Memories  []Limits // in pages of 64 KiB
	Globals   int
	Exports   []Export
	HasStart  bool // a start function runs while the module is instantiated
	Code      Code
	Data      Data
	Elements  Elements
	Custom    []Custom
	Name      string           // from the name section
	Producers []Producer       // from the producers section, in its order
	Go        *debug.BuildInfo // of a program that Go built; nil where none was found
}

// Code measures the functions that a module defines. An index counts the imported
// functions too, as everywhere in WebAssembly.
type Code struct {
	Bodies      int
	Bytes       int // of all bodies
	LargestBody int // in bytes
	LargestFunc uint32
	MostLocals  uint64 // of one function, without its parameters
	LocalsFunc  uint32 // the function that has MostLocals
	MostBlocks  uint64 // basic blocks of one function, about
	BlocksFunc  uint32
	MostLive    uint64 // blocks times parameters, locals and operands of one function
	LiveFunc    uint32
	Work        uint64 // to compile all, in about microseconds; see (*scan).work
}

// Data measures the segments that initialize memories.
type Data struct {
	Segments int
	Bytes    int
}

// Elements measures the segments that initialize tables.
type Elements struct {
	Segments int
	Items    int
}

// Import is something that a module needs its host to provide.
type Import struct {
	Module string
	Field  string
	Kind   Kind
	Type   FuncType // of a function
}

// Export is something that a module offers by name.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
	Type  FuncType // of a function
}

// Table is a table's type.
type Table struct {
	Element ValType
	Limits
}

// Limits bound a table, in elements, or a memory, in pages.
type Limits struct {
	Min, Max uint32
	HasMax   bool
}

// Custom is a section that does not change what the module does.
type Custom struct {
	Name string
	Size int // in bytes, without the name
}

// Producer is one line of the producers section: which tool had a hand in the file.
type Producer struct {
	Field   string // "language", "processed-by" or "sdk"
	Name    string
	Version string // may be empty
}

// Kind tells what is imported or exported.
type Kind byte

// The kinds, with their encoding.
const (
	KindFunc Kind = iota
	KindTable
	KindMemory
	KindGlobal
)

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %#x", byte(k))
}

var kindNames = [...]string{"function", "table", "memory", "global"}

// ValType is the type of a value, with its encoding.
type ValType byte

// The value types of WebAssembly 2.0.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
)

var valNames = map[ValType]string{
	I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128", FuncRef: "funcref", ExternRef: "externref",
}

func (v ValType) String() string {
	if s, ok := valNames[v]; ok {
		return s
	}
	return fmt.Sprintf("type %#x", byte(v))
}

// FuncType is a function's signature.
type FuncType struct {
	Params, Results []ValType
}

// Equal reports whether two signatures are the same.
func (t FuncType) Equal(u FuncType) bool {
	return slices.Equal(t.Params, u.Params) && slices.Equal(t.Results, u.Results)
}

// String writes a signature as "(i32 x10, i64) -> i32".
func (t FuncType) String() string {
	s := "(" + list(t.Params) + ")"
	switch len(t.Results) {
	case 0:
		return s
	case 1:
		return s + " -> " + t.Results[0].String()
	}
	return s + " -> (" + list(t.Results) + ")"
}

// longest bounds what one signature adds to a message, in runs of equal types.
const longest = 16

// list folds runs of equal types, because run alone has ten i32.
func list(types []ValType) string {
	var parts []string
	for i := 0; i < len(types); {
		n := 1
		for i+n < len(types) && types[i+n] == types[i] {
			n++
		}
		switch {
		case len(parts) == longest:
			return strings.Join(append(parts, "..."), ", ")
		case n > 3:
			parts = append(parts, fmt.Sprintf("%v x%d", types[i], n))
			i += n
		default:
			parts = append(parts, types[i].String())
			i++
		}
	}
	return strings.Join(parts, ", ")
}

// Error is a file that is no module, or no executor, that this host can run.
type Error struct {
	Offset int    // in bytes from the file's start; -1 where the whole file is meant
	Reason string // what is wrong and, where something helps, what to do
	Over   bool   // nothing is wrong with it, but it is over a budget
}

// Cause is fault.Limit for a module over budget, else fault.Refused.
func (e *Error) Cause() fault.Cause {
	if e.Over {
		return fault.Limit
	}
	return fault.Refused
}

func (e *Error) Error() string {
	if e.Offset < 0 {
		return e.Reason
	}
	return fmt.Sprintf("byte %#x: %s", e.Offset, e.Reason)
}

func refuse(format string, args ...any) error {
	return &Error{Offset: -1, Reason: fmt.Sprintf(format, args...)}
}
