package guests_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/conformance"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// Counts that lie further out are wrong: a right simulator has a chance of about
// 1e-9 to be refused once, so of 1e-7 in all the comparisons below. Seeds are fixed,
// so whatever happens happens every time.
const tooFar = 6

var defaultNoise = noiseModel{single: 0.001, two: 0.01, measurement: 0.01}

// Both ways to simulate, and how many shots each can give in a moment.
var noisyMethods = map[string]uint64{"exact": 100_000_000, "trajectories": 200_000}

// Random circuits of every target under small and large rates, against the
// density matrix.
func TestNoisyAgainstDensityMatrix(t *testing.T) {
	t.Parallel()
	models := []noiseModel{
		defaultNoise,
		{single: 0.05, two: 0.1, measurement: 0.08},
		{single: 1, two: 1, measurement: 1},
		{single: 0.3},
		{two: 0.4},
		{measurement: 0.5},
		{},
	}
	random := rand.New(rand.NewPCG(5, 23))
	seen := map[abi.Gate]bool{}
	rounds := 4 // of which each has every model; all four have each with every target
	if testing.Short() {
		rounds = 1
	}
	for i := range len(models) * rounds {
		target, model := abi.Target(i%4), models[i%len(models)]
		circuit := randomCircuit(random, target)
		for len(circuit.Operations) < 10 || len(circuit.Measurements) < 2 {
			circuit = randomCircuit(random, target)
		}
		for _, op := range circuit.Operations {
			seen[op.Gate] = true
		}
		t.Run(fmt.Sprintf("%d %v, rates %g %g %g", i, target, model.single, model.two, model.measurement), func(t *testing.T) {
			t.Parallel()
			p := model.noisyDistribution(circuit)
			for method, shots := range noisyMethods {
				e := noisyGuest(t, model.settings(map[string]string{"target": target.String(), "method": method, "seed": strconv.Itoa(i)}))
				if d := deviation(outcomes(t, e, circuit, shots), p, shots); d > tooFar {
					t.Errorf("%s: %d shots of %+v lie %.1f standard deviations out", method, shots, circuit, d)
				}
			}
		})
	}
	if len(seen) != 11 {
		t.Errorf("only %d of 11 gates were tried", len(seen))
	}
}

// Circuits of users under the default noise, by whichever method is chosen.
func TestNoisyRealCircuits(t *testing.T) {
	t.Parallel()
	paths := require.Circuits(t)
	tried := 0
	e := noisyGuest(t, map[string]string{"seed": "1"})
	for _, path := range paths {
		circuit, err := abi.ParseCircuit(readText(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if circuit.NumQubits > 6 {
			continue
		}
		tried++
		p := defaultNoise.noisyDistribution(circuit)
		for _, shots := range []uint64{30, 100_000_000} { // the few go as trajectories
			if d := deviation(outcomes(t, e, circuit, shots), p, shots); d > tooFar {
				t.Errorf("%s: %d shots lie %.1f standard deviations out", filepath.Base(path), shots, d)
			}
		}
	}
	if tried < 10 {
		t.Errorf("%d circuits of up to 6 qubits", tried)
	}
}

// The comparison notices a rate that is off by 2 per cent, and noise that one kind
// of gate lacks.
func TestNoisyComparisonCanFail(t *testing.T) {
	t.Parallel()
	right := noiseModel{single: 0.1, two: 0.05, measurement: 0.1}
	for target, gates := range map[abi.Target][]abi.Gate{
		abi.CZ:    {abi.GateCZ, abi.RX, abi.RY, abi.RZ, abi.ID},
		abi.ISwap: {abi.GateISwap, abi.RX, abi.RY, abi.RZ, abi.ID},
		abi.PCZ:   {abi.CP, abi.RX, abi.RY, abi.RZ, abi.ID},
		abi.CNOT:  {abi.GateCNOT, abi.RX, abi.RY, abi.RZ, abi.ID, abi.X90, abi.YMinus90, abi.VirtualZ},
	} {
		wrong := map[string]noiseModel{"read once": {single: 0.1, two: 0.05, measurement: 0.1, readOnce: true}}
		for _, factor := range []float64{0.98, 1.02} {
			wrong[fmt.Sprintf("single x %g", factor)] = noiseModel{single: 0.1 * factor, two: 0.05, measurement: 0.1}
			wrong[fmt.Sprintf("two x %g", factor)] = noiseModel{single: 0.1, two: 0.05 * factor, measurement: 0.1}
			wrong[fmt.Sprintf("measurement x %g", factor)] = noiseModel{single: 0.1, two: 0.05, measurement: 0.1 * factor}
		}
		for _, gate := range gates {
			wrong["silent "+gate.String()] = noiseModel{single: 0.1, two: 0.05, measurement: 0.1, silent: map[abi.Gate]bool{gate: true}}
		}
		t.Run(target.String(), func(t *testing.T) {
			t.Parallel()
			// Without noise it would read 000: so every error counts.
			circuit := &abi.Circuit{Target: target, NumQubits: 2, Measurements: []uint16{0, 1, 0}}
			turns := []abi.Operation{{Gate: abi.RX, Param: math.Pi}, {Gate: abi.RY, Param: math.Pi}, {Gate: abi.RZ, Param: 0.5}, {Gate: abi.ID, Param: 20}}
			if target == abi.CNOT {
				turns = append(turns, abi.Operation{Gate: abi.X90}, abi.Operation{Gate: abi.RX, Param: -math.Pi / 2},
					abi.Operation{Gate: abi.YMinus90}, abi.Operation{Gate: abi.RY, Param: math.Pi / 2}, abi.Operation{Gate: abi.VirtualZ, Param: 1})
			}
			circuit.Operations = append(circuit.Operations, turns...)
			for i := range 10 {
				op := abi.Operation{Gate: gates[0], Q0: uint16(i % 2), Q1: uint16((i + 1) % 2)}
				if op.Gate == abi.CP {
					op.Param = 1
				}
				circuit.Operations = append(circuit.Operations, op)
			}
			for method, shots := range map[string]uint64{"exact": 100_000_000, "trajectories": 8_000_000} {
				e := noisyGuest(t, right.settings(map[string]string{"target": target.String(), "method": method, "seed": "1"}))
				counts := outcomes(t, e, circuit, shots)
				if d := deviation(counts, right.noisyDistribution(circuit), shots); d > tooFar {
					t.Errorf("%s: %d shots lie %.1f standard deviations out", method, shots, d)
				}
				for name, model := range wrong {
					d := deviation(counts, model.noisyDistribution(circuit), shots)
					if d <= tooFar {
						t.Errorf("%s, %s: passes, at %.1f standard deviations", method, name, d)
					}
				}
			}
		})
	}
}

// Without noise the two simulators are one, to the count.
func TestNoisyWithoutNoiseIsStatevector(t *testing.T) {
	t.Parallel()
	exact := statevectorGuest(t, map[string]string{"seed": "9"}, executor.Limits{})
	silent := noisyGuest(t, noiseModel{}.settings(map[string]string{"seed": "9"}))
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		circuit := randomCircuit(random, abi.CNOT)
		want, got := outcomes(t, exact, circuit, 100_000), outcomes(t, silent, circuit, 100_000)
		if !reflect.DeepEqual(byBits(want), byBits(got)) {
			t.Errorf("%+v: %v, and statevector has %v", circuit, got, want)
		}
	}
}

// Counts follow from the seed and the job alone, by either method.
func TestNoisySeed(t *testing.T) {
	t.Parallel()
	for method := range noisyMethods {
		run := func(seed string) [2][]abi.Outcome {
			settings := map[string]string{"method": method, "num_qubits": "8"}
			if seed != "" {
				settings["seed"] = seed
			}
			e := noisyGuest(t, settings)
			return [2][]abi.Outcome{outcomes(t, e, brick(8), 10_000), outcomes(t, e, brick(8), 10_000)}
		}
		one, again, two, none := run("1"), run("1"), run("2"), run("")
		if !reflect.DeepEqual(one[0], one[1]) || !reflect.DeepEqual(one, again) {
			t.Errorf("%s: one seed gives different counts", method)
		}
		if reflect.DeepEqual(one[0], two[0]) {
			t.Errorf("%s: two seeds give the same counts", method)
		}
		if reflect.DeepEqual(none[0], none[1]) {
			t.Errorf("%s: without a seed two jobs are drawn alike", method)
		}
	}
}

func TestNoisySettings(t *testing.T) {
	t.Parallel()
	good := map[string][]string{
		"num_qubits":              {"1", "25"},
		"single_qubit_error_rate": {"0", "1", "0.5", "1e-05", "1E-3", "1.0", "2.5e-1", "0e400", "00.1", "-0", "-0.0", "-.0e3"},
		"two_qubit_error_rate":    {"0.01", "1e+0", ".5", "1."},
		"measurement_error_rate":  {"0.0000000000000000000000000000000000000001"},
		"target":                  {"cz", "iswap", "pcz", "cnot"},
		"method":                  {"auto", "exact", "trajectories"},
		"seed":                    {"0", "18446744073709551615"},
	}
	bad := map[string][]string{
		"num_qubits":              {"0", "26", "-1", "5.0", "five", "", "4294967297"},
		"single_qubit_error_rate": {"-0.1", "1.0000001", "nan", "inf", "1e", "1e-", "1e1", "0x1", "0.1 ", "0,1", "1.2.3", ".", "", "true", "1e-9999", "10e", "-1e-300", "-", "--0"},
		"two_qubit_error_rate":    {"2"},
		"measurement_error_rate":  {"1%"},
		"target":                  {"CZ", ""},
		"method":                  {"Exact", ""},
		"seed":                    {"-1", "18446744073709551616"},
	}
	try := func(key, value string) error {
		e, err := executor.Open(t.Context(), executor.Config{CacheDir: cacheDir, Name: "noisy", Wasm: builtin(t, "noisy").Wasm, Settings: map[string]string{key: value}})
		if err == nil {
			e.Close()
		}
		return err
	}
	for key, values := range good {
		for _, value := range values {
			if err := try(key, value); err != nil {
				t.Errorf("%s = %q: %v", key, value, err)
			}
		}
	}
	for key, values := range bad {
		for _, value := range values {
			err := try(key, value)
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("setting %s: %q is not ", key, value)) {
				t.Errorf("%s = %q: %v", key, value, err)
			}
		}
	}
}

// A slip in a name leaves no default in its place.
func TestSettingsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ executor, key, want string }{
		{"noisy", "single_qubit_eror_rate", "setting single_qubit_eror_rate: there is none of this name; did you mean single_qubit_error_rate? " +
			"All are: num_qubits, target, single_qubit_error_rate, two_qubit_error_rate, measurement_error_rate, method, seed"},
		{"noisy", "measurement_error_rates", "did you mean measurement_error_rate?"},
		{"noisy", "targte", "did you mean target?"},
		{"noisy", "noise.method", "setting noise.method: there is none of this name, only num_qubits, "},
		{"noisy", "", "setting : there is none of this name, only num_qubits, "},
		{"noisy", strings.Repeat("x", 2000), "setting xxx"}, // as much as a message has room for
		{"statevector", "sed", "setting sed: there is none of this name; did you mean seed? All are: target, seed"},
		{"statevector", "num_qubits", "setting num_qubits: there is none of this name, only target, seed"},
	} {
		e, err := executor.Open(t.Context(), executor.Config{
			CacheDir: cacheDir, Name: tt.executor, Wasm: builtin(t, tt.executor).Wasm,
			Settings: map[string]string{"seed": "1", "target": "cz", tt.key: "1"},
		})
		if err == nil {
			e.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, %s: %v", tt.executor, tt.key, err)
		}
	}
}

// Rates are read as they are written: that of a flip shows in as many shots.
func TestNoisyRatesAreRead(t *testing.T) {
	t.Parallel()
	const shots = 1_000_000_000
	for text, rate := range map[string]float64{"0.0123": 0.0123, "123e-4": 0.0123, "1e-05": 1e-5, "9.99E-1": 0.999, "1": 1} {
		e := noisyGuest(t, map[string]string{"measurement_error_rate": text, "seed": "1"})
		p := noiseModel{measurement: rate}.noisyDistribution(&abi.Circuit{NumQubits: 1, Measurements: []uint16{0}})
		if d := deviation(outcomes(t, e, &abi.Circuit{Target: abi.CNOT, NumQubits: 1, Measurements: []uint16{0}}, shots), p, shots); d > tooFar {
			t.Errorf("%s: %.1f standard deviations out", text, d)
		}
	}
}

func TestNoisyDevice(t *testing.T) {
	t.Parallel()
	for n, edges := range map[string][][2]uint16{"1": nil, "2": {{1, 0}}, "4": {{1, 0}, {2, 1}, {3, 2}}} {
		d := noisyGuest(t, map[string]string{"num_qubits": n, "target": "pcz"}).Device()
		if d.Name != "noisy" || d.Target != abi.PCZ || strconv.Itoa(int(d.NumQubits)) != n || !d.Directed ||
			!slices.Equal(d.Edges, edges) || d.MaxShots == nil || *d.MaxShots != 1_000_000_000 {
			t.Errorf("%s qubits: %+v", n, d)
		}
	}
}

// What the device does not run is refused with what was asked and what there is.
func TestNoisyRefuses(t *testing.T) {
	t.Parallel()
	e := noisyGuest(t, nil)
	for want, job := range map[string]*abi.Job{
		"the target cz, the device noisy has cnot":    {Circuit: &abi.Circuit{Target: abi.CZ, NumQubits: 1}, Shots: 1},
		"has 6 qubits, the device noisy has 5":        {Circuit: &abi.Circuit{Target: abi.CNOT, NumQubits: 6}, Shots: 1},
		"1000000001 shots, the device noisy allows 1": {Circuit: &abi.Circuit{Target: abi.CNOT, NumQubits: 1}, Shots: 1_000_000_001},
	} {
		job.ID = "refused"
		_, err := e.Run(t.Context(), job)
		refused(t, err, want)
	}
	wide := noisyGuest(t, map[string]string{"num_qubits": "13", "method": "exact"})
	_, err := wide.Run(t.Context(), &abi.Job{ID: "wide", Circuit: ghz(13), Shots: 10})
	refused(t, err, "at most 12 qubits, and the circuit uses 13")

	// Four states of 20 qubits are 64 MiB; twelve qubits in a density matrix 128 MiB.
	for method, want := range map[string]string{"trajectories": "at least 80 MiB", "exact": "134217728 bytes"} {
		small, err := executor.Open(t.Context(), executor.Config{
			CacheDir: cacheDir,
			Name:     "noisy", Wasm: builtin(t, "noisy").Wasm, Limits: executor.Limits{Memory: 64 << 20},
			Settings: map[string]string{"num_qubits": "20", "method": method},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer small.Close()
		circuit := ghz(20)
		if method == "exact" {
			circuit = ghz(12)
		}
		_, err = small.Run(t.Context(), &abi.Job{ID: "large", Circuit: circuit, Shots: 10})
		refused(t, err, want)
	}
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	failed, ok := errors.AsType[*fault.ExecutorError](err)
	if !ok || failed.Cause != fault.Unsupported || !strings.Contains(failed.Reason, want) {
		t.Errorf("%v; want it unsupported, with %q", err, want)
	}
}

// In jco, since our host gives every job a fresh instance, compares qubits itself,
// and kills whoever does not stop.
func TestNoisyAsComponent(t *testing.T) {
	t.Parallel()
	component, err := componentize(t, builtin(t, "noisy").Wasm)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		settings := map[string]string{"num_qubits": "14", "method": "trajectories"}
		report := execute(t, component, settings, true, abi.Job{ID: "long", Circuit: brick(14), Shots: 1_000_000_000})
		if len(report.Results) != 1 || report.Results[0].Failure == nil || report.Results[0].Failure.Kind != "cancelled" {
			t.Errorf("results %+v", report.Results)
		}
		settings = map[string]string{"num_qubits": "12", "method": "exact"}
		report = execute(t, component, settings, true, abi.Job{ID: "long", Circuit: brick(12), Shots: 10})
		if len(report.Results) != 1 || report.Results[0].Failure == nil || report.Results[0].Failure.Kind != "cancelled" {
			t.Errorf("results %+v", report.Results)
		}
	})
	t.Run("reused", func(t *testing.T) {
		t.Parallel()
		settings := map[string]string{"num_qubits": "10", "seed": "1"}
		report := execute(t, component, settings, false,
			abi.Job{ID: "few", Circuit: brick(4), Shots: 5},
			abi.Job{ID: "many", Circuit: brick(10), Shots: 1000},
			abi.Job{ID: "wide", Circuit: ghz(11), Shots: 1},
			abi.Job{ID: "few", Circuit: brick(4), Shots: 5},
			abi.Job{ID: "exact", Circuit: brick(4), Shots: 100_000})
		if len(report.Results) != 5 || !reflect.DeepEqual(report.Results[0], report.Results[3]) {
			t.Fatalf("the same job gives other counts after a larger one: %+v", report.Results)
		}
		if f := report.Results[2].Failure; f == nil || f.Kind != "unsupported" || f.Message != "the circuit has 11 qubits, the device noisy has 10" {
			t.Errorf("failure %+v", f)
		}
		for i, measurements := range map[int]int{0: 4, 1: 10, 4: 4} {
			if counts := report.Results[i].counts(t, measurements); len(counts) < 2 {
				t.Errorf("job %d: %v", i, counts)
			}
		}
		if len(report.Shots) < 2 || !slices.IsSortedFunc(report.Shots, func(a, b string) int {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return x - y
		}) {
			t.Errorf("progress %v", report.Shots)
		}
	})
}

// Without noise it is held to what exact simulators are held to, on each target.
func TestNoisyConformance(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"cz", "iswap", "pcz", "cnot"} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			settings := noiseModel{}.settings(map[string]string{"num_qubits": "25", "target": target, "seed": "1"})
			conforms(t, builtin(t, "noisy").Wasm, settings, conformance.Exact)
		})
	}
}

// device.toml loads, names every setting of the README with its default, and says
// the same with these written out.
func TestNoisyDeviceFile(t *testing.T) {
	t.Parallel()
	d, err := config.LoadDevice("noisy/device.toml")
	if err != nil {
		t.Fatal(err)
	}
	if d.Executor != "noisy" || len(d.Config) != 0 {
		t.Errorf("loaded %+v", d)
	}
	text := readText(t, "noisy/device.toml")
	path := filepath.Join(t.TempDir(), "device.toml")
	written := regexp.MustCompile(`(?m)^# ([a-z_]+ = )`).ReplaceAllString(text, "$1")
	if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	full, err := config.LoadDevice(path)
	if err != nil {
		t.Fatal(err)
	}
	readme := readText(t, "noisy/README.md")
	for _, line := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(readme, -1) {
		if _, ok := full.Config[line[1]]; !ok {
			t.Errorf("device.toml lacks %s", line[1])
		}
	}
	if len(full.Config) != 7 || full.Limits.Memory != builtin(t, "noisy").Memory {
		t.Errorf("written out: %+v", full)
	}
	bare := map[string]string{"seed": full.Config["seed"]}
	a, b := noisyGuest(t, bare), noisyGuest(t, full.Config)
	if !reflect.DeepEqual(a.Device(), b.Device()) {
		t.Errorf("the devices differ: %+v, %+v", a.Device(), b.Device())
	}
	for _, shots := range []uint64{100, 1_000_000} {
		if !reflect.DeepEqual(outcomes(t, a, brick(5), shots), outcomes(t, b, brick(5), shots)) {
			t.Errorf("%d shots: the settings written out are not the defaults", shots)
		}
	}
}

// Shots a second, and how many times as fast as one trajectory after another: the
// cost of a job whose every shot has an error at the start, and goes alone.
func BenchmarkNoisy(b *testing.B) {
	for _, n := range []uint16{5, 8, 10, 14} {
		const shots = 1000
		b.Run(fmt.Sprintf("%d qubits", n), func(b *testing.B) {
			settings := map[string]string{"seed": "1", "num_qubits": "14"}
			e := noisyGuest(b, settings)
			for b.Loop() {
				outcomes(b, e, brick(n), shots)
			}
			each := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(shots/each.Seconds(), "shots/s")
			settings["method"], settings["single_qubit_error_rate"], settings["two_qubit_error_rate"] = "trajectories", "1", "1"
			alone := noisyGuest(b, settings)
			outcomes(b, alone, brick(n), shots)
			begin := time.Now()
			outcomes(b, alone, brick(n), shots)
			b.ReportMetric(time.Since(begin).Seconds()/each.Seconds(), "naive/this")
		})
	}
}

// brick is ten layers of turns on every qubit and couplings of neighbours.
func brick(n uint16) *abi.Circuit {
	c := &abi.Circuit{Target: abi.CNOT, NumQubits: n}
	for layer := range uint16(10) {
		for q := range n {
			c.Operations = append(c.Operations,
				abi.Operation{Gate: abi.RY, Q0: q, Q1: q, Param: float64(layer+q) * 0.7},
				abi.Operation{Gate: abi.VirtualZ, Q0: q, Q1: q, Param: 0.3})
		}
		for q := layer % 2; q+1 < n; q += 2 {
			c.Operations = append(c.Operations, abi.Operation{Gate: abi.GateCNOT, Q0: q + 1, Q1: q})
		}
	}
	for q := range n {
		c.Measurements = append(c.Measurements, q)
	}
	return c
}

// settings are the model's rates, with more settings beside them.
func (m noiseModel) settings(more map[string]string) map[string]string {
	settings := map[string]string{"num_qubits": "6"}
	for key, rate := range map[string]float64{
		"single_qubit_error_rate": m.single, "two_qubit_error_rate": m.two, "measurement_error_rate": m.measurement,
	} {
		settings[key] = strconv.FormatFloat(rate, 'g', -1, 64)
	}
	maps.Copy(settings, more)
	return settings
}

func noisyGuest(tb testing.TB, settings map[string]string) *executor.Executor {
	tb.Helper()
	b := builtin(tb, "noisy")
	e, err := executor.Open(tb.Context(), executor.Config{CacheDir: cacheDir, Name: b.Name, Wasm: b.Wasm, Settings: settings, Limits: executor.Limits{Memory: b.Memory}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { e.Close() })
	return e
}

func outcomes(tb testing.TB, e *executor.Executor, c *abi.Circuit, shots uint64) []abi.Outcome {
	tb.Helper()
	execution, err := e.Run(tb.Context(), &abi.Job{ID: "a", Circuit: c, Shots: shots})
	if err != nil {
		tb.Fatalf("%+v: %v", c, err)
	}
	return execution.Outcomes
}

func byBits(outcomes []abi.Outcome) map[uint64]uint64 {
	counts := map[uint64]uint64{}
	for _, o := range outcomes {
		counts[o.Bits] = o.Count
	}
	return counts
}
