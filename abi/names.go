package abi

// The names on the wire (protocol: IR 1.0). The WIT writes y_minus_90 and
// virtual_z with dashes; otherwise they agree.
var (
	targetNames  = [...]string{"cz", "iswap", "pcz", "cnot"}
	gateNames    = [...]string{"rx", "ry", "rz", "cz", "iswap", "cp", "id", "x90", "y_minus_90", "virtual_z", "cnot"}
	failureNames = [...]string{"unsupported", "unavailable", "cancelled", "internal"}
)

func (t Target) String() string      { return name(targetNames[:], int(t)) }
func (g Gate) String() string        { return name(gateNames[:], int(g)) }
func (k FailureKind) String() string { return name(failureNames[:], int(k)) }

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}
