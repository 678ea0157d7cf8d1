package profile

import "strings"

// words cuts a line into words as OpenVPN does, as far as a line is one that both
// can only read in one way. The reason is why it is not.
func words(line string) (list []string, reason string) {
	rest := strings.TrimLeft(line, blanks)
	for rest != "" && rest[0] != '#' && rest[0] != ';' {
		var word string
		switch quote := rest[0]; quote {
		case '"', '\'':
			end := strings.IndexByte(rest[1:], quote)
			if end < 0 {
				return nil, "a quote is not closed"
			}
			word, rest = rest[1:1+end], rest[1+end+1:]
			if rest != "" && !strings.ContainsRune(blanks, rune(rest[0])) {
				return nil, "after a closing quote there must be a blank"
			}
		default:
			end := strings.IndexAny(rest, blanks)
			if end < 0 {
				end = len(rest)
			}
			word, rest = rest[:end], rest[end:]
			if strings.ContainsAny(word, `"'`) {
				return nil, "a quote may stand only around a whole word"
			}
		}
		switch {
		case !ascii(word):
			return nil, "outside of comments there may be ASCII only"
		case strings.Contains(word, `\`):
			return nil, "a backslash, which is allowed in comments only"
		}
		list = append(list, word)
		rest = strings.TrimLeft(rest, blanks)
	}
	return list, ""
}

// appendWord writes a word so that words reads it back: bare if it can be. A word has
// no backslash and at most one of the two quotes.
func appendWord(b []byte, word string) []byte {
	quote := ""
	switch {
	case strings.Contains(word, `"`):
		quote = "'"
	case word == "", strings.ContainsAny(word, " \t'"), word[0] == '#', word[0] == ';':
		quote = `"`
	}
	return append(b, quote+word+quote...)
}
