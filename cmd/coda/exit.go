package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// The exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for failed, or the settings are wrong
	exitUsage  = 2 // the command line is wrong; for test also: nothing could be tested, or no report written
	exitStart  = 3 // the node could not start
)

// exitCode is what the process ends with after err, the only place that says so.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*untestedError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*startError](err); ok {
		return exitStart
	}
	return exitFailed
}

// errReported is a failure that the user was told of when it happened.
var errReported = errors.New("failed")

// reported marks an error as one that the user was told of.
func reported(err error) error {
	if err == nil {
		return nil
	}
	return &reportedError{err}
}

type reportedError struct{ err error }

func (e *reportedError) Error() string        { return e.err.Error() }
func (e *reportedError) Unwrap() error        { return e.err }
func (e *reportedError) Is(target error) bool { return target == errReported }

// usageError is a command line that cannot be run.
type usageError struct {
	cmd    *cobra.Command
	reason string
	full   bool // show the command's whole usage, not just how to get it
}

func (e *usageError) Error() string { return e.reason }

func misused(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd: cmd, reason: fmt.Sprintf(format, args...)}
}

// startError is a node that did not come up, for a reason other than its settings.
type startError struct{ err error }

func (e *startError) Error() string { return e.err.Error() }
func (e *startError) Unwrap() error { return e.err }

// untestedError is an executor that could not be tested, which says nothing of it, or
// whose report could not be written.
type untestedError struct{ err error }

func (e *untestedError) Error() string { return e.err.Error() }
func (e *untestedError) Unwrap() error { return e.err }
