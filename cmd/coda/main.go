// Command coda runs quantum circuits on executors, which are WebAssembly files:
// as a node of the Coda cloud, in a cloud of its own for development, or here and
// now for the author of an executor. It is installed as coda and as coda-node.
package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/conductorquantum/coda/host/executor/guest"
)

func main() {
	// The child that runs an executor is this same binary. It must not touch
	// anything of the command line's.
	if len(os.Args) > 1 && os.Args[1] == guest.Subcommand {
		os.Exit(guest.Main())
	}
	c := &cli{
		name:   programName(os.Args[0]),
		stdin:  os.Stdin,
		stdout: newScreen(os.Stdout),
		stderr: newScreen(os.Stderr),
	}
	os.Exit(c.main(context.Background(), os.Args[1:]))
}

// cli is one invocation: what the program was called, and where it reads and
// writes.
type cli struct {
	name   string
	stdin  io.Reader
	stdout *screen // results
	stderr *screen // everything else
}

// main runs one command line and returns the exit code.
func (c *cli) main(ctx context.Context, args []string) int {
	root := c.rootCommand()
	root.SetArgs(resetFirst(root, args))
	err := root.ExecuteContext(ctx)
	broken := c.stdout.failure()
	if broken == nil {
		c.printError(err)
		return exitCode(err)
	}
	if !errors.Is(err, broken) {
		c.printError(err)
	}
	c.complain("standard output cannot be written, so what it got is not complete: %v", withoutPath(broken))
	return cmp.Or(exitCode(err), exitFailed)
}

// programName is the name to show for the one that the program was called by.
func programName(arg0 string) string {
	name := strings.TrimSuffix(filepath.Base(arg0), ".exe")
	if name == "coda-node" {
		return name
	}
	return "coda"
}
