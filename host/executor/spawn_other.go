//go:build !unix

package executor

import (
	"errors"
	"os"
	"os/exec"
)

// subcommand stands for no child here.
const subcommand, uncaged = "", ""

// spawn needs a socket pair that a child can inherit.
func spawn(_, _ string) (*exec.Cmd, *os.File, chan struct{}, error) {
	return nil, nil, nil, errors.New("executors run on Unix systems only")
}
