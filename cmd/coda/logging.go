package main

import (
	"io"
	"log/slog"

	"github.com/conductorquantum/coda/host/config"
	"github.com/spf13/cobra"
)

// The variables that the flags of the log stand above.
const (
	logFormatEnv = "CODA_LOG_FORMAT"
	logLevelEnv  = "CODA_LOG_LEVEL"
)

// logFlags say what a node's log looks like.
type logFlags struct {
	format choice
	level  choice
}

func newLogFlags() logFlags {
	return logFlags{
		format: choice{of: config.LogFormats, word: "FORMAT"},
		level:  choice{of: config.LogLevels, word: "LEVEL"},
	}
}

func (f *logFlags) register(cmd *cobra.Command) {
	cmd.Flags().Var(&f.format, "log-format", "log as text for people or as json, a line each (default $"+logFormatEnv+", else text)")
	cmd.Flags().Var(&f.level, "log-level", "least level that is logged: debug, info, warn or error (default $"+logLevelEnv+", else info)")
	completes(cmd, "log-format", f.format.complete)
	completes(cmd, "log-level", f.level.complete)
}

// environment is one with the flags put above it.
func (f *logFlags) environment(environ []string) []string {
	if f.format.value != "" {
		environ = append(environ, logFormatEnv+"="+f.format.value)
	}
	if f.level.value != "" {
		environ = append(environ, logLevelEnv+"="+f.level.value)
	}
	return environ
}

// newLog is a log of this look.
func newLog(w io.Writer, look config.Log, options ...func(*slog.HandlerOptions)) *slog.Logger {
	var least slog.Level // info, should the text be none of the levels
	_ = least.UnmarshalText([]byte(look.Level))
	o := &slog.HandlerOptions{Level: least}
	for _, option := range options {
		option(o)
	}
	if isJSON(look) {
		o.ReplaceAttr = withUnits
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// withUnits writes durations as text, "1.5s", where slog would write a bare number
// of nanoseconds.
func withUnits(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func isJSON(look config.Log) bool { return look.Format == "json" }
