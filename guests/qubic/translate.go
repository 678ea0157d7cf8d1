package main

import (
	"fmt"
	"math"

	coda "github.com/conductorquantum/coda/guests/sdk/go"
)

// gate is one of QubiC's, as its compiler takes it.
type gate struct {
	Name  string   `json:"name"`
	Qubit []string `json:"qubit"`
	Phase *float64 `json:"phase,omitempty"` // radians, of virtual_z and CPHASE
	T     *float64 `json:"t,omitempty"`     // seconds, of delay
}

// sequence is a list of gates in the order of time, while it grows.
type sequence struct {
	set   *settings
	gates []gate
}

// translate writes a circuit in QubiC's gates: the time that qubits need to come to
// rest, the gates, and the readouts, all at once as far as the board can.
func (s *settings) translate(c *coda.Circuit) ([]gate, error) {
	q := &sequence{set: s, gates: []gate{}}
	everything := s.qubits[:c.NumQubits]
	if s.resetDelay > 0 {
		q.gates = append(q.gates, gate{Name: "delay", Qubit: everything, T: &s.resetDelay})
	}
	for i := range c.Operations {
		if err := q.operation(&c.Operations[i]); err != nil {
			return nil, coda.Failf(coda.Unsupported, "gate %d of the circuit: %v", i, err)
		}
	}
	if len(c.Measurements) > 0 {
		q.gates = append(q.gates, gate{Name: "barrier", Qubit: everything})
	}
	for _, m := range c.Measurements {
		q.add("read", m)
	}
	return q.gates, nil
}

func (q *sequence) operation(op *coda.Operation) error {
	switch op.Gate {
	case coda.X90:
		q.add("X90", op.Q0)
	case coda.YMinus90:
		q.add("Y-90", op.Q0)
	case coda.RZ, coda.VirtualZ:
		q.z(op.Q0, op.Param)
	case coda.RX:
		q.turn(op.Q0, op.Param, -math.Pi/2, math.Pi/2)
	case coda.RY:
		q.turn(op.Q0, op.Param, 0, 0)
	case coda.ID:
		q.gates = append(q.gates, gate{Name: "delay", Qubit: q.labels(op.Q0), T: new(op.Param * 1e-9)})
	case coda.GateCNOT:
		return q.cnot(op.Q0, op.Q1)
	case coda.GateCZ:
		return q.symmetric("CZ", op, nil)
	case coda.GateISwap:
		return q.symmetric("iSWAP", op, nil)
	case coda.CP:
		return q.symmetric("CPHASE", op, &op.Param)
	default:
		return fmt.Errorf("%v is no gate of this driver", op.Gate)
	}
	return nil
}

func (q *sequence) labels(qubits ...uint16) []string {
	labels := make([]string, len(qubits))
	for i, qubit := range qubits {
		labels[i] = q.set.qubits[qubit]
	}
	return labels
}

func (q *sequence) add(name string, qubits ...uint16) {
	q.gates = append(q.gates, gate{Name: name, Qubit: q.labels(qubits...)})
}

// z turns about z by a change of frame, whose sense differs between labs.
func (q *sequence) z(qubit uint16, angle float64) {
	q.gates = append(q.gates, gate{Name: "virtual_z", Qubit: q.labels(qubit), Phase: new(q.set.zSign * angle)})
}

// turn is Rz(φ) Ry(θ) Rz(λ) of two calibrated pulses, up to a global phase: rx has
// (φ, λ) = (-π/2, π/2), ry (0, 0).
func (q *sequence) turn(qubit uint16, theta, phi, lambda float64) {
	q.z(qubit, lambda-math.Pi)
	q.add("X90", qubit)
	q.z(qubit, math.Pi-theta)
	q.add("X90", qubit)
	q.z(qubit, phi)
}

func (q *sequence) hadamard(qubit uint16) {
	q.z(qubit, math.Pi/2)
	q.add("X90", qubit)
	q.z(qubit, math.Pi/2)
}

// cnot against the calibrated direction is the calibrated one between Hadamard gates
// on both qubits.
func (q *sequence) cnot(control, target uint16) error {
	turned, err := q.set.direction("cnot", control, target)
	if err != nil {
		return err
	}
	if !turned {
		q.add("CNOT", control, target)
		return nil
	}
	q.hadamard(control)
	q.hadamard(target)
	q.add("CNOT", target, control)
	q.hadamard(control)
	q.hadamard(target)
	return nil
}

// symmetric is a gate that has no direction: its qubits stand in the calibrated order.
func (q *sequence) symmetric(name string, op *coda.Operation, phase *float64) error {
	q0, q1 := op.Q0, op.Q1
	turned, err := q.set.direction(op.Gate.String(), q0, q1)
	if err != nil {
		return err
	}
	if turned {
		q0, q1 = q1, q0
	}
	q.gates = append(q.gates, gate{Name: name, Qubit: q.labels(q0, q1), Phase: phase})
	return nil
}

// direction reports whether two qubits are calibrated the other way round only.
func (s *settings) direction(name string, q0, q1 uint16) (turned bool, err error) {
	switch {
	case len(s.couplings) == 0 || s.couplingDirections[[2]uint16{q0, q1}]:
		return false, nil
	case s.couplingDirections[[2]uint16{q1, q0}]:
		return true, nil
	}
	return false, fmt.Errorf("%s on the qubits %d and %d (%s, %s), which are not coupled", name, q0, q1, s.qubits[q0], s.qubits[q1])
}
