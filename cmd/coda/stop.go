package main

import (
	"context"
	"errors"

	"github.com/conductorquantum/coda/host/daemon"
	"github.com/spf13/cobra"
)

func (c *cli) stopCommand() *cobra.Command {
	p := newPlace()
	cmd := &cobra.Command{
		Use:     "stop [flags]",
		Short:   "Stop the node on this machine, with time for its jobs",
		GroupID: forOperators,
		Long: `Stop the node that runs on the state directory. It takes no more jobs and gets its
drain timeout for those in hand (CODA_SHUTDOWN_DRAIN_TIMEOUT_SEC) and ten seconds
more. Then they are killed, and stay in the queue.

Ctrl-C ends the wait and not the stop. The status is 0 if the node was stopped, 1
if none runs or it could not be stopped.`,
		Example: `  {{name}} stop`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.settings()
			if err != nil {
				return err
			}
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			return c.stop(ctx, s.StateDir)
		},
	}
	p.register(cmd)
	return cmd
}

func (c *cli) stop(ctx context.Context, stateDir string) error {
	err := daemon.Stop(ctx, daemon.StopConfig{StateDir: stateDir, Report: c.showStep})
	switch {
	case err == nil:
		c.stdout.printf("Daemon stopped\n")
		return nil
	case errors.Is(err, daemon.ErrNotRunning):
		c.stdout.printf("No daemon is running on %s\n", printable(stateDir))
	case ctx.Err() != nil:
		c.complain("interrupted; the node goes on stopping")
	default:
		c.complain("%v", err)
		c.stdout.printf("Failed to stop daemon\n")
	}
	return errReported
}

// showStep says what is done to the node next.
func (c *cli) showStep(step daemon.Step) {
	switch step.Action {
	case daemon.Drain:
		c.stdout.printf("Stopping daemon (PID %d)...\n", step.PID)
	case daemon.Await:
		c.stdout.printf("The daemon (PID %d) is stopping already; waiting for it...\n", step.PID)
	case daemon.Hurry:
		c.stdout.printf("It takes too long: killing its jobs, which stay in the queue...\n")
	case daemon.Kill:
		c.stdout.printf("It still runs: killing it...\n")
	}
}
