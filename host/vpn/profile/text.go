package profile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxLine is the most bytes of a line with its CR. OpenVPN reads outside of blocks
	// at most 255 with the line end, and inside of them longer lines in pieces.
	maxLine = 254

	blanks = " \t"
)

var byteOrderMark = []byte("\uFEFF")

// split cuts the text into lines without their ends. OpenVPN skips one byte order
// mark at the very start, and so do we; to it the mark is a part of the line.
func split(text []byte) ([]string, *Refusal) {
	if len(text) > MaxSize {
		return nil, &Refusal{Reason: fmt.Sprintf("the profile has %d bytes, and at most %d are allowed", len(text), MaxSize)}
	}
	text, marked := bytes.CutPrefix(text, byteOrderMark)
	lines := strings.Split(string(text), "\n")
	last := len(lines) - 1
	if lines[last] == "" {
		lines = lines[:last]
	}
	for i, line := range lines {
		size := len(line)
		if marked && i == 0 {
			size += len(byteOrderMark)
		}
		if size > maxLine {
			return nil, &Refusal{i + 1, fmt.Sprintf("the line has %d bytes, and OpenVPN reads at most %d as one", size, maxLine)}
		}
		if i < last { // the line has an end
			line = strings.TrimSuffix(line, "\r")
		}
		if reason := unfit(line); reason != "" {
			return nil, &Refusal{i + 1, reason}
		}
		lines[i] = line
	}
	return lines, nil
}

// unfit says why a line is no text of a profile, or nothing.
func unfit(line string) string {
	for i, r := range line {
		switch {
		case r == '\t':
		case unicode.IsControl(r):
			return fmt.Sprintf("control character U+%04X in column %d", r, utf8.RuneCountInString(line[:i])+1)
		case r == '\uFEFF':
			return "a byte order mark, which may stand only once and at the very start"
		case r == utf8.RuneError && !utf8.ValidString(line):
			return "it is no UTF-8"
		}
	}
	return ""
}

// ascii says whether a line has nothing else.
func ascii(line string) bool {
	for i := range len(line) {
		if line[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
