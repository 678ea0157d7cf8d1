package fake

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// The registers of the sequencer, by their offset in bytes. Words are of 32 bits,
// in the machine's own order.
const (
	RegID         = 0x00 // r   RegistersID
	RegVersion    = 0x04 // r   RegistersVersion
	RegControl    = 0x08 // rw  ControlStart and so on; reads 0 once it was taken
	RegStatus     = 0x0c // r   StatusBusy and so on
	RegError      = 0x10 // r   why StatusError is set: ErrorBusy and so on
	RegErrorAt    = 0x14 // r   the instruction that it is about
	RegQubits     = 0x18 // r
	RegOutput     = 0x1c // rw  1 on, 0 off
	RegShots      = 0x20 // rw  1 to the words of the result memory
	RegLength     = 0x24 // rw  instructions of the program
	RegCount      = 0x28 // r   shots of the last run that are over
	RegReads      = 0x2c // r   readouts of one of its shots
	RegRuns       = 0x30 // r   runs that were started
	RegProgram    = 0x34 // r   offset of the program memory
	RegProgramEnd = 0x38 // r   offset behind it
	RegResult     = 0x3c // r   offset of the result memory
	RegResultEnd  = 0x40 // r   offset behind it
)

// What RegID and RegVersion read.
const (
	RegistersID      = 0x434f4441 // "CODA"
	RegistersVersion = 0x00010000
)

// The bits of RegControl. Write one, and wait until the register reads 0.
const (
	ControlStart = 1 << iota
	ControlAbort // ends the run; what it would have given is void
	ControlReset // as when it was switched on, but for the memories
)

// The bits of RegStatus.
const (
	StatusBusy  = 1 << iota // a run goes on
	StatusDone              // a run has ended, and its results are there
	StatusError             // a start was refused
	StatusReady             // it is alive
)

// What RegError reads.
const (
	ErrorBusy        = iota + 1 // a run goes on
	ErrorOutput                 // the output is off
	ErrorShots                  // RegShots is out of range
	ErrorLength                 // RegLength is out of range
	ErrorInstruction            // RegErrorAt is none
	ErrorReads                  // the program reads nothing, or more than 32 times
	ErrorSize                   // the program is too large to simulate
)

// InstructionRead reads Q0: the opcode in the lowest byte of an instruction's
// first word, beside those of the gates, which are one more than in abi.
const InstructionRead = 0x20

// Where the memories are: a quarter of the window behind the registers is the
// program's, the rest the results'.
const (
	programOffset    = 0x400
	instructionWords = 2
	maxReadsPerShot  = 32
)

// RegistersConfig is what the sequencer has beside the others.
type RegistersConfig struct {
	Config
	Size int           // of the window in bytes, a multiple of 4096; 0 is 65536
	Tick time.Duration // how often it looks at RegControl; 0 is 500 µs
	Run  time.Duration // that a run takes beside its shots
}

const (
	defaultSize = 64 << 10
	defaultTick = 500 * time.Microsecond
	maxSize     = 16 << 20
)

// Registers is a sequencer behind memory-mapped registers, as of an FPGA: a file
// that both sides map. A run is a request.
type Registers struct {
	core
	size  int
	tick  time.Duration
	takes time.Duration

	mu      sync.Mutex
	random  *rand.Rand
	file    *os.File
	memory  window // nil before Open and after Serve
	run     *registerRun
	status  uint32 // without busy
	err, at uint32
	runs    uint32
	reads   uint32
	count   uint32
	gone    bool // off the bus
}

type registerRun struct {
	begun  time.Time
	took   time.Duration
	result *shots
	hit    hit
	held   bool // it never ends
}

// NewRegisters does no I/O.
func NewRegisters(cfg RegistersConfig) (*Registers, error) {
	r := &Registers{size: cfg.Size, tick: cfg.Tick, takes: cfg.Run}
	if r.size == 0 {
		r.size = defaultSize
	}
	if r.tick == 0 {
		r.tick = defaultTick
	}
	switch {
	case r.size < 4096 || r.size > maxSize || r.size%4096 != 0:
		return nil, fmt.Errorf("a window of %d bytes is not possible: a multiple of 4096 up to %d is", r.size, maxSize)
	case r.tick < 0 || r.takes < 0:
		return nil, errors.New("times cannot be negative")
	}
	if err := r.init(cfg.Config); err != nil {
		return nil, err
	}
	r.random = r.cfg.random(ofOutcomes)
	return r, nil
}

// Open makes the file and maps it. A file that is there is used again if a fake
// left it, and refused otherwise. The other side may map it from now on.
func (r *Registers) Open(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memory != nil {
		return errors.New("the registers are open")
	}
	file, memory, err := mapFile(path, r.size)
	if err != nil {
		return err
	}
	r.file, r.memory = file, memory
	for i := range r.memory {
		r.memory.store(uint32(4*i), 0)
	}
	r.reset()
	r.publish()
	return nil
}

// URL is how a device file names it.
func (r *Registers) URL(path string) string { return fmt.Sprintf("mmio://%s?size=%d", path, r.size) }

// Serve runs what it is told to until ctx ends, and removes the file.
func (r *Registers) Serve(ctx context.Context) error {
	defer r.close()
	ticker := time.NewTicker(r.tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			r.step(now)
		}
	}
}

// AtRest reports whether the output is off and nothing runs.
func (r *Registers) AtRest() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.run == nil && (r.memory == nil || r.memory.load(RegOutput)&1 == 0)
}

// Runs are how many were started.
func (r *Registers) Runs() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int(r.runs)
}

func (r *Registers) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memory == nil {
		return
	}
	unmapFile(r.file, r.memory)
	r.memory, r.run = nil, nil
}

// step is what happens at a tick.
func (r *Registers) step(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memory == nil {
		return
	}
	control := r.memory.load(RegControl)
	if r.gone {
		if control != ControlReset {
			r.vanish()
			return
		}
		for offset := uint32(RegStatus); offset < programOffset; offset += 4 {
			r.memory.store(offset, 0)
		}
	}
	switch {
	case control == 0, control == math.MaxUint32:
	case control&ControlReset != 0:
		r.reset()
		r.memory.store(RegOutput, 0)
		r.memory.store(RegShots, 0)
		r.memory.store(RegLength, 0)
	case control&ControlAbort != 0:
		r.run = nil
		r.count = 0
		r.status = StatusReady
	case control&ControlStart != 0:
		r.start(now)
	}
	if r.run != nil {
		r.proceed(now)
	}
	if r.gone {
		r.vanish()
		return
	}
	// The control register is cleared when the others speak of what it asked for,
	// and stays if the host has written to it meanwhile.
	r.publish()
	if control != 0 {
		r.memory.swap(RegControl, control, 0)
	}
}

func (r *Registers) reset() {
	r.run, r.status, r.err, r.at, r.reads, r.count, r.gone = nil, StatusReady, 0, 0, 0, 0, false
}

func (r *Registers) publish() {
	status := r.status
	if r.run != nil {
		status |= StatusBusy
	}
	for _, word := range []struct{ offset, value uint32 }{
		{RegID, RegistersID},
		{RegVersion, RegistersVersion},
		{RegError, r.err},
		{RegErrorAt, r.at},
		{RegQubits, uint32(r.cfg.Qubits)},
		{RegCount, r.count},
		{RegReads, r.reads},
		{RegRuns, r.runs},
		{RegProgram, programOffset},
		{RegProgramEnd, r.programEnd()},
		{RegResult, r.programEnd()},
		{RegResultEnd, uint32(r.size)},
		{RegStatus, status}, // the last one: the others are true by then
	} {
		r.memory.store(word.offset, word.value)
	}
}

// vanish is what is read of a device that is off the bus.
func (r *Registers) vanish() {
	for i := range r.memory {
		r.memory.store(uint32(4*i), math.MaxUint32)
	}
}

func (r *Registers) programEnd() uint32 { return programOffset + uint32(r.size-programOffset)/4 }

// start begins a run, or says why it does not.
func (r *Registers) start(now time.Time) {
	if r.run != nil {
		r.refuse(ErrorBusy, 0)
		return
	}
	n, length := r.memory.load(RegShots), r.memory.load(RegLength)
	text := fmt.Sprintf("run %d instructions, %d shots", length, n)
	h := r.Faults.meet(text)
	r.note(text, h)
	if h.kind == Silent {
		return
	}
	r.status, r.err, r.at, r.count, r.reads = StatusReady, 0, 0, 0, 0
	program, ok := r.program(n, length)
	if !ok {
		return
	}
	result, err := simulate(r.cfg.Qubits, program, int(n), r.random)
	if err != nil {
		r.refuse(ErrorSize, 0)
		return
	}
	r.runs++
	r.reads = uint32(result.reads)
	r.run = &registerRun{begun: now, took: h.delay + r.takes + time.Duration(n)*r.cfg.ShotTime, result: result, hit: h}
}

func (r *Registers) refuse(why, at uint32) {
	r.status |= StatusError
	r.err, r.at = why, at
}

// program reads the program memory.
func (r *Registers) program(n, length uint32) ([]step, bool) {
	switch end := r.programEnd(); {
	case r.memory.load(RegOutput)&1 == 0:
		r.refuse(ErrorOutput, 0)
		return nil, false
	case n == 0 || n > (uint32(r.size)-end)/4:
		r.refuse(ErrorShots, 0)
		return nil, false
	case length == 0 || length > (end-programOffset)/(4*instructionWords):
		r.refuse(ErrorLength, 0)
		return nil, false
	}
	words := make([]uint32, length*instructionWords)
	for i := range words {
		words[i] = r.memory.load(programOffset + uint32(4*i))
	}
	program, wrong := decodeProgram(words, r.cfg.Qubits)
	if wrong >= 0 {
		r.refuse(ErrorInstruction, uint32(wrong))
		return nil, false
	}
	reads := 0
	for _, step := range program {
		if step.read {
			reads++
		}
	}
	if reads == 0 || reads > maxReadsPerShot {
		r.refuse(ErrorReads, 0)
		return nil, false
	}
	return program, true
}

// decodeProgram reads instructions, two words each. The second result is the index
// of the first that is none, or -1.
func decodeProgram(words []uint32, qubits int) ([]step, int) {
	var program []step
	for i := 0; i+1 < len(words); i += instructionWords {
		word, param := words[i], words[i+1]
		opcode, q0, q1 := word&0xff, int(word>>8&0xff), int(word>>16&0xff)
		g := abi.Gate(opcode - 1)
		two := opcode != InstructionRead && g.Qubits() == 2
		switch {
		case opcode == 0, opcode != InstructionRead && g.Qubits() == 0, word>>24 != 0,
			q0 >= qubits, two && (q1 >= qubits || q1 == q0), !two && q1 != 0:
			return nil, i / instructionWords
		case opcode == InstructionRead:
			program = append(program, readout(q0))
			continue
		case !two:
			q1 = q0
		}
		angle := float64(int32(param)) / (1 << 32) * 2 * math.Pi
		if g == abi.ID {
			angle = float64(param)
		}
		program = append(program, gate(g, q0, q1, angle))
	}
	return program, -1
}

// proceed counts the shots that are over, and ends the run when all are.
func (r *Registers) proceed(now time.Time) {
	run := r.run
	if run.held {
		return
	}
	if past := now.Sub(run.begun); past < run.took {
		r.count = uint32(float64(run.result.n) * float64(past) / float64(run.took))
		return
	}
	n := run.result.n
	if run.hit.kind == Half || run.hit.kind == Drop {
		n /= 2
	}
	r.count = uint32(n)
	for shot := range n {
		word := uint32(0)
		for i := range run.result.reads {
			word |= uint32(run.result.bit(shot, i)) << i
		}
		if run.hit.kind == Garbage {
			word = r.noise.word()
		}
		r.memory.store(r.programEnd()+uint32(4*shot), word)
	}
	switch run.hit.kind {
	case Half:
		run.held = true
	case Drop:
		r.gone = true
		r.run = nil
	default:
		r.status |= StatusDone
		r.run = nil
	}
}

func (n *noise) word() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.random.Uint32()
}

// window is mapped memory, of which the other side may read and write any word at
// any time.
type window []uint32

func (w window) load(offset uint32) uint32  { return atomic.LoadUint32(&w[offset/4]) }
func (w window) store(offset, value uint32) { atomic.StoreUint32(&w[offset/4], value) }
func (w window) swap(offset, from, to uint32) bool {
	return atomic.CompareAndSwapUint32(&w[offset/4], from, to)
}
