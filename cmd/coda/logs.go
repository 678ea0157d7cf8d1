package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/spf13/cobra"
)

func (c *cli) logsCommand() *cobra.Command {
	p := newPlace()
	lines := number{value: 50, least: 1, most: math.MaxInt32, set: true}
	var follow bool
	cmd := &cobra.Command{
		Use:     "logs [flags]",
		Short:   "Show what the node in the background logs",
		GroupID: forOperators,
		Long: `Show the last lines of the log of the node in the background, older files of it
included. With --follow, go on with what is added, until Ctrl-C.

The status is 1 if there is no log.`,
		Example: `  {{name}} logs -n 200
  {{name}} logs --follow`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.settings()
			if err != nil {
				return err
			}
			return c.logs(cmd.Context(), s.StateDir, int(lines.value), follow)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.VarP(&lines, "lines", "n", "how many lines")
	flags.BoolVarP(&follow, "follow", "f", false, "go on with what is added")
	p.register(cmd)
	completes(cmd, "lines", cobra.NoFileCompletions)
	return cmd
}

func (c *cli) logs(ctx context.Context, stateDir string, lines int, follow bool) error {
	// Where it cannot be told whether a node runs, its log can be read all the same.
	node, _ := daemon.Look(stateDir)
	path := cmp.Or(node.LogPath, daemon.DefaultLog(stateDir))
	var err error
	if follow {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		err = daemon.Follow(ctx, c.stdout, path, lines)
	} else {
		err = daemon.Tail(c.stdout, path, lines)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.complain("No log file found at %s", path)
	if node.Running && node.LogPath == "" {
		c.stderr.printf("The node (%s) runs in the foreground and logs to its own standard error.\n", who(&node))
	}
	return errReported
}
