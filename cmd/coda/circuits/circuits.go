// Package circuits holds the circuits that `coda dev` runs when it is given none:
// textbook ones, compiled for each of the targets.
package circuits

import (
	"embed"
	"strings"
)

// Circuit is a circuit to show.
type Circuit struct {
	Name string
	IR   string // version 1.0
}

//go:embed *.json
var files embed.FS

// All lists the circuits by name: a Bell pair, a GHZ state, Grover's search,
// Bernstein and Vazirani's search for a hidden string, and the Fourier transform
// of a periodic state.
func All() []Circuit {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	all := make([]Circuit, 0, len(entries))
	for _, entry := range entries {
		ir, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		all = append(all, Circuit{strings.TrimSuffix(entry.Name(), ".json"), string(ir)})
	}
	return all
}
