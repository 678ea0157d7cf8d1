// Package guests holds the executors that coda carries. Each is a WebAssembly
// file like any other, run in the same sandbox; see README.md for how to write
// one, and build for how these are made.
package guests

import (
	_ "embed"
	"slices"
)

// Builtin is an executor that can be named instead of a file.
type Builtin struct {
	Name   string
	Wasm   []byte // the core module; not to be changed
	Memory uint64 // the limit, in bytes, where the device file sets no limits.memory
}

const mib = 1 << 20

//go:embed noisy/noisy.wasm
var noisy []byte

//go:embed noop/noop.wasm
var noop []byte

//go:embed registers/registers.wasm
var registers []byte

//go:embed scpi/scpi.wasm
var scpi []byte

//go:embed statevector/statevector.wasm
var statevector []byte

var builtins = []Builtin{
	// 25 qubits take 2 GiB, in four states; the rest is for the job and its outcomes.
	{Name: "noisy", Wasm: noisy, Memory: 2304 * mib},
	{Name: "noop", Wasm: noop, Memory: 64 * mib},
	// Some MiB for a program; for every outcome that is seen, 64 bytes at most.
	{Name: "registers", Wasm: registers, Memory: 256 * mib},
	{Name: "scpi", Wasm: scpi, Memory: 256 * mib},
	// 27 qubits take 2 GiB; the rest is for the job and its outcomes.
	{Name: "statevector", Wasm: statevector, Memory: 2304 * mib},
}

// Lookup returns the built-in executor of that name.
func Lookup(name string) (Builtin, bool) {
	i := slices.IndexFunc(builtins, func(b Builtin) bool { return b.Name == name })
	if i < 0 {
		return Builtin{}, false
	}
	return builtins[i], true
}

// Names lists the built-in executors in alphabetical order.
func Names() []string {
	names := make([]string, len(builtins))
	for i, b := range builtins {
		names[i] = b.Name
	}
	return names
}
