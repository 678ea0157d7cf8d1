// Package qasm reads and writes circuits as OpenQASM 3: the small part of it that
// says exactly what IR 1.0 says, one statement a line.
//
//	OPENQASM 3.0;
//	include "stdgates.inc";
//	qubit[2] q;
//	bit[2] c;
//	ry(-1.5707963267948966) q[0];
//	cz q[0], q[1];
//	c[0] = measure q[0];
//	c[1] = measure q[1];
//
// Only the targets cz and cnot have a spelling of their gates. Whatever the subset
// does not say is an error; nothing of a program is ever skipped.
package qasm

import (
	"fmt"
	"strconv"
)

// MaxText is how many bytes a program may have: a million gates, roughly.
const MaxText = 16 << 20

// SourceHash is the source hash of every circuit that Parse returns.
const SourceHash = "sha256:from-qasm"

// Error says why a text is no program of the subset, or why a circuit cannot be
// written as one.
type Error struct {
	Line   int    // from 1; 0: of no line, as for every error of Format
	Column int    // from 1, in code points
	Text   string // the offending text, cut to a sane length; empty where it is missing
	Rule   string // what is asked for
}

func (e *Error) Error() string {
	s := "invalid OpenQASM: "
	if e.Line == 0 {
		s = "OpenQASM: "
	} else {
		s += fmt.Sprintf("line %d, column %d: ", e.Line, e.Column)
	}
	s += e.Rule
	if e.Text != "" {
		s += " (got " + strconv.Quote(e.Text) + ")"
	}
	return s
}

const maxExcerpt = 40 // code points

// excerpt cuts text for an Error.
func excerpt(text string) string {
	n := 0
	for i := range text {
		if n == maxExcerpt {
			return text[:i] + "…"
		}
		n++
	}
	return text
}
