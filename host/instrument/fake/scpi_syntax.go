package fake

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// scpiError is an entry of the error queue: a number of SCPI-99, volume 2, chapter
// 21.8, its text, and what it was about.
type scpiError struct {
	code   int
	detail string
}

var scpiTexts = map[int]string{
	0: "No error",

	-101: "Invalid character",
	-102: "Syntax error",
	-104: "Data type error",
	-108: "Parameter not allowed",
	-109: "Missing parameter",
	-112: "Program mnemonic too long",
	-113: "Undefined header",
	-121: "Invalid character in number",
	-141: "Invalid character data",
	-151: "Invalid string data",

	-213: "Init ignored",
	-221: "Settings conflict",
	-222: "Data out of range",
	-223: "Too much data",
	-224: "Illegal parameter value",
	-230: "Data corrupt or stale",

	-350: "Queue overflow",
	-363: "Input buffer overrun",
}

// Error is the entry as SYST:ERR? answers. A detail follows the text after a
// semicolon, as SCPI-99 allows; 255 characters are the most.
func (e *scpiError) Error() string {
	text := scpiTexts[e.code]
	if e.detail != "" {
		text += ";" + e.detail
	}
	return fmt.Sprintf(`%d,"%s"`, e.code, strings.ReplaceAll(text[:min(len(text), 255)], `"`, `""`))
}

func scpiErrorf(code int, format string, args ...any) *scpiError {
	return &scpiError{code, fmt.Sprintf(format, args...)}
}

// unit is a command or a query of a message.
type unit struct {
	header string // in capitals, from the root, without the question mark
	query  bool
	params []string
}

const maxMnemonic = 12

// parseMessage splits a line into its units. Those before the one in error are
// returned with it. A header that follows a semicolon continues at the node where
// the one before it ended, unless it begins with a colon or an asterisk.
func parseMessage(line string) ([]unit, *scpiError) {
	for i := range len(line) {
		if c := line[i]; c >= 0x7f || c < ' ' && c != '\t' {
			return nil, scpiErrorf(-101, "byte %#x", c)
		}
	}
	var units []unit
	path := ""
	parts, err := splitOutsideQuotes(line, ';')
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue
		}
		header, rest, spaced := part, "", false
		if i := strings.IndexAny(part, " \t"); i >= 0 {
			header, rest, spaced = part[:i], strings.Trim(part[i:], " \t"), true
		}
		u := unit{}
		header, u.query = strings.CutSuffix(strings.ToUpper(header), "?")
		if err := checkHeader(header); err != nil {
			return units, err
		}
		switch {
		case header[0] == '*':
			u.header = header
		case header[0] == ':':
			u.header = header[1:]
		default:
			u.header = path + header
		}
		if header[0] != '*' {
			path = u.header[:strings.LastIndexByte(u.header, ':')+1]
		}
		if spaced && rest != "" {
			if u.params, err = splitOutsideQuotes(rest, ','); err != nil {
				return units, err
			}
			for i, p := range u.params {
				if u.params[i] = strings.Trim(p, " \t"); u.params[i] == "" {
					return units, scpiErrorf(-102, "an empty parameter of %s", header)
				}
			}
		}
		units = append(units, u)
	}
	return units, nil
}

func checkHeader(header string) *scpiError {
	rest := header
	if header != "" && (header[0] == '*' || header[0] == ':') {
		rest = header[1:]
	}
	for mnemonic := range strings.SplitSeq(rest, ":") {
		if mnemonic == "" || mnemonic[0] < 'A' || mnemonic[0] > 'Z' {
			return scpiErrorf(-102, "header %s", header)
		}
		for _, c := range mnemonic {
			if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
				return scpiErrorf(-102, "header %s", header)
			}
		}
		if len(mnemonic) > maxMnemonic {
			return scpiErrorf(-112, "%s", mnemonic)
		}
	}
	return nil
}

func splitOutsideQuotes(text string, at byte) ([]string, *scpiError) {
	var parts []string
	start, quote := 0, byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == at:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	if quote != 0 {
		return nil, scpiErrorf(-151, "a string does not end")
	}
	return append(parts, text[start:]), nil
}

// matches reports whether a header is the one of a pattern such as
// SYSTem:ERRor[:NEXT]: each mnemonic in its long form or its short one, the
// capitals, and those in brackets may be missing.
func matches(pattern, header string) bool {
	if pattern == "" {
		return header == ""
	}
	optional := pattern[0] == '['
	node, rest := pattern, ""
	if optional {
		node, rest, _ = strings.Cut(pattern[1:], "]")
	} else if i := strings.IndexAny(pattern[1:], ":["); i >= 0 {
		node, rest = pattern[:i+1], pattern[i+1:]
	}
	node = strings.TrimPrefix(node, ":")
	word, after, more := strings.Cut(header, ":")
	if more && after == "" {
		return false
	}
	if header != "" && (word == strings.ToUpper(node) || word == short(node)) && matches(rest, after) {
		return true
	}
	return optional && matches(rest, header)
}

func short(node string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return -1
		}
		return r
	}, node)
}

// number reads a decimal number: NR1, NR2 or NR3 of IEEE 488.2.
func number(text string) (float64, *scpiError) {
	if c := text[0]; c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '"' || c == '\'' || c == '#' {
		return 0, scpiErrorf(-104, "%s is no number", text)
	}
	for _, c := range text {
		if !strings.ContainsRune("+-.0123456789eE", c) {
			return 0, scpiErrorf(-121, "%s", text)
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && math.IsInf(v, 0):
		return 0, scpiErrorf(-222, "%s", text)
	case err != nil:
		return 0, scpiErrorf(-121, "%s", text)
	}
	return v, nil
}

// whole reads a whole number from least to most.
func whole(text string, least, most int) (int, *scpiError) {
	v, err := number(text)
	switch {
	case err != nil:
		return 0, err
	case v != math.Trunc(v), v < float64(least), v > float64(most):
		return 0, scpiErrorf(-222, "%s is not from %d to %d", text, least, most)
	}
	return int(v), nil
}

func boolean(text string) (bool, *scpiError) {
	switch strings.ToUpper(text) {
	case "ON", "1":
		return true, nil
	case "OFF", "0":
		return false, nil
	}
	return false, scpiErrorf(-224, "%s is neither ON nor OFF", text)
}

// block is an arbitrary block of definite length, IEEE 488.2, 8.7.9.
func block(data []byte) []byte {
	length := strconv.Itoa(len(data))
	return append([]byte("#"+strconv.Itoa(len(length))+length), data...)
}
