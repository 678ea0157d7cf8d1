package abi

// The names on the wire. The WIT writes y_minus_90 and virtual_z with dashes;
// otherwise they agree.
var (
	targetNames  = [...]string{"cz", "iswap", "pcz", "cnot"}
	failureNames = [...]string{"unsupported", "unavailable", "cancelled", "internal"}
)

func (t Target) String() string      { return name(targetNames[:], int(t)) }
func (k FailureKind) String() string { return name(failureNames[:], int(k)) }

func (g Gate) String() string {
	if !g.known() {
		return "unknown"
	}
	return facts[g].name
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}
