package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/control"
	"github.com/spf13/cobra"
)

func (c *cli) outboxListCommand() *cobra.Command {
	p := newPlace()
	state := choice{value: control.All, of: []string{control.Waiting, control.Parked, control.All}, word: "STATE"}
	limit := number{value: 100, least: 1, most: 100_000, set: true}
	after := text{word: "PLACE"}
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Short:   "List the outcomes that nobody has taken yet",
		GroupID: ofOutbox,
		Long: `List the outcomes that nobody has taken yet, the oldest job first: how often each was
sent, when it is sent next, how long ago it was decided, and why it was not taken. Where
there are more than --limit, the last line says how to see the next.

The status is 0, also where there is none.`,
		Example: `  {{name}} outbox list --state parked
  {{name}} outbox list --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withOutbox(cmd.Context(), &p, func(ctx context.Context, box *host.Outbox) error {
				return c.outboxList(ctx, box, state.value, after.value, int(limit.value), asJSON)
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&state, "state", "waiting, parked or all")
	flags.Var(&limit, "limit", "how many at most")
	flags.Var(&after, "after", "go on where a list ended")
	flags.BoolVar(&asJSON, "json", false, "as JSON")
	p.register(cmd)
	completes(cmd, "state", state.complete)
	completes(cmd, "limit", cobra.NoFileCompletions)
	completes(cmd, "after", cobra.NoFileCompletions)
	return cmd
}

func (c *cli) outboxList(ctx context.Context, box *host.Outbox, state, after string, limit int, asJSON bool) error {
	all := control.Page{Entries: []control.Entry{}, Next: after}
	for {
		page, err := box.List(ctx, control.Query{State: state, After: all.Next, Limit: min(limit-len(all.Entries), control.MaxPage)})
		if err != nil {
			return err
		}
		all.Entries, all.Next = append(all.Entries, page.Entries...), page.Next
		if page.Next == "" || len(all.Entries) >= limit {
			break
		}
	}
	if asJSON {
		return c.printJSON(all)
	}
	if len(all.Entries) == 0 {
		c.stdout.printf("Nothing is in the outbox%s\n", map[string]string{control.Waiting: " that waits", control.Parked: " that is parked"}[state])
		return nil
	}
	c.showEntries(all.Entries)
	if all.Next != "" {
		c.stdout.printf("There are more: %s outbox list --state %s --after %s\n", c.name, state, all.Next)
	}
	return nil
}

// longestError is as much of a last error as a list shows.
const longestError = 60

func (c *cli) showEntries(entries []control.Entry) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "JOB\tKIND\tSTATE\tTRIES\tNEXT\tAGE\tSIZE\tLAST ERROR")
	for _, e := range entries {
		next := "-"
		if e.Due != nil {
			next = dueIn(*e.Due)
		}
		why := []rune(printable(e.LastError))
		if len(why) > longestError {
			why = append(why[:longestError-1], '…')
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%d\t%s\n",
			printable(e.JobID), printable(e.Kind), printable(e.State), e.Tries, next, age(e.Decided), e.Size, string(why))
	}
	_ = w.Flush() // into memory
	for line := range strings.Lines(b.String()) {
		c.stdout.printf("%s\n", strings.TrimRight(line, " \n"))
	}
}
