package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/conductorquantum/coda/host"
	"github.com/spf13/cobra"
)

func (c *cli) doctorCommand() *cobra.Command {
	p := newPlace()
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "doctor [flags]",
		Short:   "Look at all that a node needs, and say what to do",
		GroupID: forOperators,
		Long: `Look at all that a node needs: settings, state, cloud, clock, job queue, executor,
tunnel, and what this machine has to confine executors. It works whatever is wrong,
changes nothing, redeems no token and shows no secret.

The status is 0 if there is no problem; warnings are none.`,
		Example: `  {{name}} doctor
  {{name}} doctor --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			return c.doctor(ctx, &p, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	p.register(cmd)
	return cmd
}

func (c *cli) doctor(ctx context.Context, p *place, asJSON bool) error {
	done := c.stderr.working("looking")
	report := host.Doctor(ctx, host.DoctorConfig{Environ: p.environment(), Version: readVersions().Version})
	done()
	if ctx.Err() != nil {
		c.complain("interrupted")
		return errReported
	}
	problems, warnings := report.Count(host.Problem), report.Count(host.Warning)
	var outcome error
	if problems > 0 {
		outcome = errReported
	}
	if asJSON {
		if err := c.printJSON(struct {
			Version  string         `json:"version"`
			Webapp   string         `json:"webapp"`
			StateDir string         `json:"state_dir"`
			Redis    string         `json:"redis"`
			Problems int            `json:"problems"`
			Warnings int            `json:"warnings"`
			Findings []host.Finding `json:"findings"`
		}{
			readVersions().Version, report.Settings.WebappURL, report.Settings.StateDir,
			host.MaskRedisURL(report.Settings.RedisURL), problems, warnings, report.Findings,
		}); err != nil {
			return err
		}
		return outcome
	}
	s := &report.Settings
	redis := host.MaskRedisURL(s.RedisURL)
	if s.RedisURL == "" && s.StateDir == "" {
		redis = "not known"
	}
	c.stdout.banner("DOCTOR", [][2]string{
		{"WEBAPP", s.WebappURL},
		{"CONNECT", s.ConnectURL()},
		{"REDIS", redis},
		{"STATE DIR", cmp.Or(s.StateDir, "not known: "+host.NoStateDir)},
	})
	for _, f := range report.Findings {
		c.showFinding(f)
	}
	c.stdout.printf("\n%s, %s\n", plural(problems, "problem"), plural(warnings, "warning"))
	return outcome
}

func (c *cli) showFinding(f host.Finding) {
	level := fmt.Sprintf("%-9s", f.Level)
	if f.Level != host.OK {
		level = c.stdout.paint(bold, level)
	}
	c.stdout.printf("  %s%-12s%s\n", level, printable(f.Check), printable(f.What))
	if f.Do != "" {
		c.stdout.printf("%25s%s\n", "→ ", printable(f.Do))
	}
}
