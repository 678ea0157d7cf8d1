package host

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// Program is an executor's code, found by a reference.
type Program struct {
	Ref    string // what was asked for
	Name   string // short, for messages
	Path   string // of the file; empty for a built-in
	Wasm   []byte
	Memory uint64 // the memory limit that it needs to do what it offers; 0: the usual one
}

// Find loads what a reference names: a built-in's name, or the path of a
// WebAssembly file. A path has a slash or ends in .wasm; a file that is named
// like a built-in is reached as ./NAME.
func Find(ref string) (Program, error) {
	if b, ok := guests.Lookup(ref); ok {
		return Program{Ref: ref, Name: b.Name, Wasm: b.Wasm, Memory: b.Memory}, nil
	}
	p := Program{Ref: ref, Path: ref, Name: strings.TrimSuffix(filepath.Base(ref), ".wasm")}
	refuse := func(format string, args ...any) (Program, error) {
		return Program{}, &fault.ExecutorError{Executor: ref, Cause: fault.Refused, Reason: fmt.Sprintf(format, args...)}
	}
	info, err := os.Stat(ref) // opening a pipe could wait for ever
	switch {
	case os.IsNotExist(err) && !strings.ContainsRune(ref, filepath.Separator) && filepath.Ext(ref) == "":
		return refuse("there is no such file, and the built-in executors are %s", listed(guests.Names()))
	case os.IsNotExist(err):
		return refuse("there is no such file")
	case err != nil:
		return refuse("the file cannot be read: %v", err)
	case info.IsDir():
		return refuse("it is a directory: name the .wasm file in it")
	case !info.Mode().IsRegular():
		return refuse("it is a device or a pipe and no file")
	}
	file, err := os.Open(ref)
	if err != nil {
		return refuse("the file cannot be read: %v", err)
	}
	defer file.Close()
	if p.Wasm, err = io.ReadAll(io.LimitReader(file, config.MaxModule+1)); err != nil {
		return refuse("the file cannot be read: %v", err)
	}
	if len(p.Wasm) > config.MaxModule {
		return refuse("the file has more than %d MiB", config.MaxModule>>20)
	}
	return p, nil
}

// listed writes names as a sentence has them: "a, b and c".
func listed(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Limits are what a program may take: what the operator set, else what it needs,
// else the usual.
func (p *Program) Limits(limits config.Limits) config.Limits {
	if limits.Memory == 0 {
		limits.Memory = p.Memory
	}
	return limits
}

// Builtins lists the names of the executors in the binary.
func Builtins() []string { return guests.Names() }
