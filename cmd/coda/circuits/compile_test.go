package circuits_test

import (
	"math"
	"strings"

	"github.com/conductorquantum/coda/abi"
)

// program writes a circuit in the gates of its target. Rotations of a qubit that
// follow each other about one axis become one.
type program struct {
	circuit abi.Circuit
	last    map[uint16]int // the last operation on each qubit
}

func newProgram(name string, target abi.Target, numQubits uint16, measured ...uint16) *program {
	return &program{
		circuit: abi.Circuit{
			Target: target, NumQubits: numQubits, Measurements: measured,
			Metadata: abi.Metadata{
				SourceHash: "coda/circuits/" + name, CompiledAt: "2026-01-01T00:00:00Z",
				CompilerVersion: "0.1.0", OptimizationLevel: 1,
			},
		},
		last: map[uint16]int{},
	}
}

func (p *program) rotate(g abi.Gate, q uint16, angle float64) {
	ops := p.circuit.Operations
	if i, ok := p.last[q]; ok && ops[i].Gate == g {
		if ops[i].Param += angle; math.Abs(ops[i].Param) < 1e-12 {
			p.remove(i)
		}
		return
	}
	p.add(abi.Operation{Gate: g, Q0: q, Q1: q, Param: angle})
}

func (p *program) add(op abi.Operation) {
	p.last[op.Q0], p.last[op.Q1] = len(p.circuit.Operations), len(p.circuit.Operations)
	p.circuit.Operations = append(p.circuit.Operations, op)
}

func (p *program) remove(i int) {
	ops := append(p.circuit.Operations[:i:i], p.circuit.Operations[i+1:]...)
	p.circuit.Operations, p.last = ops, map[uint16]int{}
	for j, op := range ops {
		p.last[op.Q0], p.last[op.Q1] = j, j
	}
}

func (p *program) rx(q uint16, angle float64) { p.rotate(abi.RX, q, angle) }
func (p *program) ry(q uint16, angle float64) { p.rotate(abi.RY, q, angle) }
func (p *program) rz(q uint16, angle float64) { p.rotate(abi.RZ, q, angle) }

// h is Ry(pi/2) Z.
func (p *program) h(q uint16) {
	p.rz(q, math.Pi)
	p.ry(q, math.Pi/2)
}

func (p *program) cp(control, q uint16, phase float64) {
	p.add(abi.Operation{Gate: abi.CP, Q0: control, Q1: q, Param: phase})
}

// cz is one gate, or two iSWAPs: iSWAP Rx(-pi/2) iSWAP is, but for what single
// qubits do, a rotation about ZY by a quarter turn.
func (p *program) cz(a, b uint16) {
	if p.circuit.Target == abi.CZ {
		p.add(abi.Operation{Gate: abi.GateCZ, Q0: a, Q1: b})
		return
	}
	p.rx(b, -math.Pi/2)
	p.rz(a, math.Pi)
	p.rz(b, math.Pi)
	p.add(abi.Operation{Gate: abi.GateISwap, Q0: a, Q1: b})
	p.rx(a, -math.Pi/2)
	p.add(abi.Operation{Gate: abi.GateISwap, Q0: a, Q1: b})
	p.rx(b, math.Pi/2)
	p.rz(a, math.Pi/2)
	p.rz(b, math.Pi/2)
}

func (p *program) cnot(control, q uint16) {
	if p.circuit.Target == abi.CNOT {
		p.add(abi.Operation{Gate: abi.GateCNOT, Q0: control, Q1: q})
		return
	}
	p.ry(q, -math.Pi/2)
	p.cz(control, q)
	p.ry(q, math.Pi/2)
}

// ccz turns the phase of 111 by pi: an eighth of a turn for each parity of one and
// of three qubits, and back for each of two.
func (p *program) ccz(a, b, c uint16) {
	const t = math.Pi / 4
	p.cnot(b, c)
	p.rz(c, -t)
	p.cnot(a, c)
	p.rz(c, t)
	p.cnot(b, c)
	p.rz(c, -t)
	p.cnot(a, c)
	p.rz(c, t)
	p.cnot(a, b)
	p.rz(b, -t)
	p.cnot(a, b)
	p.rz(b, t)
	p.rz(a, t)
}

// text is the IR with one gate on a line.
func (p *program) text() string {
	ir := string(p.circuit.AppendIR(nil))
	ir = strings.ReplaceAll(ir, `{"gate"`, "\n  {\"gate\"")
	return strings.ReplaceAll(ir, `],"measurements"`, "\n],\"measurements\"") + "\n"
}
