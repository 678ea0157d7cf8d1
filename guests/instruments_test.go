package guests_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/conformance"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/instrument"
	"github.com/conductorquantum/coda/host/instrument/fake"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// lab is an executor before a fake of its instrument.
type lab struct {
	*executor.Executor
	bench  *instrument.Bench
	faults *fake.Faults
	atRest func() bool
	calls  calls
	log    strings.Builder
	mu     sync.Mutex
}

// calls counts what went through the doors of all instances.
type calls struct {
	mu   sync.Mutex
	seen []effect.Func
	poll map[uint64]int // of registers, by their offset
}

func (c *calls) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.poll = nil, map[uint64]int{}
}

func (c *calls) count() map[effect.Func]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := map[effect.Func]int{}
	for _, f := range c.seen {
		n[f]++
	}
	return n
}

// countingDoor notes each call before it is made.
type countingDoor struct {
	effect.Door
	calls *calls
}

func (d countingDoor) Do(ctx context.Context, call *effect.Call) (effect.Answer, error) {
	d.calls.mu.Lock()
	d.calls.seen = append(d.calls.seen, call.Func)
	if call.Func == effect.WindowPoll32 {
		d.calls.poll[call.Number]++
	}
	d.calls.mu.Unlock()
	return d.Door.Do(ctx, call)
}

func (l *lab) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

func (l *lab) logged() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.String()
}

func (l *lab) fail(t *testing.T, faults ...string) {
	t.Helper()
	var all []fake.Fault
	for _, text := range faults {
		f, err := fake.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	if err := l.faults.Set(all...); err != nil {
		t.Fatal(err)
	}
}

// newLab is what a device file says, before anything is opened.
func newLab(t *testing.T, deviceFile string) (*lab, executor.Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "device.toml")
	if err := os.WriteFile(path, []byte(deviceFile), 0o600); err != nil {
		t.Fatal(err)
	}
	device, err := config.LoadDevice(path)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{}
	l.calls.reset()
	log := slog.New(slog.NewTextHandler(l, nil))
	if l.bench, err = instrument.Open(instrument.Config{Endpoints: device.Endpoints, Log: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.bench.Close)
	b := builtin(t, device.Executor)
	if device.Limits.Memory == 0 {
		device.Limits.Memory = b.Memory
	}
	device.Limits.CancelTime, device.Limits.SafeTime = time.Minute, time.Minute // a slow machine is no failure
	return l, executor.Config{
		Name: b.Name, Wasm: b.Wasm, Settings: device.Config, Limits: device.Limits, Log: log,
		Hardware: func() effect.Door { return countingDoor{l.bench.Door(), &l.calls} },
	}
}

func (l *lab) checkClosed(t *testing.T) {
	t.Helper()
	for _, s := range l.bench.Status() {
		if s.Open != 0 {
			t.Errorf("%s: %d handles are left open", s.Name, s.Open)
		}
	}
}

// openLab opens an executor by a device file, as a node does: its own file, or wasm.
func openLab(t *testing.T, deviceFile string, wasm ...[]byte) *lab {
	t.Helper()
	l, cfg := newLab(t, deviceFile)
	if len(wasm) > 0 {
		cfg.Wasm = wasm[0]
	}
	e, err := executor.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.Executor = e
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("it does not come to rest at its end: %v", err)
		}
		l.checkClosed(t)
		if t.Failed() {
			t.Log(l.logged())
		}
	})
	return l
}

// refusesToOpen wants a device file's settings refused.
func refusesToOpen(t *testing.T, deviceFile, want string) {
	t.Helper()
	_, cfg := newLab(t, deviceFile)
	e, err := executor.Open(t.Context(), cfg)
	if err == nil {
		e.Close()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v; want %q", deviceFile, err, want)
	}
}

// serveSCPI serves an instrument until the test's end, after which it is at rest.
func serveSCPI(t *testing.T, cfg fake.Config) (*fake.SCPI, string) {
	t.Helper()
	s, err := fake.NewSCPI(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, func(ctx context.Context) error { return s.Serve(ctx, listener) }, s.AtRest)
	return s, fmt.Sprintf("executor = \"scpi\"\n[endpoints.scpi]\nurl = \"tcp://%s\"\n", listener.Addr())
}

// What an answer may take: patient where each comes, and in vain where a job waits for
// one that does not.
const (
	patient = "timeout = \"50s\"\n"
	inVain  = "timeout = \"4s\"\n"
)

// serve runs a fake until the test's end.
func serve(t *testing.T, run func(context.Context) error, atRest func() bool) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		if !atRest() {
			t.Error("the instrument is not at rest at the end")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func serveRegisters(t *testing.T, cfg fake.RegistersConfig) (*fake.Registers, string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		require.Missing(t, "unix", "registers are mapped on Unix only")
	}
	r, err := fake.NewRegisters(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "registers")
	if err := r.Open(path); err != nil {
		t.Fatal(err)
	}
	serve(t, r.Serve, r.AtRest)
	size := cfg.Size
	if size == 0 {
		size = 65536
	}
	return r, fmt.Sprintf("executor = \"registers\"\n[endpoints.registers]\nurl = \"%s\"\nranges = [\"0x0000-0x0007 r\", \"0x0008-0x000b rw\", \"0x000c-0x001b r\", \"0x001c-0x0027 rw\", \"0x0028-0x0043 r\", \"0x0400-0x%x rw\"]\n", r.URL(path), size-1)
}

func openSCPI(t *testing.T, cfg fake.Config, settings string) (*lab, *fake.SCPI) {
	t.Helper()
	s, device := serveSCPI(t, cfg)
	l := openLab(t, device+settings)
	l.faults, l.atRest = &s.Faults, s.AtRest
	return l, s
}

func openRegisters(t *testing.T, cfg fake.RegistersConfig, settings string) (*lab, *fake.Registers) {
	t.Helper()
	r, device := serveRegisters(t, cfg)
	l := openLab(t, device+settings)
	l.faults, l.atRest = &r.Faults, r.AtRest
	return l, r
}

// What coda test holds an executor to, it is held to before its instrument.
func TestInstrumentsConform(t *testing.T) {
	t.Parallel()
	ascii := "block.layout = \"ascii\"\ncommand = " + allCommands(map[string]string{"begin": "*CLS;:SEQ:CLE;*ESE {tag};:FORM ASC"})
	for _, target := range []string{"cz", "iswap", "pcz", "cnot"} {
		settings := "[config]\nnum_qubits = 10\ntarget = \"" + target + "\"\n"
		t.Run("scpi "+target, func(t *testing.T) {
			t.Parallel()
			s, device := serveSCPI(t, fake.Config{Qubits: 10})
			conformsLab(t, device+patient+settings, s.AtRest)
		})
		t.Run("registers "+target, func(t *testing.T) {
			t.Parallel()
			r, device := serveRegisters(t, fake.RegistersConfig{Config: fake.Config{Qubits: 10}, Size: 1 << 20})
			conformsLab(t, device+"[config]\ntarget = \""+target+"\"\n", r.AtRest)
		})
	}
	t.Run("scpi ascii", func(t *testing.T) {
		t.Parallel()
		s, device := serveSCPI(t, fake.Config{Qubits: 10})
		conformsLab(t, device+patient+"[config]\nnum_qubits = 10\n"+ascii, s.AtRest)
	})
}

func conformsLab(t *testing.T, deviceFile string, atRest func() bool) {
	t.Helper()
	l, cfg := newLab(t, deviceFile)
	report, err := host.Conform(t.Context(), cfg, conformance.Config{})
	if err != nil {
		t.Fatal(err)
	}
	checkReport(t, report, conformance.Exact)
	if !atRest() {
		t.Error("not at rest after the last job")
	}
	l.checkClosed(t)
}

// allCommands is the table of the commands that the fake knows, with some others.
func allCommands(others map[string]string) string {
	table := map[string]string{
		"identify": "*IDN?", "reset": "ABOR;*CLS;*RST", "begin": "*CLS;:SEQ:CLE;*ESE {tag}", "proof": "SEQ:LENG?;*ESE?", "shots": "SHOT {shots}",
		"measure": "SEQ:MEAS {qubits}", "arm": "OUTP ON", "run": "INIT", "poll": "STAT?", "count": "SHOT:DONE?", "read": "FETC?",
		"finish": "OUTP OFF", "error": "SYST:ERR?", "abort": "ABOR", "safe": "OUTP OFF", "verify": "OUTP?;:STAT:OPER:COND?",
	}
	var parts []string
	for name, command := range table {
		if other, ok := others[name]; ok {
			command = other
		}
		parts = append(parts, fmt.Sprintf("%s = %q", name, command))
	}
	return "{" + strings.Join(parts, ", ") + "}\n"
}

func bell(shots uint64) *abi.Job {
	return &abi.Job{ID: "bell", Shots: shots, Circuit: &abi.Circuit{
		Target: abi.CNOT, NumQubits: 2, Measurements: []uint16{0, 1},
		Operations: []abi.Operation{{Gate: abi.YMinus90}, {Gate: abi.GateCNOT, Q0: 0, Q1: 1}},
	}}
}

// checkBell runs a Bell pair and looks at its counts.
func (l *lab) checkBell(t *testing.T, shots uint64) {
	t.Helper()
	e, err := l.Run(t.Context(), bell(shots))
	if err != nil {
		t.Fatalf("the next job: %v", err)
	}
	counts := e.Counts(2)
	if e.ShotsCompleted != shots || counts["00"]+counts["11"] != shots || counts["00"] < shots/3 || counts["11"] < shots/3 {
		t.Errorf("a Bell pair of %d shots gives %v", shots, counts)
	}
	if !l.atRest() {
		t.Error("not at rest after a job")
	}
}

// Whatever goes wrong once: the job says what it was, the instrument is at rest, the
// next job is right.
func TestSCPIFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault string
		want  fault.Cause
		says  string
	}{
		{"silent:FETC?@1", fault.Unavailable, "timed out"},
		{"drop:FETC?@1", fault.Unavailable, "closed"},
		{"half:FETC?@1", fault.Unavailable, "timed out"},
		{"garbage:FETC?@1", fault.Internal, "the answer to FETC? is no result"},
		{"silent:SYST:ERR?@1", fault.Unavailable, "timed out"},
		{"drop:SYST:ERR?@1", fault.Unavailable, "closed the connection within its answer"},
		{"garbage:SYST:ERR?@1", fault.Internal, "the answer to SYST:ERR?"},
		{"garbage:STAT?@1", fault.Internal, "STAT?"},
		{"garbage:SHOT:DONE?@1", fault.Internal, "SHOT:DONE?"},
		{"drop:SHOT:DONE?@1", fault.Unavailable, "closed"},
		{"garbage:SYST:ERR?@3", fault.Internal, "the answer to SYST:ERR?"},             // after the readouts
		{"drop:SEQ:X90@1", fault.Unavailable, ""},                                      // in the middle of the circuit
		{"drop:*IDN?@1", fault.Unavailable, "closed the connection within its answer"}, // as it is opened
		{"delay=6s:FETC?@1", fault.Unavailable, "timed out"},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			timeout := patient
			if tt.says == "timed out" {
				timeout = inVain
			}
			l, _ := openSCPI(t, fake.Config{Seed: 4}, timeout)
			l.checkBell(t, 1000)
			l.fail(t, tt.fault)
			job := bell(1000)
			job.Circuit.Operations = append(job.Circuit.Operations, abi.Operation{Gate: abi.X90})
			l.refuses(t, job, tt.want, tt.says)
			if !l.atRest() {
				t.Error("not at rest after the failure")
			}
			l.checkBell(t, 1000)
		})
	}
}

func (l *lab) refuses(t *testing.T, job *abi.Job, want fault.Cause, says string) {
	t.Helper()
	e, err := l.Run(t.Context(), job)
	failed, ok := errors.AsType[*fault.ExecutorError](err)
	if !ok || failed.Cause != want || !strings.Contains(failed.Reason, says) {
		t.Errorf("%+v, %v; want %v with %q", e, err, want, says)
	}
}

// A connection that was kept, and closed while nothing went on, is opened anew, and
// no job notices.
func TestSCPIKeepsAConnection(t *testing.T) {
	t.Parallel()
	l, s := openSCPI(t, fake.Config{}, patient+"[config]\nkeep_open = true\n")
	for range 3 {
		for ready := false; !ready; time.Sleep(time.Millisecond) {
			open, _ := s.Connections()
			seen := s.Requests()
			ready = open == 1 && len(seen) > 0 && seen[len(seen)-1] == "SYST:ERR?" // the end of a job, or of the next instance's open
		}
		_, before := s.Connections()
		l.fail(t, "drop:*IDN?@1")
		l.checkBell(t, 100)
		if _, ever := s.Connections(); ever == before {
			t.Error("the connection was not opened anew")
		}
	}
}

func TestSCPIRefuses(t *testing.T) {
	t.Parallel()
	l, _ := openSCPI(t, fake.Config{Qubits: 3}, patient+"[config]\nnum_qubits = 4\nmax_shots = 5000\n[config.gate]\nx90 = \"SEQ:X90 {q0}\"\nid = \"SEQ:IDLE {q0},{param}\"\nrx = \"SEQ:NONE {q0},{param}\"\n")
	one := func(op abi.Operation, measured uint16) *abi.Job {
		return &abi.Job{ID: "one", Shots: 10, Circuit: &abi.Circuit{Target: abi.CNOT, NumQubits: 4, Operations: []abi.Operation{op}, Measurements: []uint16{measured}}}
	}
	l.refuses(t, one(abi.Operation{Gate: abi.YMinus90}, 0), fault.Unsupported, "gates[0]: the instrument has no command for y_minus_90")
	l.refuses(t, one(abi.Operation{Gate: abi.X90, Q0: 3, Q1: 3}, 0), fault.Unsupported, `refused to take the circuit: -222,"Data out of range`)
	l.refuses(t, one(abi.Operation{Gate: abi.RX, Param: 1}, 0), fault.Internal, `-113,"Undefined header;SEQ:NONE"`)
	if e, err := l.Run(t.Context(), one(abi.Operation{Gate: abi.X90}, 0)); err != nil || e.ShotsCompleted != 10 {
		t.Errorf("%+v, %v", e, err)
	}
	if !l.atRest() {
		t.Error("not at rest")
	}
}

func TestInstrumentCancelled(t *testing.T) {
	t.Parallel()
	slow := fake.Config{ShotTime: time.Hour}
	for _, name := range []string{"scpi", "registers"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l *lab
			running := make(chan struct{}, 10)
			cfg := slow
			cfg.Seen = func(r fake.Request) {
				if r.Text == "INIT" || strings.HasPrefix(r.Text, "run ") {
					running <- struct{}{}
				}
			}
			if name == "scpi" {
				l, _ = openSCPI(t, cfg, patient)
			} else {
				l, _ = openRegisters(t, fake.RegistersConfig{Config: cfg}, "")
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-running
				cancel()
			}()
			_, err := l.Run(ctx, bell(10))
			if failed, ok := errors.AsType[*fault.ExecutorError](err); !ok || failed.Cause != fault.Cancelled || strings.Contains(failed.Reason, "killed") {
				t.Errorf("cancelled: %v", err)
			}
			if !l.atRest() {
				t.Error("not at rest after a cancelled job")
			}
		})
	}
}

// A job that is killed leaves its instrument to make-safe.
func TestInstrumentMadeSafeAfterAKill(t *testing.T) {
	t.Parallel()
	cfg := fake.Config{ShotTime: time.Hour}
	limits := "[limits]\njob_time = \"300ms\"\n"
	for name, open := range map[string]func(*testing.T) *lab{
		"scpi":      func(t *testing.T) *lab { l, _ := openSCPI(t, cfg, patient+limits); return l },
		"registers": func(t *testing.T) *lab { l, _ := openRegisters(t, fake.RegistersConfig{Config: cfg}, limits); return l },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			l.refuses(t, bell(10), fault.Limit, "job_time")
			l.comesToRest(t)
		})
	}
}

func (l *lab) comesToRest(t *testing.T) {
	t.Helper()
	for begin := time.Now(); !l.atRest(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatal("not at rest 30 s after the job")
		}
	}
}

// A job that has moved all its bytes cannot even say that the run is to end: its own
// account of that leaves the instrument to make-safe too.
func TestInstrumentMadeSafeAfterItsBytes(t *testing.T) {
	t.Parallel()
	l, _ := openSCPI(t, fake.Config{}, patient+"[limits]\nio_bytes = \"2KiB\"\n")
	_, err := l.Run(t.Context(), bell(20_000))
	if e, ok := errors.AsType[*fault.ExecutorError](err); !ok || !strings.Contains(e.Reason, "limits.io_bytes") {
		t.Errorf("it fails with %v", err)
	}
	if logged := l.logged(); !strings.Contains(logged, "could not be brought to rest after a job that failed") {
		t.Errorf("the guest could end the run itself, which makes this no test:\n%s", logged)
	}
	l.comesToRest(t)
	l.checkBell(t, 10)
}

func TestRegistersFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault string
		want  fault.Cause
		says  string
	}{
		{"silent@1", fault.Unavailable, "did not start"},
		{"garbage@1", fault.Internal, "bits above its 2 readouts"},
		{"half@1", fault.Unavailable, "took longer than run_timeout_ms = 4000"},
		{"drop@1", fault.Unavailable, "off the bus"},
		{"delay=1h@1", fault.Unavailable, "took longer than run_timeout_ms = 4000"},
		{"garbage@2", fault.Internal, "bits above its 2 readouts"}, // the second run of a job
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			settings := ""
			if strings.Contains(tt.says, "run_timeout_ms") {
				settings = "[config]\nrun_timeout_ms = 4000\n"
			}
			l, _ := openRegisters(t, fake.RegistersConfig{Size: 8192}, settings)
			l.checkBell(t, 5000)
			l.fail(t, tt.fault)
			l.refuses(t, bell(3000), tt.want, tt.says)
			if !l.atRest() {
				t.Error("not at rest after the failure")
			}
			l.fail(t)
			l.checkBell(t, 5000)
		})
	}
}

// A run of 5 ms is waited for in one call of the host, and a job takes few others. Where
// the machine makes a second of it, it is waited for once more, and the next job tells.
func TestRegistersPollOnce(t *testing.T) {
	t.Parallel()
	l, r := openRegisters(t, fake.RegistersConfig{Run: 5 * time.Millisecond}, "")
	l.checkBell(t, 1000)
	for try := 0; ; try++ {
		l.calls.reset()
		l.checkBell(t, 1000)
		n := l.calls.count()
		t.Logf("calls of a job: %v; polls by offset: %v; %d runs", n, l.calls.poll, r.Runs())
		total := 0
		for _, k := range n {
			total += k
		}
		if l.calls.poll[fake.RegStatus] == 1 && total <= 40 {
			return
		}
		if try == 9 {
			t.Fatalf("a run of 5 ms took %d polls of STATUS, and %d calls in all", l.calls.poll[fake.RegStatus], total)
		}
	}
}

// What the operator does not let a guest write never reaches the device.
func TestRegistersOutsideTheGrant(t *testing.T) {
	t.Parallel()
	r, device := serveRegisters(t, fake.RegistersConfig{})
	l := openLab(t, strings.Replace(device, "0x0400-0xffff rw", "0x0400-0xffff r", 1))
	l.faults, l.atRest = &r.Faults, r.AtRest
	l.refuses(t, bell(10), fault.Internal, "out of range")
	if r.Runs() != 0 || r.Total() != 0 {
		t.Errorf("%d runs of a program that was not to be written", r.Runs())
	}
	url := strings.Split(device, `"`)[3]
	memory := readText(t, strings.TrimPrefix(url[:strings.IndexByte(url, '?')], "mmio://"))
	if program := memory[0x400:0x4300]; strings.Trim(program, "\x00") != "" {
		t.Error("the program reached the device")
	}
}

func TestInstrumentSettings(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		"num_qubits = 0":             `setting num_qubits: "0" is not a decimal number from 1 to 1024`,
		"edges = [[0, 1], [1, 1]]":   `setting edges: "[[0,1],[1,1]]" is not a list`,
		"edges = [[0, 5]]":           `setting edges`,
		"directed = 3":               `setting directed: "3" is neither true nor false`,
		"gate.x09 = \"X\"":           "setting gate.x09: there is none of this name",
		"gate.x90 = \"X\"":           `setting gate.x90: "X" lacks {q0}`,
		"shots = 7":                  "setting shots: there is none of this name, only name, num_qubits, first_qubit, ",
		"first_qbit = 1":             "setting first_qbit: there is none of this name; did you mean first_qubit? All are: name, ",
		"gate.x90 = \"X {q0} {q1}\"": `setting gate.x90: "X {q0} {q1}": after "{" comes one of these and a "}": q0`,
		"gate.rz = \"RZ {q0}\"":      `setting gate.rz: "RZ {q0}" lacks {param} or {degrees}`,
		"gate.cz = \"CZ {q0}\"":      `setting gate.cz: "CZ {q0}" lacks {q1}`,
		"gate.rx = \"RX {q0\"":       `setting gate.rx: "RX {q0": after "{"`,
		"command.read = \"R?\"":      "setting command.measure is missing",
		"block.layout = \"hex\"":     `setting block.layout: "hex" is not one of packed`,
		"block.align = 0":            "setting block.align",
		"target = \"xx\"":            "setting target",
		"name = \"\"":                `setting name: "" has not 1 to 128 bytes`,
		"command.safe = \"é\"":       "characters that are not ASCII",
		"answer.done = \"\"":         "setting answer.done is missing",
	} {
		_, device := serveSCPI(t, fake.Config{})
		refusesToOpen(t, device+"[config]\n"+settings+"\n", want)
	}
	_, device := serveSCPI(t, fake.Config{})
	l := openLab(t, device+"[config]\nname = \"lab\"\nnum_qubits = 3\nedges = [[0, 1], [2, 1]]\ndirected = true\nmax_shots = 7\ntarget = \"cz\"\nanswer.identity = \"Coda,*,1.0\"\n")
	if got := fmt.Sprintf("%+v", l.Device()); !strings.Contains(got, "lab") || len(l.Device().Edges) != 2 || !l.Device().Directed {
		t.Errorf("the device: %s", got)
	}
	_, device = serveSCPI(t, fake.Config{})
	refusesToOpen(t, device+"[config]\nanswer.identity = \"Other,*\"\n", "answer.identity expects")
}

func TestRegistersSettings(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		"max_shot = 7":       "setting max_shot: there is none of this name; did you mean max_shots? All are: endpoint, name, target, edges, directed, max_shots, run_timeout_ms",
		"num_qubits = 3":     "setting num_qubits: there is none of this name, only endpoint, ", // the sequencer says it
		"run_timeout_ms = 0": "setting run_timeout_ms",
	} {
		r, device := serveRegisters(t, fake.RegistersConfig{})
		refusesToOpen(t, device+"[config]\n"+settings+"\n", want)
		if r.Total() != 0 {
			t.Errorf("%s: the device was spoken to", settings)
		}
	}
	openRegisters(t, fake.RegistersConfig{}, "[config]\nseed = 1\nmax_shots = 7\n") // coda run sets seeds
}

// Registers of something else are left as they are.
func TestRegistersOfAnother(t *testing.T) {
	t.Parallel()
	r, device := serveRegisters(t, fake.RegistersConfig{})
	before := strings.Split(device, `"`)[3]
	path := filepath.Join(t.TempDir(), "registers")
	if err := os.WriteFile(path, make([]byte, 65536), 0o600); err != nil {
		t.Fatal(err)
	}
	refusesToOpen(t, strings.Replace(device, before, r.URL(path), 1), "its ID reads 0x0, 0x434f4441 was expected")
	if strings.Trim(readText(t, path), "\x00") != "" {
		t.Error("something was written")
	}
}

// An instrument with other names and another way of counting is a matter of settings:
// a device file of a lab's, against a line-by-line script of it.
func TestSCPIOtherInstrument(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var heard []string
	answers := map[string]string{
		"ID?": "ACME 7\r\n", "ERR?": "+0,\"none\"\r\n", "SAFE?": "OK\n",
		// Three shots of qubits 2 and 1, a byte each, records of four bytes.
		"DATA?": "#212\x01\x00\x00\x00\x01\x01\x00\x00\x00\x01\x00\x00\r\n",
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			lines := bufio.NewScanner(conn)
			for lines.Scan() {
				mu.Lock()
				heard = append(heard, lines.Text())
				mu.Unlock()
				_, _ = io.WriteString(conn, answers[lines.Text()])
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	l := openLab(t, "executor = \"scpi\"\n[endpoints.awg]\nurl = \"tcp://"+listener.Addr().String()+"\"\n"+`
[config]
endpoint = "awg"
first_qubit = 1
num_qubits = 3
answer.identity = "ACME *"
answer.safe = "OK"
block = { layout = "bytes", align = 4 }
[config.command]
identify = "ID?"
shots = "N {shots}"
measure = "M {q0}"
run = "GO"
read = "DATA?"
error = "ERR?"
abort = "STOP"
safe = "OFF 1\nOFF 2"
verify = "SAFE?"
[config.gate]
rz = "PH {q0} {degrees}"
id = "W {q0} {seconds}"
cz = "CZ {q1}/{q0}"
`)
	mu.Lock()
	heard = nil // make-safe
	mu.Unlock()
	e, err := l.Run(t.Context(), &abi.Job{ID: "a", Shots: 3, Circuit: &abi.Circuit{
		Target: abi.CZ, NumQubits: 3, Measurements: []uint16{2, 1}, Operations: []abi.Operation{
			{Gate: abi.RZ, Q0: 0, Param: -math.Pi / 2}, {Gate: abi.ID, Q0: 1, Q1: 1, Param: 250},
			{Gate: abi.GateCZ, Q0: 0, Q1: 2}, {Gate: abi.RZ, Q0: 2, Q1: 2, Param: 1e-3},
		}}})
	if err != nil {
		t.Fatal(err)
	}
	if counts := e.Counts(2); len(counts) != 3 || counts["10"] != 1 || counts["11"] != 1 || counts["01"] != 1 {
		t.Errorf("counts %v", counts)
	}
	mu.Lock()
	defer mu.Unlock()
	const want = "ID?|ERR?|N 3|PH 1 -90|W 2 0.00000025|CZ 3/1|PH 3 0.05729577951308232|M 3|M 2|ERR?|GO|ERR?|DATA?|ERR?"
	if got := strings.Join(heard, "|"); got != want {
		t.Errorf("the instrument heard\n%s\nwant\n%s", got, want)
	}
}

// What an earlier connection had under way may reach the instrument in the middle of
// the next job. No count comes of such a run: it is played again, once.
func TestSCPILateCommands(t *testing.T) {
	t.Parallel()
	const (
		gate    = "SEQ:X90 0"
		another = "*CLS;:SEQ:CLE;X90 0;X90 1;MEAS 0,1;*ESE {other}" // as many steps, of another job
	)
	for _, tt := range []struct {
		late  string
		times int32
		says  string // "" where the job succeeds
	}{
		{gate, 1, ""},
		{another, 1, ""},
		{gate, 2, "the sequence that ran is not the one of the job"},
		{"SHOT 7", 1, "1000 shots were to run"},
	} {
		t.Run(fmt.Sprintf("%s %d", tt.late, tt.times), func(t *testing.T) {
			t.Parallel()
			var at string
			var came atomic.Int32
			cfg := fake.Config{Seen: func(r fake.Request) {
				if r.Text != "OUTP ON" || came.Add(1) > tt.times {
					return
				}
				other, err := net.Dial("tcp", at) // before the next command of this connection
				if err != nil {
					t.Error(err)
					return
				}
				defer other.Close()
				answers := bufio.NewReader(other)
				var tag int
				if _, err := fmt.Fprint(other, "*ESE?\n"); err == nil {
					_, _ = fmt.Fscanln(answers, &tag)
				}
				command := strings.Replace(tt.late, "{other}", fmt.Sprint((tag+1)%256), 1)
				if _, err := fmt.Fprint(other, command+"\n*OPC?\n"); err == nil {
					_, _ = answers.ReadString('\n')
				}
			}}
			s, device := serveSCPI(t, cfg)
			at = strings.TrimSuffix(strings.SplitAfter(device, "tcp://")[1], "\n")
			at = at[:strings.IndexByte(at, '"')]
			l := openLab(t, device+patient)
			l.faults, l.atRest = &s.Faults, s.AtRest
			if tt.says != "" {
				l.refuses(t, bell(1000), fault.Internal, tt.says)
			}
			l.checkBell(t, 1000)
			if came.Load() < tt.times {
				t.Errorf("late commands came %d times", came.Load())
			}
		})
	}
}
