package module

import (
	"encoding/binary"
	"slices"
)

// Clamp returns a module that Parse takes with the maximum of each table that it
// defines lowered to most elements, so that table.grow fails beyond it as the
// specification allows: no engine bounds tables as it bounds memories. Only the
// table section is written anew, and b is returned where nothing changes.
//
// A table that starts with more than most is the caller's to refuse; it keeps its
// size here and does not grow.
func Clamp(b []byte, most uint32) []byte {
	file := &reader{file: b, at: 8, end: len(b), in: "file"}
	for file.more() {
		start := file.at
		id := file.byte()
		size := file.u32()
		body := file.at
		file.bytes(size)
		if id != secTable || file.err != nil {
			continue
		}
		r := &reader{file: b, at: body, end: file.at, in: "table section"}
		n := r.count("tables")
		section := binary.AppendUvarint(nil, uint64(n))
		lowered := false
		for range n {
			element, l := r.refType(), r.limits("table")
			if r.err != nil {
				return b
			}
			if limit := max(l.Min, most); !l.HasMax || l.Max > limit {
				l.Max, lowered = limit, true
			}
			section = append(section, byte(element), 1)
			section = binary.AppendUvarint(section, uint64(l.Min))
			section = binary.AppendUvarint(section, uint64(l.Max))
		}
		if !lowered {
			return b
		}
		header := binary.AppendUvarint([]byte{secTable}, uint64(len(section)))
		return slices.Concat(b[:start], header, section, b[file.at:])
	}
	return b
}
