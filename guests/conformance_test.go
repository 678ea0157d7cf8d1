package guests_test

import (
	"os"
	"testing"

	"github.com/conductorquantum/coda/guests/conformance"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/guest"
)

// The test binary is the child that runs executors, as the coda binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == guest.Subcommand {
		os.Exit(guest.Main())
	}
	os.Exit(m.Run())
}

// Executors in C, Go and WebAssembly text run the same vectors.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, g := range []struct {
		name     string
		wasm     func(*testing.T) []byte
		settings map[string]string
		vectors  []conformance.Vector
	}{
		{"noop in C", func(t *testing.T) []byte { return builtin(t, "noop").Wasm }, nil, conformance.Zeros()},
		{"hello in Go", func(t *testing.T) []byte { return conformance.BuildGo(t, "hello") }, nil, conformance.Zeros()},
		{"zeros in text", func(t *testing.T) []byte { return assemble(t, readText(t, "wat/zeros.wat")) }, nil, conformance.Zeros()},
		{"statevector in C", func(t *testing.T) []byte { return builtin(t, "statevector").Wasm }, map[string]string{"seed": "1"}, conformance.Simulator(27)},
	} {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, open, g.wasm(t), g.settings, g.vectors)
		})
	}
}

func open(t *testing.T, wasm []byte, settings map[string]string) conformance.Executor {
	t.Helper()
	e, err := executor.Open(t.Context(), executor.Config{Name: "guest", Wasm: wasm, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}
