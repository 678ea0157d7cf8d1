package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// TestHelpIsNarrow: the texts are shown as they are written, and most terminals are
// no wider.
func TestHelpIsNarrow(t *testing.T) {
	t.Parallel()
	const columns = 90
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Long) {
			if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > columns {
				t.Errorf("%s: %d columns in %q", cmd.CommandPath(), n, line)
			}
		}
		for _, c := range cmd.Commands() {
			look(c)
		}
	}
	look((&cli{name: "coda"}).rootCommand())
}
