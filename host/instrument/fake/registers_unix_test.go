//go:build unix

package fake

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/abi"
)

// host is the other side of the registers: its own mapping of the file.
type host struct {
	t *testing.T
	*Registers
	window
	path string
}

// registers are served until the test ends.
func registers(t *testing.T, cfg RegistersConfig) *host {
	t.Helper()
	r, err := NewRegisters(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "registers")
	if err := r.Open(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, memory, err := mapped(file, r.size)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the file is left: %v", err)
		}
		unmapFile(file, memory)
	})
	return &host{t, r, memory, path}
}

// poll waits until a word, masked, has a value.
func (h *host) poll(offset, mask, value uint32) {
	h.t.Helper()
	for end := time.Now().Add(patience); h.load(offset)&mask != value; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			h.t.Fatalf("word %#x is %#x, and never %#x in %#x", offset, h.load(offset), value, mask)
		}
	}
}

func (h *host) control(bit uint32) {
	h.t.Helper()
	h.store(RegControl, bit)
	h.poll(RegControl, math.MaxUint32, 0)
}

func (h *host) load8(program ...[2]uint32) {
	at := h.load(RegProgram)
	for i, words := range program {
		h.store(at+uint32(8*i), words[0])
		h.store(at+uint32(8*i)+4, words[1])
	}
	h.store(RegLength, uint32(len(program)))
}

func read(qubit uint32) [2]uint32 { return [2]uint32{InstructionRead | qubit<<8} }

func instruction(g abi.Gate, q0, q1 int, param float64) [2]uint32 {
	return assembled(gate(g, q0, q1, param).Operation)
}

func TestRegistersBell(t *testing.T) {
	t.Parallel()
	h := registers(t, RegistersConfig{Run: 5 * time.Millisecond})
	if h.load(RegID) != RegistersID || h.load(RegVersion) != RegistersVersion || h.load(RegQubits) != 5 || h.load(RegStatus) != StatusReady {
		t.Errorf("id %#x, version %#x, status %#x", h.load(RegID), h.load(RegVersion), h.load(RegStatus))
	}
	const n = 4000
	h.store(RegOutput, 1)
	h.store(RegShots, n)
	h.load8(instruction(abi.RY, 0, 0, -math.Pi/2), instruction(abi.ID, 1, 1, 4e9), instruction(abi.GateCNOT, 0, 1, 0),
		instruction(abi.RX, 2, 2, math.Pi), read(2), read(0), read(1))
	if h.AtRest() {
		t.Error("at rest with its output on")
	}
	before := time.Now()
	h.control(ControlStart)
	h.poll(RegStatus, StatusDone, StatusDone)
	if took := time.Since(before); took < 5*time.Millisecond {
		t.Errorf("done after %v", took)
	}
	if h.load(RegCount) != n || h.load(RegReads) != 3 || h.load(RegRuns) != 1 || h.Runs() != 1 || h.load(RegStatus)&StatusBusy != 0 {
		t.Errorf("count %d, reads %d, runs %d", h.load(RegCount), h.load(RegReads), h.load(RegRuns))
	}
	ones := 0
	for shot := range uint32(n) {
		switch word := h.load(h.load(RegResult) + 4*shot); word {
		case 0b111:
			ones++
		case 0b001:
		default:
			t.Fatalf("shot %d reads %b", shot, word)
		}
	}
	near(t, "111", ones, n, 0.5)
	h.store(RegOutput, 0)
	if !h.AtRest() {
		t.Error("not at rest")
	}
	if got := h.Requests(); len(got) != 1 || got[0] != "run 7 instructions, 4000 shots" {
		t.Errorf("%q", got)
	}
	h.store(RegID, 0) // no host writes to what is only read
	h.poll(RegID, math.MaxUint32, RegistersID)
}

func TestRegistersRefuse(t *testing.T) {
	t.Parallel()
	h := registers(t, RegistersConfig{Size: 4096})
	for _, tt := range []struct {
		name    string
		spoil   func()
		why, at uint32
	}{
		{"output", func() { h.store(RegOutput, 0) }, ErrorOutput, 0},
		{"no shots", func() { h.store(RegShots, 0) }, ErrorShots, 0},
		{"shots", func() { h.store(RegShots, 577) }, ErrorShots, 0},
		{"no program", func() { h.store(RegLength, 0) }, ErrorLength, 0},
		{"length", func() { h.store(RegLength, 1<<31) }, ErrorLength, 0},
		{"no readout", func() { h.store(RegLength, 1) }, ErrorReads, 0},
		{"opcode", func() { h.load8(read(0), [2]uint32{0x7f}) }, ErrorInstruction, 1},
		{"zero", func() { h.load8([2]uint32{}) }, ErrorInstruction, 0},
		{"qubit", func() { h.load8(read(5)) }, ErrorInstruction, 0},
		{"same qubit", func() { h.load8(instruction(abi.GateCZ, 1, 1, 0)) }, ErrorInstruction, 0},
	} {
		h.store(RegOutput, 1)
		h.store(RegShots, 576)
		h.load8(instruction(abi.X90, 0, 0, 0), read(0))
		tt.spoil()
		h.control(ControlStart)
		if h.load(RegStatus) != StatusReady|StatusError || h.load(RegError) != tt.why || h.load(RegErrorAt) != tt.at {
			t.Errorf("%s: status %#x, error %d at %d", tt.name, h.load(RegStatus), h.load(RegError), h.load(RegErrorAt))
		}
	}
	h.control(ControlReset)
	if h.load(RegStatus) != StatusReady || h.load(RegError) != 0 || h.load(RegShots) != 0 || h.load(RegRuns) != 0 {
		t.Errorf("after a reset: status %#x, error %d", h.load(RegStatus), h.load(RegError))
	}
}

func TestRegistersAbort(t *testing.T) {
	t.Parallel()
	h := registers(t, RegistersConfig{Config: Config{ShotTime: time.Hour}})
	h.store(RegOutput, 1)
	h.store(RegShots, 10)
	h.load8(read(0))
	h.control(ControlStart)
	if h.load(RegStatus)&StatusBusy == 0 {
		t.Error("not busy")
	}
	h.control(ControlStart)
	if h.load(RegError) != ErrorBusy || h.load(RegStatus)&StatusBusy == 0 {
		t.Errorf("a second start: error %d, status %#x", h.load(RegError), h.load(RegStatus))
	}
	h.control(ControlAbort)
	if h.load(RegStatus) != StatusReady || h.load(RegCount) != 0 {
		t.Errorf("status %#x", h.load(RegStatus))
	}
}

func TestRegistersFaults(t *testing.T) {
	t.Parallel()
	h := registers(t, RegistersConfig{Config: Config{Faults: []Fault{
		{Kind: Delay, Delay: 20 * time.Millisecond, From: 1, To: 1}, {Kind: Silent, From: 2, To: 2},
		{Kind: Garbage, From: 3, To: 3}, {Kind: Half, From: 4, To: 4}, {Kind: Drop, From: 5, To: 5},
	}}})
	prepare := func() {
		h.store(RegOutput, 1)
		h.store(RegShots, 10)
		h.load8(read(0))
	}
	prepare()
	before := time.Now()
	h.control(ControlStart)
	h.poll(RegStatus, StatusDone, StatusDone)
	if took := time.Since(before); took < 20*time.Millisecond {
		t.Errorf("delay: %v", took)
	}

	h.control(ControlReset)
	prepare()
	h.control(ControlStart)
	if h.load(RegStatus) != StatusReady || h.Runs() != 1 {
		t.Errorf("silent: status %#x, %d runs", h.load(RegStatus), h.Runs())
	}

	h.control(ControlStart)
	h.poll(RegStatus, StatusDone, StatusDone)
	if word := h.load(h.load(RegResult)); word < 2 {
		t.Errorf("garbage: %#x", word)
	}

	h.control(ControlStart)
	h.poll(RegCount, math.MaxUint32, 5)
	for range 3 {
		time.Sleep(2 * defaultTick)
		if h.load(RegStatus) != StatusReady|StatusBusy || h.load(RegCount) != 5 {
			t.Errorf("half: status %#x, count %d", h.load(RegStatus), h.load(RegCount))
		}
	}

	h.control(ControlReset)
	prepare()
	h.store(RegControl, ControlStart)
	h.poll(RegID, math.MaxUint32, math.MaxUint32)
	h.poll(RegResultEnd, math.MaxUint32, math.MaxUint32)
	h.control(ControlReset)
	if h.load(RegID) != RegistersID || h.load(RegOutput) != 0 {
		t.Errorf("back on the bus: id %#x, output %d", h.load(RegID), h.load(RegOutput))
	}
	h.poll(RegStatus, math.MaxUint32, StatusReady)
}

func TestRegistersFile(t *testing.T) {
	t.Parallel()
	h := registers(t, RegistersConfig{})
	other, err := NewRegisters(RegistersConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Open(h.path); err == nil || !strings.HasSuffix(err.Error(), "another fake serves it") {
		t.Errorf("two fakes of one file: %v", err)
	}
	if err := h.Open(h.path + "2"); err == nil {
		t.Error("opened twice")
	}
	precious := filepath.Join(t.TempDir(), "thesis.txt")
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := other.Open(precious); err == nil || !strings.Contains(err.Error(), "holds no registers") {
		t.Errorf("somebody's file: %v", err)
	}
	if text, _ := os.ReadFile(precious); string(text) != "precious" {
		t.Errorf("the file is %q now", text)
	}
	link := precious + ".link"
	if err := os.Symlink(precious, link); err != nil {
		t.Fatal(err)
	}
	if err := other.Open(link); err == nil {
		t.Error("a link was followed")
	}
	left := filepath.Join(t.TempDir(), "left") // by a fake that was killed
	if err := os.WriteFile(left, append([]byte{0x41, 0x44, 0x4f, 0x43}, make([]byte, 1000)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := other.Open(left); err != nil {
		t.Errorf("a file that was left: %v", err)
	}
	other.close()
	other.close()
	if got := other.URL("/dev/shm/x"); got != "mmio:///dev/shm/x?size=65536" {
		t.Error(got)
	}
	for _, size := range []int{-4096, 100, 4097, 32 << 20} {
		if _, err := NewRegisters(RegistersConfig{Size: size}); err == nil {
			t.Errorf("a window of %d bytes", size)
		}
	}
}
