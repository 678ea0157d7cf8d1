package main

import (
	"context"
	"fmt"
	"time"

	"github.com/conductorquantum/coda/host"
	"github.com/spf13/cobra"
)

func (c *cli) outboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "outbox COMMAND",
		Short:   "Look at outcomes that nobody has taken yet, and send them again",
		GroupID: forOperators,
		Long: `Look at the outcomes of jobs that the cloud has not taken yet. One that waits is sent
again by itself, ever more seldom, for three days. One that is parked was refused, or
nobody took it in that time: it is kept, with its body, until it is retried or dropped.

A node that runs is asked; where none does its file is read.`,
		Example: `  {{name}} outbox list
  {{name}} outbox show JOB
  {{name}} outbox retry --all-parked`,
		Args: cobra.ArbitraryArgs,
		RunE: c.noCommand,

		DisableFlagsInUseLine: true,
	}
	cmd.AddGroup(&cobra.Group{ID: ofOutbox, Title: "Commands:"})
	cmd.AddCommand(c.outboxListCommand(), c.outboxShowCommand(), c.outboxRetryCommand(), c.outboxDropCommand())
	return cmd
}

// withOutbox opens the outbox of the place and gives it to do.
func (c *cli) withOutbox(ctx context.Context, p *place, do func(context.Context, *host.Outbox) error) error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	done := c.stderr.working("asking the node")
	box, err := host.OpenOutbox(ctx, s.StateDir, readVersions().Version)
	done()
	if err != nil {
		return err
	}
	defer box.Close()
	return do(ctx, box)
}

// someJobs asks for at least one job.
func someJobs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return misused(cmd, "%s needs a JOB", cmd.Name())
	}
	return nil
}

// age is how long something was ago, with one unit: 40s, 12m, 5h, 3d.
func age(since time.Time) string {
	switch d := max(time.Since(since), 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
}

// dueIn is when something is due, likewise.
func dueIn(at time.Time) string {
	d := time.Until(at)
	if d <= 0 {
		return "now"
	}
	return "in " + age(time.Now().Add(-d))
}
