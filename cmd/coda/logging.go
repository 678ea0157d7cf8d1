package main

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/spf13/cobra"
)

// The variables that stand for the flags of the log.
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
		format: choice{of: []string{"text", "json"}, word: "FORMAT"},
		level:  choice{of: []string{"debug", "info", "warn", "error"}, word: "LEVEL"},
	}
}

func (f *logFlags) register(cmd *cobra.Command) {
	cmd.Flags().Var(&f.format, "log-format", "log as text for people or as json, a line each (default $"+logFormatEnv+", else text)")
	cmd.Flags().Var(&f.level, "log-level", "least level that is logged: debug, info, warn or error (default $"+logLevelEnv+", else info)")
	completes(cmd, "log-format", f.format.complete)
	completes(cmd, "log-level", f.level.complete)
}

// logStyle is what the flags and the environment come to.
type logStyle struct {
	json  bool
	level slog.Level
}

// style takes the variables where no flag was given, and least where there is
// neither.
func (f *logFlags) style(least slog.Level) (logStyle, error) {
	s := logStyle{level: least}
	format, level := f.format, f.level
	for name, c := range map[string]*choice{logFormatEnv: &format, logLevelEnv: &level} {
		if text := os.Getenv(name); c.value == "" && text != "" {
			if err := c.Set(strings.ToLower(text)); err != nil {
				return s, &fault.ConfigError{Where: name, Reason: err.Error()}
			}
		}
	}
	s.json = format.value == "json"
	if level.value != "" {
		if err := s.level.UnmarshalText([]byte(level.value)); err != nil {
			return s, err // not one of the choices
		}
	}
	return s, nil
}

// environment is the style as variables, for a process that is given no flags.
func (s logStyle) environment() []string {
	format := "text"
	if s.json {
		format = "json"
	}
	return []string{logFormatEnv + "=" + format, logLevelEnv + "=" + strings.ToLower(s.level.String())}
}

// log is a log in this style.
func (s logStyle) log(w io.Writer, options ...func(*slog.HandlerOptions)) *slog.Logger {
	o := &slog.HandlerOptions{Level: s.level}
	for _, option := range options {
		option(o)
	}
	if s.json {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
