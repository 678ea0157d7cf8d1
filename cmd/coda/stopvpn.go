package main

import (
	"context"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/daemon"
	"github.com/spf13/cobra"
)

func (c *cli) stopVPNCommand() *cobra.Command {
	p := newPlace()
	cmd := &cobra.Command{
		Use:     "stop-vpn [flags]",
		Short:   "Stop the VPN service of the node on this machine",
		GroupID: forOperators,
		Long: `Stop the VPN service, OpenVPN, that a node started on the state directory. It is known
by what the node wrote down of it; an OpenVPN that others started gets no signal.

The service ends with its node, and a node that runs brings it back within seconds:
to stop both, stop the node.

The status is 0 if the service was stopped, and 1 if none was found or it could not be
stopped.`,
		Example: `  {{name}} stop-vpn`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.settings()
			if err != nil {
				return err
			}
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			return c.stopVPN(ctx, s.StateDir)
		},
	}
	p.register(cmd)
	return cmd
}

func (c *cli) stopVPN(ctx context.Context, stateDir string) error {
	c.stdout.printf("Stopping Coda VPN service...\n")
	pid, err := host.StopTunnel(ctx, stateDir)
	if err := c.showVPNStopped(pid, err); err != nil {
		return err
	}
	if pid == 0 {
		return errReported
	}
	if node, err := daemon.Look(stateDir); err == nil && node.Running && !node.Stopping {
		c.stdout.printf("The node (%s) runs and brings it back; to stop both: %s stop\n", who(&node), c.name)
	}
	return nil
}

// showVPNStopped says what came of host.StopTunnel.
func (c *cli) showVPNStopped(pid int, err error) error {
	switch {
	case err != nil:
		c.complain("%v", err)
		c.stdout.printf("Failed to stop Coda VPN service\n")
		return reported(err)
	case pid == 0:
		c.stdout.printf("No Coda VPN service was found\n")
	default:
		c.stdout.printf("Coda VPN service stopped (PID %d)\n", pid)
	}
	return nil
}
