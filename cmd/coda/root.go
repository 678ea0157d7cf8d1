package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The groups in which the help lists the commands.
const (
	forOperators = "operator"
	forAuthors   = "author"
	ofVPN        = "vpn" // those of the command vpn
	ofOutbox     = "outbox"
	ofNew        = "new"
)

func (c *cli) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   c.name + " COMMAND",
		Short: "Run quantum circuits on executors, which are WebAssembly files",
		Long: `Run quantum circuits on executors, which are WebAssembly files: as a node of
the Coda cloud, in a cloud of its own, or here and now.

An executor (REF) is a .wasm file or the name of a built-in one. A circuit
(CIRCUIT) is a file of the IR, version 1.0, or of OpenQASM 3 (.qasm); - is
standard input.`,
		Example: `  {{name}} run bell.json              what a circuit measures, simulated
  {{name}} inspect backend.wasm       what an executor is and what it needs
  {{name}} test backend.wasm          whether it does what executors have to
  {{name}} dev                        a cloud and a node, to try things out
  {{name}} start --executor REF       a node of the Coda cloud`,
		Args:          cobra.ArbitraryArgs,
		RunE:          c.noCommand,
		SilenceErrors: true, // main prints them, once
		SilenceUsage:  true,

		DisableFlagsInUseLine: true,
		CompletionOptions: cobra.CompletionOptions{
			DisableDefaultCmd: true, // ours is one command
		},
	}
	root.AddGroup(
		&cobra.Group{ID: forOperators, Title: "For operators of a node:"},
		&cobra.Group{ID: forAuthors, Title: "For authors of executors:"},
	)
	root.AddCommand(
		c.startCommand(),
		c.stopCommand(),
		c.statusCommand(),
		c.logsCommand(),
		c.doctorCommand(),
		c.outboxCommand(), c.makeSafeCommand(),
		c.resetCommand(),
		c.stopVPNCommand(),
		c.vpnCommand(),
		c.runCommand(),
		c.inspectCommand(),
		c.newCommand(),
		c.testCommand(),
		c.devCommand(),
		c.submitCommand(),
		c.qasmCommand(),
		c.instrumentCommand(),
		c.versionCommand(),
		c.completionCommand(),
	)
	root.SetHelpCommand(c.helpCommand())
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate("{{with or .Long .Short}}{{.}}\n\n{{end}}{{.UsageString}}")
	root.SetOut(forgiving{c.stdout})
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misused(cmd, "%v%s", err, meant(cmd.Flags(), err))
	})
	root.Flags().Bool("reset", false, "as the command reset, which it comes before")
	root.Flags().Bool("version", false, "as the command version")
	c.finish(root)
	return root
}

// finish does to a command, and to those below it, what is done to every one.
func (c *cli) finish(cmd *cobra.Command) {
	abbreviated(cmd.Flags())
	for _, text := range []*string{&cmd.Short, &cmd.Long, &cmd.Example} {
		*text = strings.ReplaceAll(*text, "{{name}}", c.name)
	}
	for _, sub := range cmd.Commands() {
		c.finish(sub)
	}
}

// noCommand is what runs where no command of that name is there, below the root or
// below another.
func (c *cli) noCommand(above *cobra.Command, args []string) error {
	switch version := above.Flags().Lookup("version"); {
	case len(args) > 0:
		name := strings.TrimPrefix(above.CommandPath()+" "+args[0], c.name+" ")
		return misused(above, "there is no command %q%s", name, suggestion(above, args[0]))
	case version != nil && version.Changed:
		return c.showVersion(false)
	}
	return &usageError{cmd: above, reason: "a command is required", full: true}
}

func (c *cli) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show what a command does, and how",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return misused(root, "there is no command %q%s", strings.Join(args, " "), suggestion(root, args[0]))
			}
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if len(args) == 0 {
				for _, sub := range cmd.Root().Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name()+"\t"+sub.Short)
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func suggestion(root *cobra.Command, word string) string {
	if root.SuggestionsMinimumDistance == 0 {
		root.SuggestionsMinimumDistance = 2
	}
	near := root.SuggestionsFor(word)
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
}

// usageTemplate is cobra's own without what we have no use for.
const usageTemplate = `Usage:
  {{.UseLine}}
{{if .HasAvailableSubCommands}}{{$commands := .Commands}}{{range $group := .Groups}}
{{.Title}}{{range $commands}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{if not .HasParent}}
Others:{{range $commands}}{{if and (eq .GroupID "") (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasExample}}
Examples:
{{.Example}}
{{end}}`
