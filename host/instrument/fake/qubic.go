package fake

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// The names of run_circuit_batch's parameters, in their order. The last one is of
// an older server.
var batchParams = []string{"executables", "n_shots", "reads_per_shot", "timeout_per_shot",
	"reload_cmd", "reload_freq", "reload_env", "zero_between_reload", "from_server"}

// batch is a call of run_circuit_batch.
type batch struct {
	circuits  []any
	shots     int
	reads     any // per shot: int64, by channel, or nil: the channels' own
	timeout   float64
	reloadCmd bool
}

func parseBatch(params []any) (*batch, error) {
	if len(params) < 2 || len(params) > len(batchParams) {
		return nil, fmt.Errorf("%d arguments: run_circuit_batch takes 2 to %d, %s", len(params), len(batchParams), strings.Join(batchParams, ", "))
	}
	b := &batch{timeout: 8, reloadCmd: true}
	for i, param := range params {
		ok := true
		switch i {
		case 0:
			b.circuits, ok = param.([]any)
		case 1:
			var n int64
			n, ok = param.(int64)
			if ok && (n < 1 || n > maxXMLShots) {
				return nil, fmt.Errorf("n_shots is %d, not from 1 to %d", n, maxXMLShots)
			}
			b.shots = int(n)
		case 2:
			b.reads = param
			switch param.(type) {
			case nil, int64, map[string]any:
			default:
				ok = false
			}
		case 3:
			if n, whole := param.(int64); whole {
				param = float64(n)
			}
			b.timeout, ok = param.(float64)
		default:
			var set bool
			set, ok = param.(bool)
			if i == 4 {
				b.reloadCmd = set
			}
		}
		if !ok {
			return nil, fmt.Errorf("%s is %T, which it cannot be", batchParams[i], param)
		}
	}
	return b, nil
}

// channel is one that is read back.
type channel struct {
	name  string
	qubit int
	reads int
}

// circuit is an executable that the fake understands.
type circuit struct {
	program  []step
	channels []channel
}

// runBatch answers a call, and says how long the board would be busy.
func (x *XMLRPC) runBatch(params []any) (value any, took time.Duration, err error) {
	b, err := parseBatch(params)
	if err != nil {
		return nil, 0, err
	}
	if t := x.cfg.ShotTime.Seconds(); t > b.timeout {
		return nil, 0, fmt.Errorf("timed out: a shot takes %g s, timeout_per_shot is %g", t, b.timeout)
	}
	older, err := ofOlderServer(b.circuits)
	if err != nil {
		return nil, 0, err
	}
	results := []any{}
	joined := map[string]any{} // what an older server answers: each channel's samples of all circuits
	var first *circuit
	for i, raw := range b.circuits {
		c, err := x.circuit(raw, b, older)
		if err != nil {
			return nil, 0, fmt.Errorf("circuit %d: %w", i, err)
		}
		if first == nil {
			first = c
		} else if !b.reloadCmd {
			c.program = first.program // it is still in the board's memory
		}
		outcomes, err := simulate(x.cfg.Qubits, c.program, b.shots, x.random)
		if err != nil {
			return nil, 0, fmt.Errorf("circuit %d: %w", i, err)
		}
		result := map[string]any{}
		for _, ch := range c.channels {
			samples, err := x.sample(c.program, ch, outcomes)
			if err != nil {
				return nil, 0, fmt.Errorf("circuit %d: channel %s: %w", i, ch.name, err)
			}
			if older {
				before, _ := joined[ch.name].([]byte)
				joined[ch.name] = append(before, complexBytes(samples)...)
				continue
			}
			result[ch.name] = s11Bytes(samples)
		}
		results = append(results, result)
	}
	took = time.Duration(len(b.circuits)*b.shots) * x.cfg.ShotTime
	if older {
		return joined, took, nil
	}
	return results, took, nil
}

// ofOlderServer reports whether the circuits are raw_asm programs, which have the
// numbers of their cores for members, rather than executables.
func ofOlderServer(circuits []any) (bool, error) {
	for i, raw := range circuits {
		members, ok := raw.(map[string]any)
		if !ok {
			return false, fmt.Errorf("circuit %d is %T, not a struct", i, raw)
		}
		if _, executable := members["program_binaries"]; executable {
			return false, nil
		}
	}
	return len(circuits) > 0, nil
}

func (x *XMLRPC) circuit(raw any, b *batch, older bool) (*circuit, error) {
	members, _ := raw.(map[string]any)
	if older {
		return x.rawASM(members, b)
	}
	return x.executable(members, b)
}

func (x *XMLRPC) executable(members map[string]any, b *batch) (*circuit, error) {
	for name := range members {
		if !slices.Contains([]string{"program_binaries", "write_registers", "result_channels"}, name) {
			return nil, fmt.Errorf("an executable has no %s", name)
		}
	}
	binaries, hasBinaries := members["program_binaries"].(map[string]any)
	_, hasRegisters := members["write_registers"].(map[string]any)
	channels, hasChannels := members["result_channels"].(map[string]any)
	if !hasBinaries || !hasRegisters || !hasChannels {
		return nil, errors.New("an executable needs the structs program_binaries, write_registers and result_channels")
	}
	c := &circuit{}
	for _, memory := range sorted(binaries) {
		data, ok := binaries[memory].([]byte)
		switch _, _, named := strings.Cut(memory, ":"); {
		case !ok:
			return nil, fmt.Errorf("program_binaries %q is %T, not base64", memory, binaries[memory])
		case !named:
			return nil, fmt.Errorf("program_binaries %q is no board:memory", memory)
		case len(data) == 0:
			continue
		case c.program != nil:
			return nil, errors.New("program_binaries: this board runs what one memory holds, and several hold something")
		}
		var err error
		if c.program, err = x.program(data); err != nil {
			return nil, fmt.Errorf("program_binaries %q: %w", memory, err)
		}
	}
	for _, name := range sorted(channels) {
		ch, err := x.channel(name, channels[name], b)
		if err != nil {
			return nil, fmt.Errorf("result_channels %q: %w", name, err)
		}
		c.channels = append(c.channels, ch)
	}
	return c, nil
}

func (x *XMLRPC) channel(name string, raw any, b *batch) (channel, error) {
	members, _ := raw.(map[string]any)
	for member := range members {
		if !slices.Contains([]string{"mem_name", "board", "reads_per_shot", "dtype"}, member) {
			return channel{}, fmt.Errorf("a channel has no %s", member)
		}
	}
	memory, hasMemory := members["mem_name"].(string)
	_, hasBoard := members["board"].(string)
	reads, hasReads := members["reads_per_shot"].(int64)
	dtype, hasType := members["dtype"].(string)
	switch {
	case !hasMemory || !hasBoard || !hasReads || !hasType || memory == "":
		return channel{}, errors.New("a channel needs mem_name, board, reads_per_shot and dtype")
	case dtype != "s11":
		return channel{}, fmt.Errorf("dtype %q is not s11", dtype)
	}
	label, kind, _ := strings.Cut(name, ".")
	qubit, err := x.qubit(label)
	if err != nil {
		return channel{}, err
	}
	if kind != "rdlo" {
		return channel{}, errors.New("only .rdlo is read")
	}
	return b.channel(name, qubit, reads)
}

// channel is one with the reads that the call asks for, or else its own.
func (b *batch) channel(name string, qubit int, reads int64) (channel, error) {
	switch asked := b.reads.(type) {
	case int64:
		reads = asked
	case map[string]any:
		n, ok := asked[name].(int64)
		if !ok {
			return channel{}, fmt.Errorf("reads_per_shot says nothing of %s", name)
		}
		reads = n
	}
	if reads < 1 || reads > maxReads {
		return channel{}, fmt.Errorf("reads_per_shot is %d, not from 1 to %d", reads, maxReads)
	}
	return channel{name, qubit, int(reads)}, nil
}

// rawASM takes the channels from the cores' numbers. One core has the program.
func (x *XMLRPC) rawASM(cores map[string]any, b *batch) (*circuit, error) {
	c := &circuit{}
	for _, core := range sorted(cores) {
		qubit, err := strconv.Atoi(core)
		if err != nil || qubit < 0 || qubit >= x.cfg.Qubits || strconv.Itoa(qubit) != core {
			return nil, fmt.Errorf("%q is no core from 0 to %d", core, x.cfg.Qubits-1)
		}
		instructions, ok := cores[core].([]any)
		if !ok {
			return nil, fmt.Errorf("core %s has %T, not an array of instructions", core, cores[core])
		}
		ch, err := b.channel(core, qubit, 1)
		if err != nil {
			return nil, err
		}
		c.channels = append(c.channels, ch)
		if len(instructions) == 0 {
			continue
		}
		if c.program != nil {
			return nil, errors.New("this board runs the program of one core, and several have one")
		}
		text, err := json.Marshal(instructions)
		if err != nil {
			return nil, err
		}
		if c.program, err = x.program(text); err != nil {
			return nil, fmt.Errorf("core %s: %w", core, err)
		}
	}
	return c, nil
}

// qubicGate is a gate as QubiC's compiler takes it.
type qubicGate struct {
	Name  string   `json:"name"`
	Qubit []string `json:"qubit"`
	Phase *float64 `json:"phase"` // of virtual_z, in radians
	T     *float64 `json:"t"`     // of delay, in seconds
}

const maxPhase = 1e6

// program reads what stands for a binary here: the JSON of the gates that the lab's
// compiler would be given.
func (x *XMLRPC) program(text []byte) ([]step, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var gates []qubicGate
	if err := decoder.Decode(&gates); err != nil {
		return nil, fmt.Errorf("no JSON list of gates: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the list of gates")
	}
	if len(gates) > maxSequence {
		return nil, fmt.Errorf("%d gates are more than %d", len(gates), maxSequence)
	}
	program := []step{}
	for i, g := range gates {
		steps, err := x.gate(&g)
		if err != nil {
			return nil, fmt.Errorf("gate %d, %s: %w", i, g.Name, err)
		}
		program = append(program, steps...)
	}
	return program, nil
}

func (x *XMLRPC) gate(g *qubicGate) ([]step, error) {
	var qubits []int
	for _, label := range g.Qubit {
		q, err := x.qubit(label)
		if err != nil {
			return nil, err
		}
		if slices.Contains(qubits, q) {
			return nil, fmt.Errorf("%s is there twice", label)
		}
		qubits = append(qubits, q)
	}
	want := 1
	switch g.Name {
	case "CNOT", "CZ":
		want = 2
	case "barrier", "delay":
		want = len(qubits)
	}
	switch {
	case len(qubits) != want:
		return nil, fmt.Errorf("it takes %d qubits, not %d", want, len(qubits))
	case (g.Phase != nil) != (g.Name == "virtual_z"):
		return nil, errors.New("virtual_z has a phase, and nothing else has")
	case (g.T != nil) != (g.Name == "delay"):
		return nil, errors.New("delay has t, and nothing else has")
	}
	switch g.Name {
	case "X90":
		return []step{gate(abi.X90, qubits[0], qubits[0], 0)}, nil
	case "Y-90":
		return []step{gate(abi.YMinus90, qubits[0], qubits[0], 0)}, nil
	case "virtual_z":
		if !(math.Abs(*g.Phase) <= maxPhase) {
			return nil, fmt.Errorf("phase %v is out of range", *g.Phase)
		}
		return []step{gate(abi.VirtualZ, qubits[0], qubits[0], x.sign**g.Phase)}, nil
	case "CNOT":
		if x.couplings != nil && !x.couplings[[2]int{qubits[0], qubits[1]}] {
			return nil, fmt.Errorf("%s%s is not calibrated", g.Qubit[0], g.Qubit[1])
		}
		return []step{gate(abi.GateCNOT, qubits[0], qubits[1], 0)}, nil
	case "CZ":
		return []step{gate(abi.GateCZ, qubits[0], qubits[1], 0)}, nil
	case "read":
		return []step{readout(qubits[0])}, nil
	case "delay":
		if !(*g.T >= 0 && *g.T <= 1) {
			return nil, fmt.Errorf("%v s is not from 0 to 1", *g.T)
		}
		return nil, nil
	case "barrier":
		return nil, nil
	}
	return nil, errors.New("there is no such gate")
}

func (x *XMLRPC) qubit(label string) (int, error) {
	digits, ok := strings.CutPrefix(label, "Q")
	q, err := strconv.Atoi(digits)
	if !ok || err != nil || q < 0 || q >= x.cfg.Qubits || strconv.Itoa(q) != digits {
		return 0, fmt.Errorf("%q is no qubit from Q0 to Q%d", label, x.cfg.Qubits-1)
	}
	return q, nil
}

// sample is what a channel reads: for each shot, a point for each read of its qubit.
func (x *XMLRPC) sample(program []step, ch channel, outcomes *shots) ([]complex128, error) {
	var at []int // of the qubit's readouts, among all
	i := 0
	for _, step := range program {
		if !step.read {
			continue
		}
		if int(step.Q0) == ch.qubit {
			at = append(at, i)
		}
		i++
	}
	if len(at) != ch.reads {
		return nil, fmt.Errorf("timed out: %d reads per shot are asked for, and the program reads Q%d %d times", ch.reads, ch.qubit, len(at))
	}
	if len(at)*outcomes.n > maxRecords/16 {
		return nil, errors.New("too many samples")
	}
	r := x.readout[ch.qubit]
	points := make([]complex128, 0, outcomes.n*len(at))
	for shot := range outcomes.n {
		for _, i := range at {
			mean := r.Zero
			if outcomes.bit(shot, i) == 1 {
				mean = r.One
			}
			points = append(points, mean+complex(r.Sigma*x.samples.NormFloat64(), r.Sigma*x.samples.NormFloat64()))
		}
	}
	return points, nil
}

// s11Bytes are pairs of 32-bit words in two's complement, little-endian, the
// imaginary one first.
func s11Bytes(points []complex128) []byte {
	b := make([]byte, 0, 8*len(points))
	for _, p := range points {
		for _, v := range []float64{imag(p), real(p)} {
			v = max(math.MinInt32, min(math.MaxInt32, math.Round(v)))
			b = binary.LittleEndian.AppendUint32(b, uint32(int32(v)))
		}
	}
	return b
}

// complexBytes are pairs of doubles, the real one first.
func complexBytes(points []complex128) []byte {
	b := make([]byte, 0, 16*len(points))
	for _, p := range points {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(real(p)))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(imag(p)))
	}
	return b
}

func sorted(members map[string]any) []string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
