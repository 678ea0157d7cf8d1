package daemon

import "time"

const (
	defaultTimeout  = 2 * time.Minute
	defaultEndGrace = 10 * time.Second
)

// StartConfig is how a node is started in the background.
type StartConfig struct {
	StateDir string
	// Argv is the command line of this same binary, its name first. It holds no
	// secrets: others see it in the process list.
	Argv []string
	// Env is the whole environment; nil stands for this process's. It can be read as
	// long as the node runs, so it holds no secrets either.
	Env []string
	// Secret is handed over on a pipe, for Background.Secret.
	Secret string
	// LogPath gets standard output and error; default DefaultLog(StateDir).
	LogPath string
	// Timeout is how long the node may take until it serves; default 2 minutes.
	Timeout time.Duration
	// Grace is how long a node that does not come up may take to end, after each
	// attempt to end it; default 10 s.
	Grace time.Duration
}
