package abi

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// AppendIR appends the circuit in IR 1.0, compact and with every default written
// out, and returns the longer slice. Numbers that are not integers keep a fraction
// or an exponent, and as many digits as it takes to read the same value again.
// ParseCircuit undoes it for a circuit that Validate accepts; for another the text
// may be no IR, or no JSON.
func (c *Circuit) AppendIR(dst []byte) []byte {
	dst = append(dst, `{"version":"`+IRVersion+`","target":"`...)
	dst = append(dst, c.Target.String()...)
	dst = append(dst, `","num_qubits":`...)
	dst = appendUint(dst, c.NumQubits)
	dst = append(dst, `,"gates":[`...)
	for i := range c.Operations {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.Operations[i].appendIR(dst)
	}
	dst = append(dst, `],"measurements":[`...)
	for i, q := range c.Measurements {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendUint(dst, q)
	}
	dst = append(dst, `],"metadata":{"source_hash":`...)
	dst = appendString(dst, c.Metadata.SourceHash)
	dst = append(dst, `,"compiled_at":`...)
	dst = appendString(dst, c.Metadata.CompiledAt)
	dst = append(dst, `,"compiler_version":`...)
	dst = appendString(dst, c.Metadata.CompilerVersion)
	dst = append(dst, `,"optimization_level":`...)
	dst = strconv.AppendInt(dst, int64(c.Metadata.OptimizationLevel), 10)
	return append(dst, `}}`...)
}

// MarshalJSON validates the circuit and writes it as AppendIR does.
func (c Circuit) MarshalJSON() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	const perGate = 64
	return c.AppendIR(make([]byte, 0, 512+perGate*len(c.Operations))), nil
}

// UnmarshalJSON reads a circuit as ParseCircuit does; null is an error.
func (c *Circuit) UnmarshalJSON(ir []byte) error {
	v, err := ParseCircuit(string(ir))
	if err != nil {
		return err
	}
	*c = *v
	return nil
}

func (op *Operation) appendIR(dst []byte) []byte {
	dst = append(dst, `{"gate":"`...)
	dst = append(dst, op.Gate.String()...)
	dst = append(dst, `","qubits":[`...)
	dst = appendUint(dst, op.Q0)
	if op.Gate.Qubits() == 2 {
		dst = append(dst, ',')
		dst = appendUint(dst, op.Q1)
	}
	dst = append(dst, `],"params":[`...)
	if op.Gate.HasParam() {
		dst = appendFloat(dst, op.Param)
	}
	return append(dst, `]}`...)
}

func appendUint(dst []byte, v uint16) []byte {
	return strconv.AppendUint(dst, uint64(v), 10)
}

// appendFloat writes v as most writers of the IR do: plainly where that is short,
// with an exponent below 1e-4 and from 1e16 on.
func appendFloat(dst []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// appendString writes s as JSON, escaping no more than JSON asks for.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[r>>4], hex[r&0xf])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
