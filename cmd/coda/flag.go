package main

import (
	"errors"
	"net"
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

// address is a flag's value: a host and a port.
type address struct{ value string }

func (a *address) Set(s string) error { a.value = s; return checkAddress(s) }
func (a *address) String() string     { return a.value }
func (*address) Type() string         { return "ADDRESS" }

func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("want host:port, such as 127.0.0.1:8700")
	}
	return nil
}

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

// meant is the end of a message about a flag that is not there: those with a name
// near it.
func meant(flags *pflag.FlagSet, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return ""
	}
	// Cobra knows which names are near each other, of commands.
	var names cobra.Command
	flags.VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: "--" + f.Name, Run: func(*cobra.Command, []string) {}})
	})
	return suggestion(&names, "--"+unknown.GetSpecifiedName())
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
