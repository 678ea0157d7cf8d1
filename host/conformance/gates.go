package conformance

import (
	"context"

	"github.com/conductorquantum/coda/abi"
)

// sense is a circuit whose outcome is certain, and would be another one were the
// gate's sense, its phase or the order of its qubits the other way round.
type sense struct{ gates, bits string }

// senses are those of each gate. Rotations about x turn z to -y, about y turn z to
// x, about z turn x to y. Beside the gate itself stand rx, ry and rz alone, so that
// one gate that is wrong fails one check.
var senses = map[abi.Gate][]sense{
	abi.RX:       {{"rx a pi", "1"}, {"rx a pi/2; rz a pi/2; ry a pi/2", "1"}},
	abi.RY:       {{"ry a -pi", "1"}, {"ry a pi/2; rz a pi/2; rx a -pi/2", "1"}},
	abi.RZ:       {{"rz a pi", "0"}, {"ry a pi/2; rz a pi; ry a pi/2", "0"}, {"rx a -pi/2; rz a pi/2; ry a -pi/2", "1"}},
	abi.ID:       {{"rx a pi/2; id a 100; rx a pi/2", "1"}, {"ry a pi/2; id a 100; ry a pi/2", "1"}},
	abi.X90:      {{"x90 a; x90 a", "1"}, {"x90 a; rx a -pi/2", "0"}},
	abi.YMinus90: {{"y_minus_90 a; ry a -pi/2", "1"}, {"ry a pi/2; y_minus_90 a", "0"}},
	abi.VirtualZ: {
		{"rx a pi/2; virtual_z a -pi/2; ry a -pi/2", "1"}, {"rx a pi/2; virtual_z a 0.7; rz a -0.7; rx a pi/2", "1"},
	},
	abi.GateCZ: {{"rx a pi; ry b pi/2; cz a b; ry b -pi/2", "11"}, {"ry b pi/2; cz a b; ry b -pi/2", "00"}},
	abi.GateISwap: {
		{"rx a pi; iswap a b", "01"}, {"ry a pi/2; iswap a b; rx b -pi/2", "01"}, {"rx a pi; rx b pi; iswap a b", "11"},
	},
	abi.CP: {
		{"rx a pi; ry b pi/2; cp a b pi; ry b -pi/2", "11"}, {"rx a pi; ry b pi/2; cp a b pi/2; rx b -pi/2", "11"},
		{"ry b pi/2; cp a b pi; ry b -pi/2", "00"},
	},
	abi.GateCNOT: {{"rx a pi; cnot a b", "11"}, {"rx b pi; cnot a b", "01"}},
}

// gateShots is enough for an outcome that is certain.
const gateShots = 1000

// gateChecks try every gate of the device's target on each of its qubits, or on
// each pair that couples.
func gateChecks(s *suite) []check {
	var checks []check
	for _, gate := range legal(s.device.Target) {
		checks = append(checks, check{"gates", gate.String(), func(ctx context.Context, s *suite) error {
			return s.everywhere(ctx, s.device.Target, gate)
		}})
	}
	return checks
}

func (s *suite) everywhere(ctx context.Context, target abi.Target, gate abi.Gate) error {
	if left := int(s.device.NumQubits) - int(s.width()); left > 0 {
		s.remark("the last %d qubits left out: a circuit has at most %d", left, abi.MaxQubits)
	}
	if gate.Qubits() == 1 {
		return each(s, "qubits", s.qubits(), func(q uint16) error {
			return s.tryGate(ctx, target, gate, q)
		})
	}
	pairs := s.pairs()
	if len(pairs) == 0 {
		return skipped("the device couples no qubits")
	}
	if left := s.allPairs() - len(pairs); left > 0 {
		s.remark("%d of %d pairs left out; --thorough tries all", left, s.allPairs())
	}
	return each(s, "pairs", pairs, func(pair [2]uint16) error {
		return s.tryGate(ctx, target, gate, pair[:]...)
	})
}

func (s *suite) tryGate(ctx context.Context, target abi.Target, gate abi.Gate, on ...uint16) error {
	for _, sense := range senses[gate] {
		if err := s.measure(ctx, at(target, sense.gates, on, 0), gateShots, certain(sense.bits)); err != nil {
			return err
		}
	}
	return nil
}
