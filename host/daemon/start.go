package daemon

import "time"

const defaultTimeout = 2 * time.Minute

// StartConfig is how a node is started in the background.
type StartConfig struct {
	StateDir string
	// Argv is the command line of this same binary, its name first. It holds no
	// secrets: others see it in the process list.
	Argv []string
	// Env is the whole environment; nil stands for this process's.
	Env []string
	// LogPath gets standard output and error; default DefaultLog(StateDir).
	LogPath string
	// Timeout is how long the node may take until it serves; default 2 minutes.
	Timeout time.Duration
}
