package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/conductorquantum/coda/host/vpn/profile"
	"github.com/spf13/cobra"
)

func (c *cli) vpnCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "check [flags] FILE",
		Short:   "Say whether a node would give a profile to OpenVPN, and how",
		GroupID: ofVPN,
		Long: `Say whether a node would give a profile to OpenVPN: show it as the node would write
it, or the first line that is not allowed and why. FILE is the profile; - is standard
input.

A profile may hold the directives that a client needs, and the certificates and keys
as blocks. What runs a program, loads a library or names a file of this machine is
refused. What is written has no comments, and says reneg-sec 0 unless the profile says
how often keys are renewed.

On a terminal the keys are shown as [redacted]; a file or a pipe gets them as they are.

The status is 0 if the profile is accepted and 1 if it is not, or cannot be read.`,
		Example: `  {{name}} vpn check profile.ovpn
  {{name}} vpn check --json - < profile.ovpn
  {{name}} vpn check profile.ovpn > as-written.ovpn`,
		Args:              oneArgument("FILE"),
		ValidArgsFunction: firstArgument(completeProfile),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.vpnCheck(args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (c *cli) vpnCheck(path string, asJSON bool) error {
	text, failure := c.judgeProfile(path)
	if asJSON {
		return c.showVerdict(text, failure)
	}
	if failure != nil {
		return fmt.Errorf("%s: %w", source{path: path}.shown(), failure)
	}
	c.stdout.printf("%s", text)
	return nil
}

// judgeProfile returns a profile as the node would write it, or as a person may see
// it, or why it would not. The error does not name the path.
func (c *cli) judgeProfile(path string) ([]byte, error) {
	text, err := readProfile(path, c.stdin)
	if err != nil {
		return nil, err
	}
	p, err := profile.Parse(text)
	if err != nil {
		if refusal, ok := errors.AsType[*profile.Refusal](err); ok {
			return nil, refusal // the family's own words say what this command says already
		}
		return nil, err
	}
	if c.stdout.terminal {
		return p.Shown(), nil
	}
	return p.Text(), nil
}

// showVerdict is the verdict for programs.
func (c *cli) showVerdict(text []byte, failure error) error {
	if failure == nil {
		return c.printJSON(struct {
			OK      bool   `json:"ok"`
			Profile string `json:"profile"`
		}{true, string(text)})
	}
	verdict := struct {
		OK     bool   `json:"ok"`
		Line   int    `json:"line"` // 0 where it is no line in particular
		Reason string `json:"reason"`
	}{Reason: failure.Error()}
	if refusal, ok := errors.AsType[*profile.Refusal](failure); ok {
		verdict.Line, verdict.Reason = refusal.Line, refusal.Reason
	}
	if err := c.printJSON(verdict); err != nil {
		return err
	}
	return reported(failure)
}

// readProfile reads as much as a profile may have, and a byte more.
func readProfile(path string, stdin io.Reader) ([]byte, error) {
	if path != stdinPath {
		file, err := openFile(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		stdin = file
	}
	text, err := io.ReadAll(io.LimitReader(stdin, profile.MaxSize+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	return text, nil
}

// completeProfile completes files of OpenVPN.
func completeProfile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"ovpn", "conf"}, cobra.ShellCompDirectiveFilterFileExt
}
