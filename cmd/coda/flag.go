package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// number is a flag's value: a whole number from least to most.
type number struct {
	value       uint64
	least, most uint64
	set         bool
}

var _ pflag.Value = (*number)(nil)

func (n *number) Set(text string) error {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v < n.least || v > n.most {
		return errors.New("want a whole number from " + strconv.FormatUint(n.least, 10) +
			" to " + strconv.FormatUint(n.most, 10))
	}
	n.value, n.set = v, true
	return nil
}

func (n *number) String() string {
	if !n.set && n.value == 0 {
		return "" // the help then shows no default
	}
	return strconv.FormatUint(n.value, 10)
}

func (*number) Type() string { return "N" }

// text is a flag's value that the help calls by its own word.
type text struct {
	value string
	word  string
}

func (t *text) Set(s string) error { t.value = s; return nil }
func (t *text) String() string     { return t.value }
func (t *text) Type() string       { return t.word }

// choice is a flag's value: one of some words, none at first.
type choice struct {
	value string
	of    []string
	word  string // what the help calls it
}

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		last := len(c.of) - 1
		return errors.New("want " + strings.Join(c.of[:last], ", ") + " or " + c.of[last])
	}
	c.value = s
	return nil
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return c.word }

func (c *choice) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return c.of, cobra.ShellCompDirectiveNoFileComp
}

// abbreviated lets long flags be given by as much of their names as tells them
// apart, as older nodes did.
func abbreviated(flags *pflag.FlagSet) {
	flags.SetNormalizeFunc(func(flags *pflag.FlagSet, name string) pflag.NormalizedName {
		var meant []string
		flags.VisitAll(func(f *pflag.Flag) {
			if strings.HasPrefix(f.Name, name) {
				meant = append(meant, f.Name)
			}
		})
		if len(meant) == 1 && !slices.Contains(meant, name) {
			name = meant[0]
		}
		return pflag.NormalizedName(name)
	})
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misused(cmd, "%s takes no argument, such as %q", cmd.Name(), args[0])
	}
	return nil
}

// oneArgument asks for exactly one, which the usage calls word.
func oneArgument(word string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return misused(cmd, "%s needs a %s", cmd.Name(), word)
		case 1:
			return nil
		default:
			return misused(cmd, "%s takes one %s, and %q is a second one", cmd.Name(), word, args[1])
		}
	}
}
