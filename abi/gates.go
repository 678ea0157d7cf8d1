package abi

import "fmt"

// fact is what the IR says of one gate.
type fact struct {
	name    string
	qubits  uint8   // 1 or 2
	param   bool    // takes exactly one parameter, else none
	targets targets // the targets that it is legal for
}

// targets is a set: bit t stands for Target t.
type targets uint8

const every = targets(1<<CZ | 1<<ISwap | 1<<PCZ | 1<<CNOT)

// facts lists the native gates by Gate.
var facts = [...]fact{
	RX:        {"rx", 1, true, every},
	RY:        {"ry", 1, true, every},
	RZ:        {"rz", 1, true, every},
	GateCZ:    {"cz", 2, false, 1 << CZ},
	GateISwap: {"iswap", 2, false, 1 << ISwap},
	CP:        {"cp", 2, true, 1 << PCZ},
	ID:        {"id", 1, true, every},
	X90:       {"x90", 1, false, 1 << CNOT},
	YMinus90:  {"y_minus_90", 1, false, 1 << CNOT},
	VirtualZ:  {"virtual_z", 1, true, 1 << CNOT},
	GateCNOT:  {"cnot", 2, false, 1 << CNOT},
}

// ParseGate returns the gate of that name, as the IR spells it.
func ParseGate(name string) (Gate, bool) {
	// A switch, because the decoder asks once per gate of a circuit; a test holds
	// it to the table.
	switch name {
	case "rx":
		return RX, true
	case "ry":
		return RY, true
	case "rz":
		return RZ, true
	case "cz":
		return GateCZ, true
	case "iswap":
		return GateISwap, true
	case "cp":
		return CP, true
	case "id":
		return ID, true
	case "x90":
		return X90, true
	case "y_minus_90":
		return YMinus90, true
	case "virtual_z":
		return VirtualZ, true
	case "cnot":
		return GateCNOT, true
	}
	return 0, false
}

func (g Gate) known() bool { return int(g) < len(facts) }

// Qubits is how many operands the gate takes: 1 or 2, and 0 for an unknown gate.
func (g Gate) Qubits() int {
	if !g.known() {
		return 0
	}
	return int(facts[g].qubits)
}

// HasParam reports whether the gate takes a parameter; none takes two.
func (g Gate) HasParam() bool { return g.known() && facts[g].param }

// LegalFor reports whether circuits compiled for t may use the gate.
func (g Gate) LegalFor(t Target) bool {
	return g.known() && t.known() && facts[g].targets&(1<<t) != 0
}

// ParseTarget returns the target of that name.
func ParseTarget(name string) (Target, bool) {
	for t, n := range targetNames {
		if n == name {
			return Target(t), true
		}
	}
	return 0, false
}

func (t Target) known() bool { return int(t) < len(targetNames) }

// MarshalText writes the target's name; an unknown target is an error.
func (t Target) MarshalText() ([]byte, error) {
	if !t.known() {
		return nil, fmt.Errorf("abi: no target has the number %d", uint8(t))
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads a target's name.
func (t *Target) UnmarshalText(name []byte) error {
	v, ok := ParseTarget(string(name))
	if !ok {
		return fmt.Errorf("abi: unknown target %q: want cz, iswap, pcz or cnot", name)
	}
	*t = v
	return nil
}
