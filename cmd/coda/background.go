package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/daemon"
)

// startInBackground starts a node that outlives this command, and returns when it
// takes jobs. Wrong is what is wrong with the settings.
func (c *cli) startInBackground(ctx context.Context, p *prospect, wrong error) error {
	s := &p.settings
	if s.StateDir != "" {
		status, err := daemon.Look(s.StateDir)
		if err == nil && status.Running {
			c.complain("already running (%s)", who(&status))
			return errReported
		}
		wrong = cmp.Or(wrong, err)
	}
	if wrong != nil {
		c.warn(p)
		return wrong
	}
	c.stderr.banner("DAEMON", p.about())
	c.warn(p)
	logPath := daemon.DefaultLog(s.StateDir)
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	started := c.stderr.working("starting a node in the background")
	status, err := daemon.Start(ctx, daemon.StartConfig{
		StateDir: s.StateDir,
		Argv:     []string{os.Args[0], "start"}, // the flags are in the environment
		Env:      p.childEnvironment(),
		Secret:   string(s.NodeToken),
		LogPath:  logPath,
		Timeout:  p.patience(),
		Grace:    s.ConnectTimeout + 10*time.Second, // a log-on with a token is not cut off
	})
	started()
	switch {
	case err == nil:
	case errors.Is(err, daemon.ErrRunning):
		c.complain("%v", err)
		return errReported
	case ctx.Err() != nil:
		c.complain("interrupted; no node was started")
		if s.NodeToken != "" {
			c.stderr.printf("Whether its token was redeemed, \"%s logs\" says.\n", c.name)
		}
		return errReported
	default:
		c.complain("%v", err)
		return errReported
	}
	c.stdout.printf("Started daemon (PID %d)\n", status.PID)
	c.stdout.printf("  %-*s  %s\n", len(c.name+" status"), "log", logPath)
	for _, hint := range [][2]string{{"stop", "stops it"}, {"status", "says how it is"}, {"logs", "shows what it logs, with -f as it goes on"}} {
		c.stdout.printf("  %s %-6s  %s\n", c.name, hint[0], hint[1])
	}
	return nil
}

// childEnvironment is what the node in the background is told: all that this
// process was, the flags included. A token is not in it, which can be read as long
// as the node runs: that is handed over, as it cannot always be read again.
func (p *prospect) childEnvironment() []string {
	if p.settings.NodeToken == "" {
		return p.environ
	}
	return slices.DeleteFunc(slices.Clone(p.environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.EqualFold(name, tokenEnv) || strings.EqualFold(name, tokenFileEnv)
	})
}

// patience is how long the node may take until it takes jobs: more than its own
// limits, so that it and nobody else gives up, in the middle of a log-on least of
// all.
func (p *prospect) patience() time.Duration {
	const each = 90 * time.Second // between two attempts to connect
	s := &p.settings
	return 3*time.Minute + cmp.Or(p.device.Limits.OpenTime, config.DefaultLimits.OpenTime) +
		time.Duration(s.ConnectRetries)*(s.ConnectTimeout+each)
}

// who names a node that runs.
func who(status *daemon.Status) string {
	if status.PID == 0 {
		return status.Doubt
	}
	return fmt.Sprintf("PID %d", status.PID)
}
