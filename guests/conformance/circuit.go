package conformance

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

// circuit writes a circuit briefly: "ry 0 pi/2; cz 0 1" is a gate, its qubits and
// its parameter, where it has one, as a number or as a fraction of pi. A vector
// that does not read is a mistake in this package, and panics.
func circuit(target abi.Target, numQubits uint16, gates string, measurements ...uint16) *abi.Circuit {
	c := &abi.Circuit{
		Target: target, NumQubits: numQubits, Measurements: measurements,
		Metadata: abi.Metadata{SourceHash: "sha256:conformance"},
	}
	for line := range strings.SplitSeq(gates, ";") {
		if line = strings.TrimSpace(line); line != "" {
			c.Operations = append(c.Operations, operation(line))
		}
	}
	if err := c.Validate(); err != nil {
		panic(fmt.Sprintf("conformance: %q: %v", gates, err))
	}
	return c
}

func operation(line string) abi.Operation {
	words := strings.Fields(line)
	gate, ok := abi.ParseGate(words[0])
	qubits := 1
	switch gate {
	case abi.GateCZ, abi.GateISwap, abi.CP, abi.GateCNOT:
		qubits = 2
	}
	params := len(words) - 1 - qubits
	if !ok || params < 0 || params > 1 {
		panic(fmt.Sprintf("conformance: %q is no operation", line))
	}
	op := abi.Operation{Gate: gate, Q0: qubit(words[1]), Q1: qubit(words[qubits])}
	if params == 1 {
		op.Param = number(words[1+qubits])
	}
	return op
}

func qubit(word string) uint16 {
	q, err := strconv.ParseUint(word, 10, 16)
	if err != nil {
		panic(fmt.Sprintf("conformance: %q is no qubit", word))
	}
	return uint16(q)
}

func number(word string) float64 {
	over, under, _ := strings.Cut(word, "/")
	sign := 1.0
	if rest, negative := strings.CutPrefix(over, "-"); negative && rest == "pi" {
		sign, over = -1, rest
	}
	if over != "pi" {
		x, err := strconv.ParseFloat(word, 64)
		if err != nil {
			panic(fmt.Sprintf("conformance: %q is no number", word))
		}
		return x
	}
	if under == "" {
		return sign * math.Pi
	}
	d, err := strconv.ParseFloat(under, 64)
	if err != nil {
		panic(fmt.Sprintf("conformance: %q is no number", word))
	}
	return sign * math.Pi / d
}

func job(id string, shots uint64, c *abi.Circuit) *abi.Job {
	return &abi.Job{ID: id, Circuit: c, Shots: shots}
}

func repeat[T any](n int, of ...T) []T {
	out := make([]T, 0, n*len(of))
	for range n {
		out = append(out, of...)
	}
	return out
}
