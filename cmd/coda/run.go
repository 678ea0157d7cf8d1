package main

import (
	"context"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/webhook"
	"github.com/spf13/cobra"
)

const defaultShots = 1024

type runFlags struct {
	executor text
	device   text
	shots    number
	seed     number
	target   targetFlag
	json     bool
}

func (c *cli) runCommand() *cobra.Command {
	f := runFlags{
		executor: text{word: "REF"},
		device:   text{word: "FILE"},
		shots:    shotsFlag(),
		seed:     number{most: 1<<64 - 1},
	}
	cmd := &cobra.Command{
		Use:     "run [flags] CIRCUIT...",
		Short:   "Run circuits on an executor here, without a cloud",
		GroupID: forAuthors,
		Long: `Run circuits on an executor here, without a cloud, and show how often each
outcome was measured. With --json, print for each circuit the line that a node
would send as the job's result; the job's id is the file's name without its ending.

The first Ctrl-C asks the executor to stop and waits for it, the second ends the
program at once, as the signal does.

The status is 0 if all circuits completed and 1 if any failed.`,
		Example: `  {{name}} run bell.json
  {{name}} run --executor backend.wasm --device site/device.toml bell.json ghz.json
  {{name}} run --target cnot adder.qasm
  {{name}} run --json --shots 20000 --seed 1 - < bell.json`,
		Args:              circuitArguments,
		ValidArgsFunction: completeCircuit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd.Context(), &f, newSources(args))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.executor, "executor", "executor: a .wasm file or a built-in (default the device file's, else "+defaultExecutor+")")
	flags.Var(&f.device, "device", "device file: the executor's limits and settings")
	flags.Var(&f.shots, "shots", "how often each circuit is run")
	flags.Var(&f.seed, "seed", "the executor's setting seed, which makes simulators repeatable")
	f.target.register(cmd)
	flags.BoolVar(&f.json, "json", false, "one line of JSON for each circuit")
	completes(cmd, "executor", completeRef)
	completes(cmd, "device", completeDevice)
	return cmd
}

func shotsFlag() number { return number{value: defaultShots, least: 1, most: 1<<64 - 1, set: true} }

// run runs the circuits one after the other. One that fails leaves the others
// alone.
func (c *cli) run(ctx context.Context, f *runFlags, sources []source) error {
	b, err := newBench(f.executor.value, f.device.value)
	if err != nil {
		return err
	}
	if f.seed.set {
		b.seed(f.seed.value)
	}
	ctx, stop := untilInterrupted(ctx, func() { c.complain("stopping; Ctrl-C again to kill") })
	defer stop()
	e, err := c.open(ctx, b)
	if err != nil {
		return err
	}
	defer e.Close()

	failed := 0
	for i, s := range sources {
		r, err := c.runOne(ctx, e, s, f, i, len(sources))
		switch {
		case ctx.Err() != nil && err != nil:
			c.complain("interrupted; %d of %d circuits were run", i, len(sources))
			return errReported
		case err != nil:
			failed++
			c.showFailure(s, err.Error(), f.json)
		case f.json:
			c.stdout.printf("%s\n", webhook.Completed(s.id, r.measurements, r.execution, r.elapsed))
		default:
			c.showResult(r.result())
		}
		if err := c.stdout.failure(); err != nil {
			return err // nobody would see the results of the others
		}
	}
	if failed > 0 {
		return errReported
	}
	return nil
}

// ran is a circuit that an executor has run.
type ran struct {
	source       source
	device       string
	measurements int
	asked        uint64 // shots
	execution    *abi.Execution
	elapsed      time.Duration // of the call
}

// runOne runs the circuit of a source, the ith of n.
func (c *cli) runOne(ctx context.Context, e *executor.Executor, s source, f *runFlags, i, n int) (*ran, error) {
	circuit, err := s.circuit(c.stdin, f.target.Target)
	if err != nil {
		return nil, err
	}
	defer c.stderr.working("running %s (%d of %d)", s.id, i+1, n)()
	start := time.Now()
	execution, err := e.Run(ctx, &abi.Job{ID: s.id, Circuit: circuit, Shots: f.shots.value})
	if err != nil {
		return nil, err
	}
	return &ran{s, e.Device().Name, len(circuit.Measurements), f.shots.value, execution, time.Since(start)}, nil
}

func (r *ran) result() *result {
	elapsed := r.elapsed
	if r.execution.Elapsed != nil {
		elapsed = *r.execution.Elapsed
	}
	return &result{
		title:   r.source.id,
		device:  r.device,
		asked:   r.asked,
		shots:   r.execution.ShotsCompleted,
		elapsed: elapsed,
		counts:  r.execution.Counts(r.measurements),
	}
}

// showFailure reports a circuit that gave no result: as a result does, or in
// words.
func (c *cli) showFailure(s source, why string, json bool) {
	if json {
		c.stdout.printf("%s\n", webhook.Failed(s.id, why))
		return
	}
	c.complain("%s: %s", s.shown(), why)
}
