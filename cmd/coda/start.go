package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/spf13/cobra"
)

type startFlags struct {
	executor text
	device   text
	token    text
	host     text
	port     number
}

func (c *cli) startCommand() *cobra.Command {
	f := startFlags{
		executor: text{word: "REF"},
		device:   text{word: "FILE"},
		token:    text{word: "TOKEN"},
		host:     text{word: "HOST"},
		port:     number{least: 1, most: 65535},
	}
	cmd := &cobra.Command{
		Use:     "start [flags]",
		Short:   "Run a node: take jobs from the Coda cloud and run them on an executor",
		GroupID: forOperators,
		Long: `Run a node: take jobs from the Coda cloud and run them on an executor. The
settings come from the flags, the environment (CODA_...), the file that
CODA_CONFIG names, and what an earlier start left, in this order. The first start
needs a token, which works once.

The first SIGINT or SIGTERM stops taking jobs and waits for those in hand, the
second kills them, the third ends the program. Jobs that were not finished stay
in the queue.

The status is 0 after a stop, 1 if the settings are wrong, 3 if the node cannot
start.`,
		Example: `  {{name}} start --executor backend.wasm --token - < token
  {{name}} start --device site/device.toml --port 9000`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.start(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.executor, "executor", "executor: a .wasm file or a built-in (default the device file's)")
	flags.Var(&f.device, "device", "device file (default ./site/device.toml, else ./site/device.yaml)")
	flags.VarP(&f.token, "token", "t", "one-time token; others see it in the process list: - reads it from standard input")
	flags.VarP(&f.host, "host", "H", "address that /health and /ready are served on (default 0.0.0.0)")
	flags.VarP(&f.port, "port", "p", "port of it (default 8080)")
	completes(cmd, "executor", completeRef)
	completes(cmd, "device", completeDevice)
	completes(cmd, "token", cobra.NoFileCompletions)
	completes(cmd, "host", cobra.NoFileCompletions)
	completes(cmd, "port", cobra.NoFileCompletions)
	return cmd
}

// environment is the process's own with the flags put above it.
func (f *startFlags) environment(stdin io.Reader) ([]string, error) {
	environ := os.Environ()
	set := func(name, value string) {
		if value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	token := f.token.value
	if token == "-" {
		line, err := bufio.NewReader(stdin).ReadString('\n')
		if token = strings.TrimSpace(line); token == "" {
			if err == io.EOF {
				err = nil
			}
			return nil, &fault.ConfigError{Where: "--token -", Reason: "standard input holds no token", Err: err}
		}
	}
	set("CODA_EXECUTOR", f.executor.value)
	set("CODA_DEVICE_CONFIG", f.device.value)
	set("CODA_NODE_TOKEN", token)
	set("CODA_HOST", f.host.value)
	if f.port.set {
		set("CODA_PORT", f.port.String())
	}
	return environ, nil
}

func (c *cli) start(ctx context.Context, f *startFlags) error {
	environ, err := f.environment(c.stdin)
	if err != nil {
		return err
	}
	settings, err := config.Load(environ, identity.HeldOrTakenOver)
	if err != nil {
		return err
	}
	device := config.Device{Concurrency: 1}
	if settings.DeviceConfig != "" {
		if device, err = config.LoadDevice(settings.DeviceConfig); err != nil {
			return err
		}
	}
	mode := "env"
	if settings.NodeToken != "" {
		mode = "token"
	}
	c.banner("NODE", [][2]string{
		{"WEBAPP", settings.WebappURL},
		{"ENDPOINT", net.JoinHostPort(settings.Host, strconv.Itoa(settings.Port))},
		{"MODE", mode},
	})
	log := slog.New(slog.NewTextHandler(c.stderr, nil))
	for _, warning := range settings.Warnings {
		log.Warn(warning)
	}
	ctx, kill, release := untilStopped(ctx)
	defer release()
	return starting(ctx, host.Run(ctx, host.Config{Settings: settings, Device: device, Log: log, Kill: kill}))
}

// starting says what a boot's error means for the exit code: a stop in the middle
// of it is none.
func starting(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.ConfigError](err); ok {
		return err
	}
	return &startError{err}
}
