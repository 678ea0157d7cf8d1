package abi

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const notFinite = "NaN and Infinity are not JSON: numbers must be finite"

// maxDepth bounds the nesting of values that are ignored or of the wrong type.
const maxDepth = 200

// scanner reads strict JSON (RFC 8259) from front to back. After a syntax error
// it stands at the end of the text, where every loop over members or elements
// ends, so that callers need not look at bad until they are done.
type scanner struct {
	text string
	pos  int
	bad  *Problem // the first syntax error
}

func (s *scanner) fail(at int, rule string) {
	if s.bad == nil {
		got := "the end of the text"
		if at < len(s.text) {
			r, size := utf8.DecodeRuneInString(s.text[at:])
			got = strconv.QuoteRune(r)
			if r == utf8.RuneError && size == 1 {
				got = "byte 0x" + strconv.FormatUint(uint64(s.text[at]), 16)
			}
		}
		s.bad = &Problem{Path: position(s.text, at), Value: got, Rule: rule}
	}
	s.pos = len(s.text)
}

// peek skips white space and returns the byte after it, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) && s.text[s.pos] > ' ' {
		return s.text[s.pos]
	}
	return s.space()
}

// space is peek where white space or the end comes next.
func (s *scanner) space() byte {
	for i := s.pos; i < len(s.text); i++ {
		if c := s.text[i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			s.pos = i
			return c
		}
	}
	s.pos = len(s.text)
	return 0
}

// end expects nothing but white space to follow.
func (s *scanner) end() {
	if s.peek(); s.pos < len(s.text) {
		s.fail(s.pos, "nothing may follow the JSON value")
	}
}

// open passes the bracket if it comes next.
func (s *scanner) open(bracket byte) bool {
	if s.peek() != bracket {
		return false
	}
	s.pos++
	return true
}

// first, after an opening bracket, reports whether an element follows; if not, it
// passes the closing bracket.
func (s *scanner) first(closing byte) bool {
	return !s.open(closing)
}

// next, after an element, passes the comma and reports that another element must
// follow, or passes the closing bracket.
func (s *scanner) next(closing byte) bool {
	c := s.peek()
	if c != ',' && c != closing {
		s.fail(s.pos, "expected ',' or '"+string(closing)+"'")
		return false
	}
	s.pos++
	return c == ','
}

// key reads a member's name and the colon after it. The name may share memory
// with the text.
func (s *scanner) key() string {
	if s.peek() != '"' {
		s.fail(s.pos, `expected a member's name in double quotes`)
		return ""
	}
	k := s.str()
	if s.peek() != ':' {
		s.fail(s.pos, "expected ':' after a member's name")
		return ""
	}
	s.pos++
	return k
}

// str reads the string at pos, which is at its opening quote. The result may
// share memory with the text.
func (s *scanner) str() string {
	t := s.text
	for i := s.pos + 1; i < len(t); i++ {
		c := t[i]
		if c == '"' {
			v := t[s.pos+1 : i]
			s.pos = i + 1
			return v
		}
		if c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
	}
	return s.longStr()
}

// longStr is str for strings with escapes, characters beyond ASCII, or errors.
func (s *scanner) longStr() string {
	var b strings.Builder
	from := s.pos + 1 // what is not yet in b
	for i := from; i < len(s.text); {
		switch c := s.text[i]; {
		case c == '"':
			b.WriteString(s.text[from:i])
			s.pos = i + 1
			return b.String()
		case c == '\\':
			b.WriteString(s.text[from:i])
			r, size := s.escape(i)
			if size == 0 {
				return ""
			}
			b.WriteRune(r)
			i += size
			from = i
		case c < ' ':
			s.fail(i, "a control character in a string must be escaped")
			return ""
		default:
			r, size := utf8.DecodeRuneInString(s.text[i:])
			if r == utf8.RuneError && size == 1 {
				s.fail(i, "a string must be valid UTF-8")
				return ""
			}
			i += size
		}
	}
	s.fail(len(s.text), "a string is not closed")
	return ""
}

// escape decodes the escape sequence at i and returns its length in bytes, 0
// after an error.
func (s *scanner) escape(i int) (rune, int) {
	if i+1 == len(s.text) {
		s.fail(i+1, "a string is not closed")
		return 0, 0
	}
	const plain, means = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if k := strings.IndexByte(plain, s.text[i+1]); k >= 0 {
		return rune(means[k]), 2
	}
	r, ok := s.hex(i)
	if !ok {
		s.fail(i, `an escape must be one of \" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits`)
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, _ := s.hex(i + 6)
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		s.fail(i, "a surrogate escape must be one of a pair")
		return 0, 0
	}
	return r, 12
}

// hex decodes \uXXXX at i.
func (s *scanner) hex(i int) (rune, bool) {
	if i+6 > len(s.text) || s.text[i:i+2] != `\u` {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s.text[i+2 : i+6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// skip passes any value, checking its syntax, and returns its text.
func (s *scanner) skip() string {
	s.peek()
	start := s.pos
	s.value(0)
	return s.text[start:s.pos]
}

func (s *scanner) value(depth int) {
	c := s.peek()
	if depth == maxDepth && (c == '{' || c == '[') {
		s.fail(s.pos, "values must not nest deeper than "+strconv.Itoa(maxDepth)+" levels")
		return
	}
	switch {
	case c == '{':
		s.pos++
		for more := s.first('}'); more; more = s.next('}') {
			s.key()
			s.value(depth + 1)
		}
	case c == '[':
		s.pos++
		for more := s.first(']'); more; more = s.next(']') {
			s.value(depth + 1)
		}
	case c == '"':
		s.str()
	case c == '-' || isDigit(c):
		s.number()
	default:
		s.literal()
	}
}

func (s *scanner) literal() {
	rest := s.text[s.pos:]
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(rest, word) {
			s.pos += len(word)
			return
		}
	}
	if strings.HasPrefix(rest, "NaN") || strings.HasPrefix(rest, "Infinity") {
		s.fail(s.pos, notFinite)
		return
	}
	s.fail(s.pos, "expected a JSON value")
}

func isDigit(c byte) bool { return c-'0' <= 9 }
