package guests_test

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/guests"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
)

// Random circuits of every target against a dense simulation of one matrix a
// gate: the guest fuses gates, lets them wait, and adds qubits as they are used,
// and none of that may show.
func TestStatevectorAgainstMatrices(t *testing.T) {
	t.Parallel()
	e := statevectorGuest(t, map[string]string{"seed": "18446744073709551615"}, executor.Limits{})
	random := rand.New(rand.NewPCG(7, 11))
	seen := map[abi.Gate]bool{}
	for i := range 200 {
		circuit := randomCircuit(random, abi.Target(i%4))
		for _, op := range circuit.Operations {
			seen[op.Gate] = true
		}
		const shots = 1_000_000
		execution, err := e.Run(t.Context(), &abi.Job{ID: "random", Circuit: circuit, Shots: shots})
		if err != nil {
			t.Fatalf("circuit %d, %+v: %v", i, circuit, err)
		}
		want := distribution(circuit)
		for _, o := range execution.Outcomes {
			// Six standard deviations, and what the two computations round differently.
			p := want[o.Bits]
			if bound := 6*math.Sqrt(shots*p*(1-p)) + 1e-6; math.Abs(float64(o.Count)-shots*p) > bound {
				t.Errorf("circuit %d, %+v: outcome %b was seen %d times in %d, its probability is %g", i, circuit, o.Bits, o.Count, uint64(shots), p)
			}
			delete(want, o.Bits)
		}
		for bits, p := range want {
			if p*shots > 36 {
				t.Errorf("circuit %d, %+v: outcome %b of probability %g was never seen", i, circuit, bits, p)
			}
		}
	}
	if len(seen) != 11 {
		t.Errorf("only %d of 11 gates were tried", len(seen))
	}
}

// Counts follow from the seed and the job alone; without a seed they differ.
func TestStatevectorSeed(t *testing.T) {
	t.Parallel()
	wide := &abi.Circuit{Target: abi.CNOT, NumQubits: 10}
	for q := range uint16(10) {
		wide.Operations = append(wide.Operations, abi.Operation{Gate: abi.X90, Q0: q, Q1: q})
		wide.Measurements = append(wide.Measurements, q)
	}
	job := &abi.Job{ID: "wide", Circuit: wide, Shots: 1000}
	run := func(settings map[string]string) [2][]abi.Outcome {
		e := statevectorGuest(t, settings, executor.Limits{})
		var runs [2][]abi.Outcome
		for i := range runs {
			execution, err := e.Run(t.Context(), job)
			if err != nil {
				t.Fatal(err)
			}
			runs[i] = execution.Outcomes
		}
		return runs
	}
	one, oneAgain, two, none := run(map[string]string{"seed": "1"}), run(map[string]string{"seed": "1"}), run(map[string]string{"seed": "2"}), run(nil)
	if !reflect.DeepEqual(one[0], one[1]) || !reflect.DeepEqual(one, oneAgain) {
		t.Error("one seed gives different counts")
	}
	if reflect.DeepEqual(one[0], two[0]) {
		t.Error("two seeds give the same counts")
	}
	if reflect.DeepEqual(none[0], none[1]) {
		t.Error("without a seed two jobs are drawn alike")
	}
}

func TestStatevectorSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, value, want string
	}{
		{"seed", "0", ""},
		{"seed", "18446744073709551615", ""},
		{"seed", "18446744073709551616", "seed"},
		{"seed", "99999999999999999999", "seed"},
		{"seed", "-1", "seed"},
		{"seed", "", "seed"},
		{"seed", "1.0", "seed"},
		{"seed", "0x10", "seed"},
		{"target", "pcz", ""},
		{"target", "CZ", "target"},
		{"target", "", "target"},
	} {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			t.Parallel()
			e, err := executor.Open(t.Context(), executor.Config{
				CacheDir: cacheDir,
				Name:     "statevector", Wasm: builtin(t, "statevector").Wasm, Settings: map[string]string{c.key: c.value},
			})
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want == "":
				defer e.Close()
				if c.key == "target" && e.Device().Target.String() != c.value {
					t.Errorf("the device's target is %v", e.Device().Target)
				}
			case err == nil:
				e.Close()
				t.Error("accepted")
			case !strings.Contains(err.Error(), fmt.Sprintf("setting %s: %q is not", c.want, c.value)):
				t.Errorf("the message does not name the setting and its value: %v", err)
			}
		})
	}
}

// A state that does not fit is refused with the setting that makes room, and the
// guest goes on.
func TestStatevectorMemory(t *testing.T) {
	t.Parallel()
	e := statevectorGuest(t, map[string]string{"seed": "1"}, executor.Limits{Memory: 32 << 20})
	_, err := e.Run(t.Context(), &abi.Job{ID: "large", Circuit: ghz(21), Shots: 10})
	failed, ok := errors.AsType[*fault.ExecutorError](err)
	if !ok || failed.Cause != fault.Unsupported {
		t.Fatalf("21 qubits in 32 MiB: %v", err)
	}
	for _, want := range []string{"21 qubits", "33554432 bytes", "limits.memory", "48 MiB"} {
		if !strings.Contains(failed.Reason, want) {
			t.Errorf("the reason %q does not name %q", failed.Reason, want)
		}
	}
	if _, err := e.Run(t.Context(), &abi.Job{ID: "small", Circuit: ghz(20), Shots: 10}); err != nil {
		t.Errorf("20 qubits afterwards: %v", err)
	}
	// What is said to be enough is.
	e = statevectorGuest(t, map[string]string{"seed": "1"}, executor.Limits{Memory: 48 << 20})
	if _, err := e.Run(t.Context(), &abi.Job{ID: "large", Circuit: ghz(21), Shots: 10}); err != nil {
		t.Errorf("21 qubits in 48 MiB: %v", err)
	}
	// A qubit that no gate touches takes no room.
	apart := ghz(4)
	apart.NumQubits, apart.Measurements = 27, append(apart.Measurements, 26)
	if _, err := e.Run(t.Context(), &abi.Job{ID: "apart", Circuit: apart, Shots: 10}); err != nil {
		t.Errorf("4 of 27 qubits in 48 MiB: %v", err)
	}
}

// One instance serves job after job: a state left behind does not leak into the
// next one, and its memory is used again. In jco, since our host gives every job
// of this guest a fresh instance.
func TestStatevectorInstanceIsReused(t *testing.T) {
	t.Parallel()
	component, err := componentize(t, builtin(t, "statevector").Wasm)
	if err != nil {
		t.Fatal(err)
	}
	jobs := []abi.Job{{ID: "small", Circuit: ghz(5), Shots: 1000}, {ID: "large", Circuit: ghz(16), Shots: 1000}, {ID: "small", Circuit: ghz(5), Shots: 1000}}
	report := execute(t, component, map[string]string{"seed": "5"}, false, jobs...)
	if len(report.Results) != len(jobs) {
		t.Fatalf("%d results of %d jobs: %+v", len(report.Results), len(jobs), report.Failure)
	}
	for i, result := range report.Results {
		counts := result.counts(t, len(jobs[i].Circuit.Measurements))
		ones := uint64(1)<<len(jobs[i].Circuit.Measurements) - 1
		if len(counts) != 2 || counts[0] < 400 || counts[ones] < 400 {
			t.Errorf("job %d: %v", i, counts)
		}
	}
	if !reflect.DeepEqual(report.Results[0], report.Results[2]) {
		t.Error("the same job gives other counts after a larger one")
	}
}

func TestStatevectorIsCancelled(t *testing.T) {
	t.Parallel()
	component, err := componentize(t, builtin(t, "statevector").Wasm)
	if err != nil {
		t.Fatal(err)
	}
	report := execute(t, component, nil, true, abi.Job{ID: "large", Circuit: ghz(22), Shots: 10})
	if len(report.Results) != 1 || report.Results[0].Failure == nil || report.Results[0].Failure.Kind != "cancelled" {
		t.Errorf("results %+v", report.Results)
	}
}

func BenchmarkStatevector(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 4))
	wide := &abi.Circuit{Target: abi.CNOT, NumQubits: 20, Measurements: []uint16{0, 1, 2, 3}}
	for range 150 {
		q, r := uint16(random.IntN(20)), uint16(random.IntN(19))
		if r >= q {
			r++
		}
		wide.Operations = append(wide.Operations,
			abi.Operation{Gate: abi.RY, Q0: q, Q1: q, Param: random.Float64()},
			abi.Operation{Gate: abi.GateCNOT, Q0: q, Q1: r})
	}
	for _, c := range []struct {
		name    string
		circuit *abi.Circuit
	}{{"20 qubits, 300 gates", wide}, {"GHZ of 27", ghz(27)}} {
		b.Run(c.name, func(b *testing.B) {
			e := statevectorGuest(b, map[string]string{"seed": "1"}, executor.Limits{})
			for b.Loop() {
				if _, err := e.Run(b.Context(), &abi.Job{ID: c.name, Circuit: c.circuit, Shots: 1000}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func builtin(tb testing.TB, name string) guests.Builtin {
	tb.Helper()
	b, ok := guests.Lookup(name)
	if !ok {
		tb.Fatalf("no built-in %s", name)
	}
	return b
}

func statevectorGuest(tb testing.TB, settings map[string]string, limits executor.Limits) *executor.Executor {
	tb.Helper()
	b := builtin(tb, "statevector")
	if limits.Memory == 0 {
		limits.Memory = b.Memory
	}
	e, err := executor.Open(tb.Context(), executor.Config{CacheDir: cacheDir, Name: b.Name, Wasm: b.Wasm, Settings: settings, Limits: limits})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { e.Close() })
	return e
}

func ghz(n uint16) *abi.Circuit {
	c := &abi.Circuit{Target: abi.CNOT, NumQubits: n, Operations: []abi.Operation{{Gate: abi.YMinus90}}, Measurements: []uint16{0}}
	for q := uint16(1); q < n; q++ {
		c.Operations = append(c.Operations, abi.Operation{Gate: abi.GateCNOT, Q0: q - 1, Q1: q})
		c.Measurements = append(c.Measurements, q)
	}
	return c
}

// randomCircuit is of 1 to 6 qubits; half of its angles are multiples of pi/2,
// where gates become diagonal, or the identity.
func randomCircuit(random *rand.Rand, target abi.Target) *abi.Circuit {
	sets := map[abi.Target][]abi.Gate{
		abi.CZ:    {abi.GateCZ, abi.RX, abi.RY, abi.RZ, abi.ID},
		abi.ISwap: {abi.GateISwap, abi.RX, abi.RY, abi.RZ, abi.ID},
		abi.PCZ:   {abi.CP, abi.RX, abi.RY, abi.RZ, abi.ID},
		abi.CNOT:  {abi.GateCNOT, abi.RX, abi.RY, abi.RZ, abi.ID, abi.X90, abi.YMinus90, abi.VirtualZ},
	}
	n := 1 + random.IntN(6)
	c := &abi.Circuit{Target: target, NumQubits: uint16(n)}
	for range random.IntN(50) {
		gates := sets[target]
		op := abi.Operation{Gate: gates[random.IntN(len(gates))]}
		if n > 1 && random.IntN(3) == 0 {
			op.Gate = gates[0]
		}
		operands := random.Perm(n)
		op.Q0, op.Q1 = uint16(operands[0]), uint16(operands[0])
		if op.Gate == gates[0] {
			if n == 1 {
				continue
			}
			op.Q1 = uint16(operands[1])
		}
		switch op.Gate {
		case abi.RX, abi.RY, abi.RZ, abi.VirtualZ, abi.CP:
			op.Param = 14*random.Float64() - 7
			if random.IntN(2) == 0 {
				op.Param = float64(random.IntN(9)-4) * math.Pi / 2
			}
		case abi.ID:
			op.Param = 100
		}
		c.Operations = append(c.Operations, op)
	}
	for range random.IntN(8) {
		c.Measurements = append(c.Measurements, uint16(random.IntN(n)))
	}
	return c
}

// distribution multiplies the state by each gate's whole matrix, one row at a
// time, and reads off every outcome's probability.
func distribution(c *abi.Circuit) map[uint64]float64 {
	state := make([]complex128, 1<<c.NumQubits)
	state[0] = 1
	for _, op := range c.Operations {
		next := make([]complex128, len(state))
		for row := range state {
			for column := range state {
				// Other qubits than the gate's keep their values.
				if touched := 1<<op.Q0 | 1<<op.Q1; row&^touched == column&^touched {
					next[row] += element(op, row, column) * state[column]
				}
			}
		}
		state = next
	}
	p := map[uint64]float64{}
	for i, a := range state {
		var bits uint64
		for k, q := range c.Measurements {
			bits |= uint64(i>>q&1) << k
		}
		p[bits] += real(a)*real(a) + imag(a)*imag(a)
	}
	return p
}

// element is <row|gate|column>, after the definitions of the native gates.
func element(op abi.Operation, row, column int) complex128 {
	r, c := row>>op.Q0&1, column>>op.Q0&1
	if op.Q0 != op.Q1 { // a gate on two: the first qubit's bit counts twice
		r, c = r<<1|row>>op.Q1&1, c<<1|column>>op.Q1&1
	}
	rotation := func(pauli [2][2]complex128, angle float64) complex128 {
		identity := [2][2]complex128{{1, 0}, {0, 1}}
		return complex(math.Cos(angle/2), 0)*identity[r][c] - 1i*complex(math.Sin(angle/2), 0)*pauli[r][c]
	}
	x, y, z := [2][2]complex128{{0, 1}, {1, 0}}, [2][2]complex128{{0, -1i}, {1i, 0}}, [2][2]complex128{{1, 0}, {0, -1}}
	switch op.Gate {
	case abi.RX:
		return rotation(x, op.Param)
	case abi.RY:
		return rotation(y, op.Param)
	case abi.RZ, abi.VirtualZ:
		return rotation(z, op.Param)
	case abi.X90:
		return rotation(x, math.Pi/2)
	case abi.YMinus90:
		return rotation(y, -math.Pi/2)
	case abi.ID:
		return rotation(z, 0)
	case abi.GateCZ:
		return [4][4]complex128{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, -1}}[r][c]
	case abi.CP:
		return [4][4]complex128{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, cmplx.Exp(complex(0, op.Param))}}[r][c]
	case abi.GateISwap:
		return [4][4]complex128{{1, 0, 0, 0}, {0, 0, 1i, 0}, {0, 1i, 0, 0}, {0, 0, 0, 1}}[r][c]
	case abi.GateCNOT:
		return [4][4]complex128{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 0, 1}, {0, 0, 1, 0}}[r][c]
	}
	panic("unknown gate")
}
