package main

import "github.com/spf13/cobra"

func (c *cli) vpnCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "vpn COMMAND",
		Short:   "Look at the profile of a tunnel",
		GroupID: forOperators,
		Long: `Look at the profile of a tunnel, which tells OpenVPN where to and how. How the tunnel
of a node is, status says; what it lacks, doctor; and stop-vpn ends it.`,
		Example: `  {{name}} vpn check profile.ovpn`,
		Args:    cobra.ArbitraryArgs,
		RunE:    c.noCommand,

		DisableFlagsInUseLine: true,
	}
	cmd.AddGroup(&cobra.Group{ID: ofVPN, Title: "Commands:"})
	cmd.AddCommand(c.vpnCheckCommand())
	return cmd
}
