package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/qasm"
	"github.com/spf13/cobra"
)

const (
	stdinPath  = "-"
	qasmEnding = ".qasm"

	maxCircuit = 64 << 20  // bytes of a circuit's text
	wasmMagic  = "\x00asm" // that a WebAssembly file begins with
)

// source is where the text of a circuit comes from.
type source struct {
	path string // "-" for standard input; empty where the text is given
	id   string // the id of its job
	text string

	resolved *abi.Circuit // what circuit returns; nil: it is read then
}

func newSource(path string) source {
	if path == stdinPath {
		return source{path: path, id: "stdin"}
	}
	id := filepath.Base(path)
	for _, ending := range []string{".json", qasmEnding} {
		if short, ok := strings.CutSuffix(id, ending); ok {
			id = short
			break
		}
	}
	return source{path: path, id: id}
}

func newSources(paths []string) []source {
	sources := make([]source, len(paths))
	for i, path := range paths {
		sources[i] = newSource(path)
	}
	return sources
}

// read returns the circuit's text. The error does not name the path.
func (s source) read(stdin io.Reader) (string, error) {
	switch s.path {
	case "":
		return s.text, nil
	case stdinPath:
		return readText(stdin)
	}
	file, err := openFile(s.path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return readText(file)
}

// openFile opens a file that a command reads. The error does not name the path.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path) // opening a pipe could wait for ever
	switch {
	case err != nil:
		return nil, withoutPath(err)
	case info.IsDir():
		return nil, errors.New("it is a directory: name a file in it")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is a device or a pipe and no file: to read from one, give - and direct standard input")
	}
	file, err := os.Open(path)
	return file, withoutPath(err)
}

// readText reads a circuit's text, as much as one may have.
func readText(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxCircuit+1))
	switch {
	case err != nil:
		return "", withoutPath(err)
	case len(text) > maxCircuit:
		return "", fmt.Errorf("it has more than %d MiB, the most that a circuit may have", maxCircuit>>20)
	case bytes.HasPrefix(text, []byte(wasmMagic)):
		return "", errors.New("this is a WebAssembly file: run it with --executor")
	}
	return string(text), nil
}

// withoutPath is what went wrong with a file that the message names already.
func withoutPath(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// circuit returns the circuit, which for a program in OpenQASM is one for target.
// The error does not name the path.
func (s source) circuit(stdin io.Reader, target abi.Target) (*abi.Circuit, error) {
	if s.resolved != nil {
		return s.resolved, nil
	}
	text, err := s.read(stdin)
	if err != nil {
		return nil, err
	}
	if s.holdsQASM(text) {
		return parseQASM(text, target)
	}
	return abi.ParseCircuit(text)
}

// parseQASM reads a program for target. Where it is wrong for that one only, the
// error names the other.
func parseQASM(text string, target abi.Target) (*abi.Circuit, error) {
	circuit, err := qasm.Parse(text, target)
	if err == nil {
		return circuit, nil
	}
	for _, other := range qasmTargets {
		if _, wrong := qasm.Parse(text, other); wrong == nil {
			return nil, fmt.Errorf("%w; it is a program for --target %v", err, other)
		}
	}
	return nil, err
}

// ir returns the circuit's text for a cloud: IR as it is, right or wrong, and a
// program in OpenQASM as a circuit for target.
func (s source) ir(stdin io.Reader, target abi.Target) (string, error) {
	text, err := s.read(stdin)
	if err != nil || !s.holdsQASM(text) {
		return text, err
	}
	circuit, err := parseQASM(text, target)
	if err != nil {
		return "", err
	}
	return string(circuit.AppendIR(nil)), nil
}

// qasmBeginnings are how a program can begin, and IR cannot.
var qasmBeginnings = []string{"OPENQASM", "include", "qubit", "bit", "//"}

// holdsQASM tells OpenQASM from IR: a file by its name, standard input by how it
// begins.
func (s source) holdsQASM(text string) bool {
	if s.path == stdinPath {
		text = strings.TrimSpace(text)
		return slices.ContainsFunc(qasmBeginnings, func(with string) bool { return strings.HasPrefix(text, with) })
	}
	return strings.EqualFold(filepath.Ext(s.path), qasmEnding)
}

// shown is what messages call the source.
func (s source) shown() string {
	switch s.path {
	case "":
		return s.id
	case stdinPath:
		return "standard input"
	default:
		return s.path
	}
}

// targetFlag is the gate set that OpenQASM programs are read for.
type targetFlag struct{ abi.Target }

func (t *targetFlag) Set(name string) error {
	for _, target := range qasmTargets {
		if name == target.String() {
			t.Target = target
			return nil
		}
	}
	return errors.New("want cz or cnot")
}

func (t *targetFlag) Type() string { return "TARGET" }

// qasmTargets have a spelling in OpenQASM.
var qasmTargets = []abi.Target{abi.CZ, abi.CNOT}

func (t *targetFlag) register(cmd *cobra.Command) {
	cmd.Flags().Var(t, "target", "gate set that OpenQASM circuits are for: cz or cnot")
	completes(cmd, "target", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, target := range qasmTargets {
			names = append(names, target.String())
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}

// circuitArguments asks for at least one circuit.
func circuitArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return misused(cmd, "%s needs a CIRCUIT, the path of an IR or OpenQASM file", cmd.Name())
	}
	return anyCircuits(cmd, args)
}

// anyCircuits allows none as well.
func anyCircuits(cmd *cobra.Command, args []string) error {
	first := slices.Index(args, stdinPath)
	if first >= 0 && slices.Contains(args[first+1:], stdinPath) {
		return misused(cmd, "standard input can be read once, and - is given twice")
	}
	return nil
}
