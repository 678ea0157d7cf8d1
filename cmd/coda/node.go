package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/daemon"
)

// runNode runs a node in this process until it is told to stop. Background is nil
// in the foreground.
func (c *cli) runNode(ctx context.Context, p *prospect, background *daemon.Background) error {
	s := &p.settings
	log, logPath, done := c.nodeLog(p, background)
	defer done()
	held, err := daemon.Lock(s.StateDir, daemon.About{
		Version: readVersions().Version, LogPath: logPath,
		Drain: max(s.DrainTimeout, s.ConnectTimeout), // a log-on with a token is not cut off either
	})
	if err != nil {
		return c.ended(log, p, background, &startError{err})
	}
	defer held.Close()
	c.introduce(log, p, background)
	for _, warning := range s.Warnings {
		log.Warn(warning)
	}
	note := func(err error) {
		if err != nil && !errors.Is(err, os.ErrClosed) {
			log.Warn("what this node says of itself to coda status is out of date", "error", err)
		}
	}
	ctx, kill, release := untilStopped(ctx)
	defer release()
	context.AfterFunc(ctx, func() { note(held.Stopping()) })
	err = host.Run(ctx, host.Config{
		Settings: *s, Device: p.device, Version: readVersions().Version, Log: log, Kill: kill,
		Listening: func(address string) { note(held.Serving(address)) },
		Ready:     func(a host.Address) { background.Ready(a.HTTP) },
	})
	return c.ended(log, p, background, starting(ctx, err))
}

// nodeLog is where a node logs: standard error, or in the background a file that
// is renewed when it is full.
func (c *cli) nodeLog(p *prospect, background *daemon.Background) (log *slog.Logger, path string, done func()) {
	onStderr := newLog(c.stderr, p.settings.Log)
	if background == nil {
		return onStderr, "", func() {}
	}
	file, err := daemon.OpenLog(daemon.LogConfig{Path: background.LogPath, Stdio: true})
	if err != nil { // standard error goes to the same file, and stays with it
		onStderr.Warn("the log cannot be renewed when it is full", "error", err)
		return onStderr, background.LogPath, func() {}
	}
	return newLog(file, p.settings.Log), background.LogPath, func() { file.Close() }
}

// forPeople reports whether a person at a prompt reads what the node says, beside
// its log.
func (p *prospect) forPeople(background *daemon.Background) bool {
	return background == nil && !isJSON(p.settings.Log)
}

func (c *cli) introduce(log *slog.Logger, p *prospect, background *daemon.Background) {
	if p.forPeople(background) {
		c.stderr.banner("NODE", p.about())
		return
	}
	fields := []any{"version", readVersions().Version, "pid", os.Getpid()}
	for _, row := range p.about() {
		fields = append(fields, strings.ToLower(row[0]), row[1])
	}
	log.Info("the node starts", fields...)
}

// refused logs what is wrong with what a node was told, as ended does. The
// warnings come first: they often say why.
func (c *cli) refused(p *prospect, background *daemon.Background, err error) error {
	if p.forPeople(background) {
		c.warn(p)
		return err
	}
	log := newLog(c.stderr, p.settings.Log)
	for _, warning := range p.settings.Warnings {
		log.Warn(warning)
	}
	for _, err := range each(err) {
		log.Error("the node cannot start", "error", err)
	}
	return reported(err)
}

// warn tells a person what is odd about the settings.
func (c *cli) warn(p *prospect) {
	for _, warning := range p.settings.Warnings {
		c.complain("%s", warning)
	}
}

// ended logs how a node ended. Without a last line, who reads the log could not
// tell a stop from a crash of the machine. An error is logged where nobody else
// would say it in the log's own format.
func (c *cli) ended(log *slog.Logger, p *prospect, background *daemon.Background, err error) error {
	if err == nil {
		log.Info("the node stopped")
		return nil
	}
	if p.forPeople(background) {
		return err
	}
	log.Error("the node ended", "error", err)
	return reported(err)
}
