package main

import (
	"strings"

	clean "github.com/conductorquantum/coda/host/text"
)

func printable(s string) string { return clean.Printable(s) }

// printableLines keeps the line ends and indents the lines that follow the first
// one, so that none of them can pass for a message of ours.
func printableLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = printable(strings.TrimRight(line, "\r"))
		if i > 0 {
			lines[i] = indent + strings.TrimPrefix(lines[i], indent)
		}
	}
	return strings.Join(lines, "\n")
}
