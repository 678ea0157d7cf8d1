package qasm

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// line is a line of a program, read from left to right.
type line struct {
	text   string // without the line's end
	number int    // from 1
	pos    int    // bytes read
}

// fail is an error about text, which begins at byte pos.
func (l *line) fail(pos int, text, rule string) *Error {
	return &Error{
		Line:   l.number,
		Column: utf8.RuneCountInString(l.text[:pos]) + 1,
		Text:   excerpt(text),
		Rule:   rule,
	}
}

// want is an error about what comes next.
func (l *line) want(rule string) *Error {
	return l.fail(l.pos, strings.TrimRight(l.text[l.pos:], blank), rule)
}

// at reports whether s comes next.
func (l *line) at(s string) bool { return strings.HasPrefix(l.text[l.pos:], s) }

// skip reads s if it comes next.
func (l *line) skip(s string) bool {
	if !l.at(s) {
		return false
	}
	l.pos += len(s)
	return true
}

// blank is what separates words. The carriage return is for lines that end as on
// Windows.
const blank = " \t\r"

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// blanks reads blanks and reports whether there was one.
func (l *line) blanks() bool { return l.span(isBlank) != "" }

// over reports whether nothing but a comment is left.
func (l *line) over() bool { return l.pos == len(l.text) || l.at("//") }

// word reads a name: ASCII letters, digits and _, no digit first. It is empty
// where there is none.
func (l *line) word() string {
	start := l.pos
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		if !letter && (l.pos == start || !isDigit(c)) {
			break
		}
		l.pos++
	}
	return l.text[start:l.pos]
}

// span reads all bytes that is takes.
func (l *line) span(is func(byte) bool) string {
	start := l.pos
	for l.pos < len(l.text) && is(l.text[l.pos]) {
		l.pos++
	}
	return l.text[start:l.pos]
}

// index is a number in brackets.
type index struct {
	value int    // saturates
	text  string // its digits
	pos   int    // where they begin
}

// bracketed reads [N], N being decimal digits; leading zeros are fine.
func (l *line) bracketed(rule string) (index, *Error) {
	if !l.skip("[") {
		return index{}, l.want(rule)
	}
	n := index{pos: l.pos}
	n.text = l.span(isDigit)
	if n.text == "" {
		return index{}, l.want("must be decimal digits, with no sign or blank")
	}
	if !l.skip("]") {
		return index{}, l.want("must be ]")
	}
	n.value, _ = strconv.Atoi(n.text)
	return n, nil
}

// refuse is an error about an index that was read.
func (l *line) refuse(n index, rule string) *Error { return l.fail(n.pos, n.text, rule) }
