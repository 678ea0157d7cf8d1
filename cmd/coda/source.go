package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const stdinPath = "-"

// source is where the text of a circuit comes from.
type source struct {
	path string // "-" for standard input; empty where the text is given
	id   string // the id of its job
	text string
}

func newSource(path string) source {
	if path == stdinPath {
		return source{path: path, id: "stdin"}
	}
	return source{path: path, id: strings.TrimSuffix(filepath.Base(path), ".json")}
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
	var text []byte
	var err error
	switch s.path {
	case "":
		return s.text, nil
	case stdinPath:
		text, err = io.ReadAll(stdin)
	default:
		text, err = os.ReadFile(s.path)
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	return string(text), err
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

// circuitArguments asks for at least one circuit.
func circuitArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return misused(cmd, "%s needs a CIRCUIT, the path of an IR file", cmd.Name())
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
