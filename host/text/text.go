// Package text makes what strangers wrote fit to be shown.
package text

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printable is text from a file, a guest or a cloud as a terminal may get it: what
// is not to be seen (escape sequences, line ends, marks that turn the direction of
// writing, bytes that are no UTF-8) is spelt as in a Go string. Otherwise a file's
// name, say, could move the cursor and write over what stands above.
func Printable(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case strconv.IsPrint(r):
			b.WriteString(text[:n])
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		text = text[n:]
	}
	return b.String()
}
