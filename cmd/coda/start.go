package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/daemon"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/identity"
	"github.com/conductorquantum/coda/host/provision"
	"github.com/spf13/cobra"
)

// The variables that hold one-time tokens.
const (
	tokenEnv     = "CODA_NODE_TOKEN"
	tokenFileEnv = "CODA_NODE_TOKEN_FILE"
)

const maxToken = 64 << 10 // bytes of standard input

type startFlags struct {
	place
	executor text
	device   text
	token    text
	host     text
	port     number
	daemon   bool
	log      logFlags
}

func (c *cli) startCommand() *cobra.Command {
	f := startFlags{
		place:    newPlace(),
		executor: text{word: "REF"},
		device:   text{word: "FILE"},
		token:    text{word: "TOKEN"},
		host:     text{word: "HOST"},
		port:     number{least: 1, most: 65535},
		log:      newLogFlags(),
	}
	cmd := &cobra.Command{
		Use:     "start [flags]",
		Short:   "Run a node: take jobs from the Coda cloud and run them on an executor",
		GroupID: forOperators,
		Long: `Run a node: take jobs from the Coda cloud and run them on an executor. The
settings come from the flags, the environment (CODA_...), the file that --config
names, and what an earlier start left, in this order. The first start needs a
token, which works once.

With --daemon the node runs in the background, and the command ends when it takes
jobs. One node runs on a state directory (CODA_STATE_DIR).

The first SIGINT or SIGTERM stops taking jobs and waits for those in hand, the
second kills them, the third ends the program. Jobs that were not finished stay
in the queue. A log-on with a token is waited for too: the token works once.

The status is 0 after a stop, 1 if the settings are wrong, 3 if the node cannot
start or its token may be lost; with --daemon 0 if it was started, else 1.`,
		Example: `  {{name}} start --executor backend.wasm --token - < token
  {{name}} start --device site/device.toml --port 9000
  {{name}} start --daemon`,
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
	flags.BoolVarP(&f.daemon, "daemon", "d", false, "run in the background")
	f.place.register(cmd)
	f.log.register(cmd)
	completes(cmd, "executor", completeRef)
	completes(cmd, "device", completeDevice)
	for _, flag := range []string{"token", "host", "port"} {
		completes(cmd, flag, cobra.NoFileCompletions)
	}
	return cmd
}

// environment is the process's own with the flags put above it.
func (f *startFlags) environment(stdin io.Reader) ([]string, error) {
	environ := f.log.environment(f.place.environment())
	set := func(name, value string) {
		if value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	token := f.token.value
	if token == "-" {
		line, err := bufio.NewReader(io.LimitReader(stdin, maxToken)).ReadString('\n')
		if token = strings.TrimSpace(line); token == "" {
			if err == io.EOF {
				err = nil
			}
			return nil, &fault.ConfigError{Where: "--token -", Reason: "standard input holds no token", Err: err}
		}
	}
	if token != "" {
		environ = append(environ, tokenFileEnv+"=") // the flag stands above it
	}
	set("CODA_EXECUTOR", f.executor.value)
	set("CODA_DEVICE_CONFIG", f.device.value)
	set(tokenEnv, token)
	set("CODA_HOST", f.host.value)
	if f.port.set {
		set("CODA_PORT", f.port.String())
	}
	return environ, nil
}

// prospect is a node before it runs: what it is told.
type prospect struct {
	environ  []string
	settings config.Settings
	device   config.Device
}

// start runs a node here, or has it run in the background. The process that runs
// there comes through here too.
func (c *cli) start(ctx context.Context, f *startFlags) error {
	background := daemon.InBackground()
	f.token.value = cmp.Or(f.token.value, background.Secret())
	p, err := f.prospect(c.stdin)
	switch {
	case f.daemon:
		return c.startInBackground(ctx, p, err)
	case err == nil:
		err = c.runNode(ctx, p, background)
	default:
		err = c.refused(p, background, err)
	}
	if err != nil {
		background.Failed(err)
	}
	return err
}

// prospect reads the settings. What could be read is returned beside an error.
func (f *startFlags) prospect(stdin io.Reader) (*prospect, error) {
	p := &prospect{device: config.Device{Concurrency: 1}}
	var err error
	if p.environ, err = f.environment(stdin); err != nil {
		p.settings.Log, _ = config.LoadLog(f.log.environment(os.Environ()), config.Defaults().Log)
		return p, err
	}
	forgetToken()
	if p.settings, err = config.Load(p.environ, identity.HeldOrTakenOver); err != nil {
		return p, err
	}
	if p.settings.DeviceConfig != "" {
		p.device, err = config.LoadDevice(p.settings.DeviceConfig)
	}
	return p, err
}

// forgetToken keeps the token from whatever this process starts.
func forgetToken() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.EqualFold(name, tokenEnv) {
			_ = os.Unsetenv(name) // cannot fail with a name that is set
		}
	}
}

// about is what the node is introduced with.
func (p *prospect) about() [][2]string {
	mode := "env"
	if p.settings.NodeToken != "" {
		mode = "token"
	}
	return [][2]string{
		{"WEBAPP", p.settings.WebappURL},
		{"ENDPOINT", net.JoinHostPort(p.settings.Host, strconv.Itoa(p.settings.Port))},
		{"MODE", mode},
	}
}

// starting says what a boot's error means for the exit code: a stop in the middle
// of it is none, unless it cost the token.
func starting(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil && !provision.TokenLost(err) {
		return nil
	}
	if _, ok := errors.AsType[*fault.ConfigError](err); ok {
		return err
	}
	return &startError{err}
}
