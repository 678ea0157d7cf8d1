package module

import (
	"slices"

	"github.com/conductorquantum/coda/wit"
)

// WASI is the module name of WASI preview 1.
const WASI = "wasi_snapshot_preview1"

// Function is a function of the contract as core WebAssembly sees it.
type Function struct {
	Interface string // "executor", "config", ...; WASI for those of preview 1
	Name      string // "run", "[method]connection.read", "[resource-drop]connection"
	Type      FuncType
}

// The functions of wit/executor.wit, flattened by the canonical ABI: a string or
// list is a pointer and a length, a handle or an enum an i32, a record its fields.
// A result of more than one core value is returned by pointer: an export returns
// the pointer, an import gets it as its last parameter.
var (
	exported = []Function{
		{"executor", "open", sig("", "i")},           // -> result<device, failure>
		{"executor", "run", sig("iiiiiiiiiil", "i")}, // id, target, num-qubits, operations, measurements, source-hash, shots
		{"batch", "run-batch", sig("ii", "i")},       // jobs -> list<result<execution, failure>>
		{"safety", "make-safe", sig("", "i")},        // -> result<_, failure>
	}
	imported = []Function{
		{"context", "log", sig("iii", "")},                                // level, message
		{"context", "cancelled", sig("", "i")},                            // -> bool
		{"context", "progress", sig("l", "")},                             // shots-completed
		{"config", "get", sig("iii", "")},                                 // key -> option<string>
		{"config", "keys", sig("i", "")},                                  // -> list<string>
		{"byte-stream", "[static]connection.open", sig("iii", "")},        // endpoint -> result<connection, error>
		{"byte-stream", "[method]connection.set-timeout", sig("ii", "")},  // self, milliseconds
		{"byte-stream", "[method]connection.read", sig("iii", "")},        // self, max -> result<list<u8>, error>
		{"byte-stream", "[method]connection.read-exact", sig("iii", "")},  // self, length -> result<list<u8>, error>
		{"byte-stream", "[method]connection.read-until", sig("iiii", "")}, // self, delimiter, max -> result<list<u8>, error>
		{"byte-stream", "[method]connection.write", sig("iiii", "")},      // self, data -> result<_, error>
		{"byte-stream", "[resource-drop]connection", sig("i", "")},        // self
		{"http", "send", sig("iiiiiiiiiiii", "")},                         // endpoint, method, path, headers, body, timeout-ms -> result<response, error>
		{"registers", "[static]window.open", sig("iii", "")},              // endpoint -> result<window, error>
		{"registers", "[method]window.read32", sig("iii", "")},            // self, offset -> result<u32, error>
		{"registers", "[method]window.write32", sig("iiii", "")},          // self, offset, value -> result<_, error>
		{"registers", "[method]window.read-block", sig("iiii", "")},       // self, offset, count -> result<list<u32>, error>
		{"registers", "[method]window.write-block", sig("iiiii", "")},     // self, offset, words -> result<_, error>
		{"registers", "[method]window.poll32", sig("iiiiii", "")},         // self, offset, mask, value, timeout-ms -> result<u32, error>
		{"registers", "[resource-drop]window", sig("i", "")},              // self
	}

	postType       = sig("i", "")     // the flat result of the function it cleans up after
	reallocType    = sig("iiii", "i") // old pointer, old size, alignment, new size -> pointer
	initializeType = sig("", "")
)

// Imported lists the functions that a guest may import, drops of handles
// included, without those of WASI.
func Imported() []Function { return slices.Clone(imported) }

// granted are the interfaces that reach out of the sandbox: an operator names
// what is behind each in the device file.
var granted = []string{"byte-stream", "http", "registers"}

func find(table []Function, inter, name string) (Function, bool) {
	i := slices.IndexFunc(table, func(f Function) bool { return f.Interface == inter && f.Name == name })
	if i < 0 {
		return Function{}, false
	}
	return table[i], true
}

func interfaces(table []Function) []string {
	var names []string
	for _, f := range table {
		if !slices.Contains(names, f.Interface) {
			names = append(names, f.Interface)
		}
	}
	return names
}

func functions(table []Function, inter string) []string {
	var names []string
	for _, f := range table {
		if f.Interface == inter {
			names = append(names, f.Name)
		}
	}
	return names
}

// sig writes signatures briefly: i is an i32, l an i64.
func sig(params, results string) FuncType {
	types := func(s string) []ValType {
		var v []ValType
		for _, c := range s {
			v = append(v, map[rune]ValType{'i': I32, 'l': I64}[c])
		}
		return v
	}
	return FuncType{Params: types(params), Results: types(results)}
}

// contractName is how messages call the contract: "coda:executor@0.1.0".
const contractName = wit.Package + "@" + wit.Version
