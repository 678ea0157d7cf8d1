package coda

import "github.com/conductorquantum/coda/guests/sdk/go/internal/guest"

// Level is how much a line of the log matters.
type Level uint8

// The levels.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// Log writes one line to the node's log. Package logger does the same for slog.
func Log(level Level, message string) { guest.Log(uint8(level), message) }

// IsCancelled reports whether the running job was cancelled or the node is
// stopping. A long Run asks now and then, and answers with a Failure of kind
// Cancelled; one that does not is killed after a grace period.
func IsCancelled() bool { return guest.Cancelled() }

// Progress tells the operator how many shots are done.
func Progress(shotsCompleted uint64) { guest.Progress(shotsCompleted) }

// Config returns a setting of the device file's [config] table by its dotted key,
// and whether it is set.
func Config(key string) (value string, ok bool) { return guest.Config(key) }

// ConfigKeys lists the keys of all settings.
func ConfigKeys() []string { return guest.ConfigKeys() }
