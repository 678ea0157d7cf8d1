package main

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/daemon"
	"github.com/spf13/cobra"
)

func (c *cli) resetCommand() *cobra.Command {
	p := newPlace()
	var force bool
	cmd := &cobra.Command{
		Use:     "reset [flags]",
		Short:   "Stop the node and forget its credentials, tunnel and logs",
		GroupID: forOperators,
		Long: `Stop the node in the background and its VPN service, and remove what nodes left:
credentials, logs and VPN profile in the state directory, and what an older node left
in the temporary directory. Only files of ours are removed. The next start needs a
new token.

A node in the foreground is not stopped, and nothing is removed while it runs.

Where outcomes of jobs wait to be delivered, or are parked, nothing is stopped or
removed: they are nowhere else, and the next start delivers them with the credentials
that are there. "outbox" shows them. --force forgets them too.

The status is 0 if nothing of a node is left, 1 if something in the state directory
was kept or could not be removed.`,
		Example: `  {{name}} reset
  {{name}} reset --force
  {{name}} --reset`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.settings()
			if err != nil {
				return err
			}
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			return c.reset(ctx, s.StateDir, force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also outcomes that nobody has taken")
	p.register(cmd)
	return cmd
}

func (c *cli) reset(ctx context.Context, stateDir string, force bool) error {
	node, err := daemon.Look(stateDir)
	switch {
	case err != nil:
		return err
	case node.Running && node.PID == 0:
		c.complain("a node runs on %s and cannot be verified: %s; stop it where it was started, then reset", stateDir, node.Doubt)
		return errReported
	case node.Running && node.LogPath == "":
		c.complain("a node runs on %s in the foreground (%s); stop it first, then reset", stateDir, who(&node))
		return errReported
	}
	if node.Running && !force {
		if err := c.refuseLoss(ctx, stateDir); err != nil {
			return err
		}
	}
	if err := c.stop(ctx, stateDir); err != nil && node.Running {
		return err
	}
	done, err := host.Reset(ctx, host.ResetConfig{StateDir: stateDir, Version: readVersions().Version, Force: force})
	if errors.Is(err, daemon.ErrRunning) {
		c.complain("a node was started just now, so nothing was removed: %v", err)
		return errReported
	}
	if err != nil {
		return c.explainLoss(err)
	}
	left := c.showVPNStopped(done.OpenVPN, done.TunnelErr)
	return cmp.Or(c.showRemovals(done.Removals, stateDir), left)
}

// refuseLoss asks the node that runs whether it has outcomes that nobody takes. One
// that does not answer is looked at once it is stopped.
func (c *cli) refuseLoss(ctx context.Context, stateDir string) error {
	box, err := host.OpenOutbox(ctx, stateDir, readVersions().Version)
	if err != nil {
		return nil
	}
	defer box.Close()
	return c.explainLoss(host.CheckDelivered(ctx, box))
}

// explainLoss says what to do where results would be lost.
func (c *cli) explainLoss(err error) error {
	if !errors.Is(err, host.ErrUndelivered) {
		return err
	}
	c.complain("%v", err)
	c.stderr.printf("Nothing was removed. To see them: %s outbox list; to forget them too: %s reset --force\n", c.name, c.name)
	return reported(err)
}

// showRemovals says what became of each file. One that was kept in the state
// directory is in the way of the next node, and no success; elsewhere it is somebody
// else's.
func (c *cli) showRemovals(done []host.Removal, stateDir string) error {
	var outcome error
	removed := 0
	for _, r := range done {
		switch {
		case r.Removed:
			removed++
			c.stdout.printf("  removed    %s\n", printable(r.Path))
		case r.Failed:
			outcome = errReported
			c.stdout.printf("  failed     %s: %s\n", printable(r.Path), printable(r.Kept))
		case r.Kept != "":
			if filepath.Dir(r.Path) == filepath.Clean(stateDir) {
				outcome = errReported
			}
			c.stdout.printf("  kept       %s: %s\n", printable(r.Path), printable(r.Kept))
		default:
			c.stdout.printf("  not found  %s\n", printable(r.Path))
		}
	}
	if removed == 0 {
		c.stdout.printf("Nothing was removed\n")
	}
	return outcome
}

// resetFirst gives the flag --reset the meaning that it always had: before a
// command it wins over it. What reset removes cannot be had back, so the rest of
// the line must be right all the same, is not a call for help, and its --config
// counts.
func resetFirst(root *cobra.Command, args []string) []string {
	asked := false
	var rest []string
	for i, arg := range args {
		if arg == "--" || !strings.HasPrefix(arg, "-") {
			rest = append(rest, args[i:]...)
			break
		}
		if len(arg) > len("--") && strings.HasPrefix("--reset", arg) {
			asked = true
		} else {
			rest = append(rest, arg)
		}
	}
	if !asked {
		return args
	}
	reset := []string{"reset"}
	cmd, flags, err := root.Find(rest)
	if err != nil || cmd == root {
		return append(reset, rest...)
	}
	cmd.InitDefaultHelpFlag()
	if cmd.ParseFlags(flags) != nil || cmd.Flags().Changed("help") || cmd.ValidateArgs(cmd.Flags().Args()) != nil {
		return rest // which that command refuses, or answers with its help
	}
	if file := cmd.Flags().Lookup("config"); file != nil && file.Changed {
		reset = append(reset, "--config", file.Value.String())
	}
	return reset
}
