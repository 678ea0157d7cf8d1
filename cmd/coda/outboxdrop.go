package main

import (
	"context"

	"github.com/conductorquantum/coda/host"
	"github.com/spf13/cobra"
)

func (c *cli) outboxDropCommand() *cobra.Command {
	p := newPlace()
	var yes bool
	cmd := &cobra.Command{
		Use:     "drop --yes [flags] JOB...",
		Short:   "Give up parked outcomes for good",
		GroupID: ofOutbox,
		Long: `Give up outcomes that are parked. Their bodies are removed from this machine and cannot
be had back; "show --body" saves one first. What waits cannot be dropped.

The status is 0 if all were dropped, and 1 if one is not parked.`,
		Example: `  {{name}} outbox drop --yes JOB`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := someJobs(cmd, args); err != nil {
				return err
			}
			if !yes {
				return misused(cmd, "what is dropped cannot be had back; say --yes if that is what you want")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withOutbox(cmd.Context(), &p, func(ctx context.Context, box *host.Outbox) error {
				return c.eachJob(args, "is dropped", func(job string) error { return box.Drop(ctx, job) })
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "drop them")
	p.register(cmd)
	return cmd
}
