package abi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

// generate returns a circuit as a compiler for the cnot target makes it: rotations
// as virtual_z and x90, a cnot every third gate, angles with all their digits.
func generate(gates int) *abi.Circuit {
	random := rand.New(rand.NewPCG(1, 2))
	const qubits = 20
	c := &abi.Circuit{
		Target:    abi.CNOT,
		NumQubits: qubits,
		Metadata: abi.Metadata{
			SourceHash:        "sha256:" + strings.Repeat("0123456789abcdef", 4),
			CompiledAt:        "2026-01-01T00:00:00Z",
			CompilerVersion:   "0.1.0",
			OptimizationLevel: 2,
		},
	}
	for i := range gates {
		q := uint16(random.IntN(qubits))
		op := abi.Operation{Gate: abi.X90, Q0: q, Q1: q}
		switch i % 3 {
		case 0:
			op.Gate, op.Param = abi.VirtualZ, (2*random.Float64()-1)*math.Pi
		case 1:
			op.Gate, op.Q1 = abi.GateCNOT, (q+1+uint16(random.IntN(qubits-1)))%qubits
		}
		c.Operations = append(c.Operations, op)
	}
	for q := range uint16(qubits) {
		c.Measurements = append(c.Measurements, q)
	}
	return c
}

// The document as encoding/json likes it best: nothing but plain types.
type (
	wireCircuit struct {
		Version      string       `json:"version"`
		Target       string       `json:"target"`
		NumQubits    int          `json:"num_qubits"`
		Gates        []wireGate   `json:"gates"`
		Measurements []int        `json:"measurements"`
		Metadata     wireMetadata `json:"metadata"`
	}
	wireGate struct {
		Gate   string    `json:"gate"`
		Qubits []int     `json:"qubits"`
		Params []float64 `json:"params"`
	}
	wireMetadata struct {
		SourceHash        string `json:"source_hash"`
		CompiledAt        string `json:"compiled_at"`
		CompilerVersion   string `json:"compiler_version"`
		OptimizationLevel int    `json:"optimization_level"`
	}
)

// decodePlain is the decoder that one would write first: encoding/json, then a
// conversion into the same types. It checks only what it needs to go on.
func decodePlain(ir []byte) (*abi.Circuit, error) {
	var w wireCircuit
	if err := json.Unmarshal(ir, &w); err != nil {
		return nil, err
	}
	target, ok := abi.ParseTarget(w.Target)
	if !ok {
		return nil, errors.New("unknown target")
	}
	c := &abi.Circuit{
		Target:       target,
		NumQubits:    uint16(w.NumQubits),
		Operations:   make([]abi.Operation, len(w.Gates)),
		Measurements: make([]uint16, len(w.Measurements)),
		Metadata:     abi.Metadata(w.Metadata),
	}
	for i, g := range w.Gates {
		gate, ok := abi.ParseGate(g.Gate)
		if !ok || len(g.Qubits) == 0 {
			return nil, fmt.Errorf("bad gate %d", i)
		}
		op := abi.Operation{Gate: gate, Q0: uint16(g.Qubits[0]), Q1: uint16(g.Qubits[len(g.Qubits)-1])}
		if len(g.Params) > 0 {
			op.Param = g.Params[0]
		}
		c.Operations[i] = op
	}
	for i, q := range w.Measurements {
		c.Measurements[i] = uint16(q)
	}
	return c, nil
}

func BenchmarkParseCircuit(b *testing.B) {
	for _, gates := range []int{2_800, 10_000} {
		compact := string(generate(gates).AppendIR(nil))
		indented := indent(b, compact)
		run := func(name, ir string, parse func() error) {
			b.Run(fmt.Sprintf("gates=%d/%s", gates, name), func(b *testing.B) {
				b.SetBytes(int64(len(ir)))
				b.ReportAllocs()
				for b.Loop() {
					if err := parse(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*gates), "ns/gate")
			})
		}
		run("ours", compact, func() error {
			_, err := abi.ParseCircuit(compact)
			return err
		})
		run("ours-indented", indented, func() error {
			_, err := abi.ParseCircuit(indented)
			return err
		})
		bytes := []byte(compact)
		run("encoding-json", compact, func() error {
			return json.Unmarshal(bytes, new(wireCircuit))
		})
		run("encoding-json-same-types", compact, func() error {
			_, err := decodePlain(bytes)
			return err
		})
		bytesIndented := []byte(indented)
		run("encoding-json-indented", indented, func() error {
			return json.Unmarshal(bytesIndented, new(wireCircuit))
		})
	}
}

func BenchmarkAppendIR(b *testing.B) {
	c := generate(2_800)
	dst := c.AppendIR(nil)
	b.SetBytes(int64(len(dst)))
	for b.Loop() {
		dst = c.AppendIR(dst[:0])
	}
}

func indent(tb testing.TB, ir string) string {
	tb.Helper()
	pretty, err := json.MarshalIndent(json.RawMessage(ir), "", "  ")
	if err != nil {
		tb.Fatal(err)
	}
	return string(pretty)
}

// TestParseCircuitStaysSmall bounds the memory that a text can make the decoder
// ask for by its own size. It sums up what is allocated, garbage too; faults cost
// the most.
func TestParseCircuitStaysSmall(t *testing.T) {
	const n = 100_000
	braces := `"x":"` + strings.Repeat("{", n) + `"`
	for name, ir := range map[string]string{
		"lists that replace each other": `{` + strings.Repeat(`"gates":[],`, n) + braces + `}`,
		"braces that open no gate":      `{"gates":[],` + braces + `}`,
		"gates that are none":           `{"gates":[` + strings.Repeat("0,", n) + `0]}`,
		"gates with every fault":        `{"gates":[` + strings.Repeat(`{"gate":0,"qubits":0},`, n) + `0]}`,
		"measurements":                  `{"measurements":[` + strings.Repeat("0,", n) + `0]}`,
		"deep nesting":                  `{"x":` + strings.Repeat("[", n),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := abi.ParseCircuit(ir); err == nil {
			t.Fatalf("%s: taken for a circuit", name)
		}
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(20*len(ir)); got > most {
			t.Errorf("%s: allocated %d bytes for a text of %d", name, got, len(ir))
		}
	}
}

func TestDecodersAgree(t *testing.T) {
	want := generate(1_000)
	ir := want.AppendIR(nil)
	for name, parse := range map[string]func() (*abi.Circuit, error){
		"plain":    func() (*abi.Circuit, error) { return decodePlain(ir) },
		"compact":  func() (*abi.Circuit, error) { return abi.ParseCircuit(string(ir)) },
		"indented": func() (*abi.Circuit, error) { return abi.ParseCircuit(indent(t, string(ir))) },
	} {
		got, err := parse()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.NumQubits != want.NumQubits || got.Target != want.Target || got.Metadata != want.Metadata ||
			!slices.Equal(got.Operations, want.Operations) || !slices.Equal(got.Measurements, want.Measurements) {
			t.Errorf("%s: the circuit is not what was written", name)
		}
	}
}
