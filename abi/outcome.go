package abi

// Bitstring writes an outcome's bits as the wire does: one character per
// measurement, the first measurement leftmost. Without measurements it is empty.
func Bitstring(bits uint64, measurements int) string {
	return string(appendBits(make([]byte, 0, measurements), bits, measurements))
}

func appendBits(dst []byte, bits uint64, measurements int) []byte {
	for i := range measurements {
		dst = append(dst, '0'+byte(bits>>i&1))
	}
	return dst
}

// Counts returns the outcomes as the wire has them: how often each bitstring was
// seen. See Bitstring.
func (e *Execution) Counts(measurements int) map[string]uint64 {
	// All keys are cut from one string.
	all := make([]byte, 0, measurements*len(e.Outcomes))
	for _, o := range e.Outcomes {
		all = appendBits(all, o.Bits, measurements)
	}
	keys := string(all)
	counts := make(map[string]uint64, len(e.Outcomes))
	for i, o := range e.Outcomes {
		counts[keys[i*measurements:(i+1)*measurements]] += o.Count
	}
	return counts
}
