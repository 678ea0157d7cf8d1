package main

import (
	"context"

	"github.com/conductorquantum/coda/host"
	"github.com/spf13/cobra"
)

func (c *cli) makeSafeCommand() *cobra.Command {
	var cleared bool
	p := newPlace()
	cmd := &cobra.Command{
		Use:     "make-safe [flags]",
		Short:   "Have the node that runs bring its hardware to rest",
		GroupID: forOperators,
		Long: `Have the node that runs bring its hardware to rest. A node does so by itself after
a job was killed or its executor trapped, and tries again until it succeeds; no job
is taken meanwhile, and /ready says why. This asks it to try now, and waits.

With --cleared it takes your word that the hardware is at rest, and goes on.

The status is 0 if the hardware is at rest, as far as the executor can tell.`,
		Example: `  {{name}} make-safe
  {{name}} make-safe --cleared`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.makeSafe(cmd.Context(), &p, cleared)
		},
	}
	cmd.Flags().BoolVar(&cleared, "cleared", false, "the hardware is at rest: an operator has seen to it")
	p.register(cmd)
	return cmd
}

func (c *cli) makeSafe(ctx context.Context, p *place, cleared bool) error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	node, err := host.DialNode(ctx, s.StateDir)
	if err != nil {
		return err
	}
	defer node.Close()
	if cleared {
		err = node.ClearDevice(ctx)
	} else {
		stop := c.stderr.working("bringing the hardware to rest")
		err = node.MakeSafe(ctx)
		stop()
	}
	if err != nil {
		return err
	}
	c.stdout.printf("The hardware is at rest\n")
	return nil
}
