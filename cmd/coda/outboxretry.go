package main

import (
	"context"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/control"
	"github.com/spf13/cobra"
)

func (c *cli) outboxRetryCommand() *cobra.Command {
	p := newPlace()
	var allParked bool
	cmd := &cobra.Command{
		Use:     "retry [flags] {JOB... | --all-parked}",
		Short:   "Send outcomes again, now",
		GroupID: ofOutbox,
		Long: `Send outcomes again, with the same id and the same bytes. One that waits is sent now
instead of at its time. One that is parked goes back on its way, with a new schedule.
Where no node runs, the next start sends them.

The status is 0 if all are on their way, and 1 if one is not in the outbox.`,
		Example: `  {{name}} outbox retry JOB
  {{name}} outbox retry --all-parked`,
		Args: func(cmd *cobra.Command, args []string) error {
			if !allParked {
				return someJobs(cmd, args)
			}
			if len(args) > 0 {
				return misused(cmd, "give either --all-parked or jobs, such as %q", args[0])
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withOutbox(cmd.Context(), &p, func(ctx context.Context, box *host.Outbox) error {
				if allParked {
					var err error
					if args, err = parkedJobs(ctx, box); err != nil {
						return err
					}
					if len(args) == 0 {
						c.stdout.printf("Nothing is parked\n")
					}
				}
				return c.outboxRetry(ctx, box, args)
			})
		},
	}
	cmd.Flags().BoolVar(&allParked, "all-parked", false, "all that are parked")
	p.register(cmd)
	return cmd
}

func (c *cli) outboxRetry(ctx context.Context, box *host.Outbox, jobs []string) error {
	becomes := "is on its way"
	if !box.Live {
		becomes = "is sent by the next start"
	}
	return c.eachJob(jobs, becomes, func(job string) error { return box.Retry(ctx, job) })
}

// eachJob does something to every job, and says what became of each.
func (c *cli) eachJob(jobs []string, becomes string, do func(string) error) error {
	var outcome error
	for _, job := range jobs {
		if err := do(job); err != nil {
			c.complain("%v", err)
			outcome = reported(err)
			continue
		}
		c.stdout.printf("%s %s\n", printable(job), becomes)
	}
	return outcome
}

// parkedJobs are all that are parked.
func parkedJobs(ctx context.Context, box *host.Outbox) ([]string, error) {
	var jobs []string
	q := control.Query{State: control.Parked, Limit: control.MaxPage}
	for {
		page, err := box.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			jobs = append(jobs, e.JobID)
		}
		if q.After = page.Next; q.After == "" {
			return jobs, nil
		}
	}
}
