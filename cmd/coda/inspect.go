package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/spf13/cobra"
)

func (c *cli) inspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "inspect [flags] REF",
		Short:   "Show what an executor is, what it needs and what it drives",
		GroupID: forAuthors,
		Long: `Show what an executor is, what it needs and what it drives: the file, the tools
that made it, its exports and imports, what an operator has to grant it, and the
device that it reports when it is opened with no settings and the usual limits.

The status is 0 if a node would run it.`,
		Example: `  {{name}} inspect backend.wasm
  {{name}} inspect --json statevector`,
		Args:              oneArgument("REF"),
		ValidArgsFunction: firstArgument(completeRef),
		RunE: func(cmd *cobra.Command, args []string) error {
			program, err := host.Find(args[0])
			if err != nil {
				return err
			}
			return c.inspect(cmd.Context(), &program, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// inspect shows as much as can be found out, and then what stopped it.
func (c *cli) inspect(ctx context.Context, p *host.Program, asJSON bool) error {
	in, err := c.examine(ctx, p)
	if asJSON {
		if err != nil {
			in.Error, err = err.Error(), errReported
		}
		if broken := c.printJSON(in); broken != nil {
			return broken
		}
		return err
	}
	c.showInspection(in)
	return err
}

// examine reads the file, checks it against the contract, and opens it. The error
// is why a node would not run it.
func (c *cli) examine(ctx context.Context, p *host.Program) (*inspection, error) {
	sum := sha256.Sum256(p.Wasm)
	in := &inspection{Ref: p.Ref, Path: p.Path, Size: len(p.Wasm), SHA256: hex.EncodeToString(sum[:])}
	limits := p.Limits(config.Limits{}).OrDefaults()
	m, kept, err := module.Admit(p.Wasm, &limits)
	if m != nil {
		in.describe(m)
		in.Budgets = m.Budgets(&limits)
	}
	if err != nil {
		return in, refused(p, err)
	}
	in.judge(kept)

	ctx, stop := untilInterrupted(ctx)
	defer stop()
	e, err := c.open(ctx, &bench{program: *p})
	if err != nil {
		return in, err
	}
	defer e.Close()
	in.Device = new(e.Device())
	return in, nil
}

func refused(p *host.Program, err error) error {
	return &fault.ExecutorError{Executor: p.Name, Cause: module.CauseOf(err), Reason: err.Error()}
}
