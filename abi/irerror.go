package abi

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// IRError says why a text, or a Circuit made in Go, is no valid circuit.
//
// A syntax error stands alone. Else every member that is missing, of the wrong
// type or out of range is listed, in the order of the members' definition, not of
// the text. Only where there is none of these is a rule that spans members (a gate
// that is illegal for the target, a qubit out of range) reported, the first one.
type IRError struct {
	Problems []Problem // at least one, at most maxProblems
	More     int       // problems found beyond those kept
}

// Problem is one broken rule.
type Problem struct {
	Path  string // "gates[17].qubits[1]", "line 1, column 8 (offset 7)"; empty: the whole text
	Value string // the offending text, cut to a sane length; empty where it is missing
	Rule  string // what is asked for
}

const (
	maxProblems = 20
	maxExcerpt  = 40 // code points
)

func (e *IRError) Error() string {
	var b strings.Builder
	b.WriteString("invalid circuit: ")
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(p.String())
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "; and %d more", e.More)
	}
	return b.String()
}

func (p Problem) String() string {
	s := p.Rule
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if p.Value != "" {
		s += " (got " + p.Value + ")"
	}
	return s
}

// faults collects the problems of one member. A member that occurs again replaces
// its faults along with its value.
type faults struct {
	kept []Problem
	more int
}

func (f *faults) add(at place, raw, rule string) {
	if len(f.kept) == maxProblems {
		f.more++
		return
	}
	f.kept = append(f.kept, Problem{Path: at.String(), Value: excerpt(raw), Rule: rule})
}

func (f *faults) merge(g *faults) {
	n := min(len(g.kept), maxProblems-len(f.kept))
	f.kept = append(f.kept, g.kept[:n]...)
	f.more += len(g.kept) - n + g.more
}

func (f *faults) none() bool { return len(f.kept) == 0 }

// place is where a value stands: member[i].field[j], each part optional. It
// becomes text only when something is wrong there.
type place struct {
	member string
	i      int // -1: none
	field  string
	j      int // -1: none
}

// the returns the place of a whole member.
func the(member string) place { return place{member, -1, "", -1} }

func (p place) String() string {
	s := p.member
	if p.i >= 0 {
		s += "[" + strconv.Itoa(p.i) + "]"
	}
	if p.field != "" {
		s += "." + p.field
	}
	if p.j >= 0 {
		s += "[" + strconv.Itoa(p.j) + "]"
	}
	return s
}

// excerpt makes raw fit for a message of one line.
func excerpt(raw string) string {
	var b strings.Builder
	n := 0
	for _, r := range raw {
		if n == maxExcerpt {
			b.WriteString("…")
			break
		}
		n++
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// position says where in text a byte stands, for people and for programs.
func position(text string, offset int) string {
	before := text[:offset]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d (offset %d)", line, column, offset)
}
