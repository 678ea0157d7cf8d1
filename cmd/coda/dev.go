package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/conductorquantum/coda/cmd/coda/circuits"
	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/spf13/cobra"
)

// Where `coda dev` listens; with --once, where nobody has to find it, on any port
// that is free.
const (
	devCloudAddress = "127.0.0.1:8700"
	devNodeAddress  = "127.0.0.1:8080"
	anyAddress      = "127.0.0.1:0"
)

const redisPatience = 5 * time.Second // with the Redis that was given

type devFlags struct {
	executor text
	device   text
	redis    text
	cloud    address
	node     address
	shots    number
	target   targetFlag
	once     bool
	log      logFlags
}

func (c *cli) devCommand() *cobra.Command {
	f := devFlags{
		executor: text{word: "REF"},
		device:   text{word: "FILE"},
		redis:    text{word: "URL"},
		shots:    number{value: defaultShots, least: 1, most: math.MaxInt64, set: true},
		log:      newLogFlags(),
	}
	cmd := &cobra.Command{
		Use:     "dev [flags] [CIRCUIT...]",
		Short:   "Run a cloud in a box and a node of it, to try an executor the way a lab would",
		GroupID: forAuthors,
		Long: `Run a cloud in a box and a node of it: a job queue, a node that is provisioned
like any other, and signed webhooks, all in one program and on this machine. The
circuits, or else some of our own, are run as jobs; then it stays up for
'{{name}} submit', or with --once ends.

With --once the status is 0 if all jobs completed.`,
		Example: `  {{name}} dev
  {{name}} dev --executor backend.wasm --once bell.json
  {{name}} dev --redis redis://127.0.0.1:6379 --node 127.0.0.1:9000`,
		Args:              anyCircuits,
		ValidArgsFunction: completeCircuit,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.redis.value != "" {
				if err := config.CheckRedisURL(config.Secret(f.redis.value)); err != nil {
					return misused(cmd, "--redis %v: write redis://HOST:PORT, rediss://… or unix:///PATH", err)
				}
			}
			return c.dev(cmd.Context(), &f, newSources(args))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.executor, "executor", "executor: a .wasm file or a built-in (default the device file's, else "+defaultExecutor+")")
	flags.Var(&f.device, "device", "device file: the executor's limits and settings")
	flags.BoolVar(&f.once, "once", false, "end when the circuits have been run")
	flags.Var(&f.shots, "shots", "how often each circuit is run")
	f.target.register(cmd)
	flags.Var(&f.redis, "redis", "a Redis to use instead of the one inside")
	flags.Var(&f.cloud, "cloud", "host:port of the cloud (default "+devCloudAddress+", with --once any)")
	flags.Var(&f.node, "node", "host:port of the node's probes (default "+devNodeAddress+", with --once any)")
	f.log.register(cmd)
	completes(cmd, "executor", completeRef)
	completes(cmd, "device", completeDevice)
	for _, flag := range []string{"redis", "cloud", "node"} {
		completes(cmd, flag, cobra.NoFileCompletions)
	}
	return cmd
}

// dev runs the cloud and the node, and the circuits as their first jobs.
func (c *cli) dev(ctx context.Context, f *devFlags, sources []source) error {
	b, err := newBench(f.executor.value, f.device.value)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		for _, circuit := range circuits.All() {
			sources = append(sources, source{id: circuit.Name, text: circuit.IR})
		}
	}
	cloud, node, look := devCloudAddress, devNodeAddress, config.Defaults().Log
	if f.once {
		cloud, node, look.Level = anyAddress, anyAddress, "warn"
	}
	if look, err = config.LoadLog(f.log.environment(os.Environ()), look); err != nil {
		return err
	}
	log := newLog(c.stderr, look)
	if !isJSON(look) {
		log = newLog(c.stderr, look, withoutTime)
	}
	ctx, kill, release := untilStopped(ctx)
	defer release()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	ready, ended := make(chan host.DevAddress, 1), make(chan error, 1)
	sending, stopSending := context.WithCancel(ctx)
	go func() {
		defer stopSending()
		if err := askRedis(ctx, f.redis.value, log); err != nil {
			ended <- err
			return
		}
		ended <- host.Dev(ctx, host.DevConfig{
			Executor: b.program.Ref,
			Device:   b.device,
			RedisURL: f.redis.value,
			Cloud:    cmp.Or(f.cloud.value, cloud),
			Node:     cmp.Or(f.node.value, node),
			Version:  readVersions().Version,
			Log:      log,
			Ready:    func(a host.DevAddress) { ready <- a },
			Kill:     kill,
		})
	}()
	started := c.stderr.working("starting a cloud and a node")
	select {
	case address := <-ready:
		started()
		c.showAddresses(&address, f)
		err = c.submit(sending, address.Cloud, &submitFlags{shots: f.shots, target: f.target, wait: true}, sources)
	case err := <-ended:
		started()
		if f.once && ctx.Err() != nil {
			c.complain("interrupted before the circuits were run")
			return errReported
		}
		return starting(ctx, err)
	}
	if f.once {
		stop()
		return cmp.Or(<-ended, err)
	}
	c.printError(err)
	if ctx.Err() == nil {
		c.stderr.printf("The node takes jobs until Ctrl-C.\n")
	}
	return <-ended
}

// askRedis finds out whether the Redis that was given answers. A node would go on
// asking, as its Redis may come back; here it is more likely the wrong one.
func askRedis(ctx context.Context, url string, log *slog.Logger) error {
	if url == "" {
		return nil
	}
	cloud, err := devcloud.New(devcloud.Config{RedisURL: url, Log: log})
	if err != nil {
		return err
	}
	defer cloud.Close()
	ctx, cancel := context.WithTimeout(ctx, redisPatience)
	defer cancel()
	if _, err := cloud.Stats(ctx); err != nil {
		if node, ok := errors.AsType[*fault.NodeError](err); ok {
			err = node.Err // what Redis, or the way to it, says
		}
		return &fault.NodeError{Op: "--redis", Reason: "the Redis at " + host.MaskRedisURL(config.Secret(url)) + " cannot be used; without the flag, one inside is", Err: err}
	}
	return nil
}

// showAddresses says where things are. The Redis inside is for its owner to look
// at; the URL of another may hold somebody's password.
func (c *cli) showAddresses(a *host.DevAddress, f *devFlags) {
	rows := [][2]string{
		{"CLOUD", a.Cloud},
		{"ENDPOINT", "http://" + a.HTTP + "/ready"},
	}
	if f.redis.value == "" {
		rows = append(rows, [2]string{"REDIS", a.Redis})
	}
	rows = append(rows, [2]string{"EXECUTOR", a.Executor}, [2]string{"DEVICE", describe(&a.Device)})
	if !f.once {
		try := c.name + " submit --wait"
		if a.Cloud != devCloud {
			try += " --cloud " + a.Cloud
		}
		rows = append(rows, [2]string{"TRY", try + " CIRCUIT"})
	}
	c.stderr.banner("DEV", rows)
}
