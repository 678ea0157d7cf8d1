package main

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/spf13/cobra"
)

const (
	configEnv   = "CODA_CONFIG"
	stateDirEnv = "CODA_STATE_DIR"
)

// place says where a node keeps its state, for the commands that look for one.
type place struct {
	config text
}

func newPlace() place { return place{config: text{word: "FILE"}} }

func (p *place) register(cmd *cobra.Command) {
	cmd.Flags().Var(&p.config, "config", "file of settings, TOML (default $"+configEnv+")")
	completes(cmd, "config", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"toml"}, cobra.ShellCompDirectiveFilterFileExt
	})
}

// environment is the process's own with the flag put above it.
func (p *place) environment() []string {
	environ := os.Environ()
	if p.config.value != "" {
		environ = append(environ, configEnv+"="+p.config.value)
	}
	return environ
}

// settings are as many as can be read. An error is about where the state is;
// others are for start and doctor to report: whoever stops a node need not have
// its whole environment.
func (p *place) settings() (config.Settings, error) {
	s, err := config.Load(p.environment(), nil)
	var wrong []error
	for _, err := range each(err) {
		if at, ok := errors.AsType[*fault.ConfigError](err); !ok || !isElsewhere(at.Where) {
			wrong = append(wrong, err)
		}
	}
	return s, errors.Join(wrong...)
}

// isElsewhere reports whether an error is about a variable, or its key in the file
// of settings, that does not say where the state is. A key that is not known may
// have been meant to.
func isElsewhere(where string) bool {
	return slices.ContainsFunc(config.Variables(), func(v config.Variable) bool {
		return v.Name() != stateDirEnv && (where == v.Name() || strings.HasSuffix(where, ": "+v.Key))
	})
}

// each takes apart errors that were joined.
func each(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, each(err)...)
	}
	return all
}
