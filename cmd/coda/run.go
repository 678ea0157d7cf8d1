package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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
	record   text
	replay   text
}

func (c *cli) runCommand() *cobra.Command {
	f := runFlags{
		executor: text{word: "REF"},
		device:   text{word: "FILE"},
		shots:    shotsFlag(),
		seed:     number{most: 1<<64 - 1},
		record:   text{word: "TAPE"},
		replay:   text{word: "TAPE"},
	}
	cmd := &cobra.Command{
		Use:     "run [flags] CIRCUIT...",
		Short:   "Run circuits on an executor here, without a cloud",
		GroupID: forAuthors,
		Long: `Run circuits on an executor here, without a cloud, and show how often each
outcome was measured. With --json, print for each circuit the line that a node
would send as the job's result, and its provenance, which a node keeps to itself; the
job's id is the file's name without its ending.

--record writes a tape, if all circuits can be read: every clock, random byte, setting
and word to an instrument that the executor asked for, and the answers. --replay plays
it again with the same executor and circuits, and comes to the same results, with the
times of then. It needs no instrument, setting or file, and ends at the first call that
differs.

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
			if f.record.value != "" && f.replay.value != "" {
				return misused(cmd, "give either --record or --replay")
			}
			if f.seed.set && f.replay.value != "" {
				return misused(cmd, "--seed has no effect with --replay: the tape has the seed that it was recorded with")
			}
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
	flags.Var(&f.record, "record", "write all that the executor asks of the world to a new file, a tape")
	flags.Var(&f.replay, "replay", "play a tape in place of the world: no hardware is touched, and what differs fails")
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
	if f.record.value != "" && !c.resolve(sources, f) {
		return errReported // before there is a tape, which nothing writes over
	}
	if b.deck, err = newDeck(f.record.value, f.replay.value); err != nil {
		return err
	}
	e, err := c.open(ctx, b)
	if err != nil {
		return b.deck.abandon(err)
	}
	ended := false
	end := func() error {
		if ended {
			return nil
		}
		ended = true
		err := e.Close()
		return cmp.Or(b.deck.failure(), err, b.deck.close())
	}
	defer func() { _ = end() }() // on the way out with another error

	failed := 0
	for i, s := range sources {
		r, err := c.runOne(ctx, e, s, b.deck, f, i, len(sources))
		switch {
		case ctx.Err() != nil && err != nil:
			c.complain("interrupted; %d of %d circuits were run", i, len(sources))
			return errReported
		case b.deck.failure() != nil:
			return b.deck.failure()
		case err != nil:
			failed++
			c.showFailure(s, err.Error(), f.json)
		case f.json:
			c.stdout.printf("%s\n", r.line(e.Provenance()))
		default:
			c.showResult(r.result())
		}
		if err := c.stdout.failure(); err != nil {
			return err // nobody would see the results of the others
		}
	}
	if err := end(); err != nil {
		return err
	}
	if failed > 0 {
		return errReported
	}
	return nil
}

// resolve reads all circuits, shows those that cannot be read, and reports whether all
// can.
func (c *cli) resolve(sources []source, f *runFlags) bool {
	all := true
	for i := range sources {
		s := &sources[i]
		circuit, err := s.circuit(c.stdin, f.target.Target)
		if err != nil {
			c.showFailure(*s, err.Error(), f.json)
			all = false
		}
		s.resolved = circuit
	}
	return all
}

// ran is a circuit that an executor has run.
type ran struct {
	source       source
	device       string
	measurements int
	asked        uint64 // shots
	execution    *abi.Execution
	began, ended time.Time
}

// runOne runs the circuit of a source, the ith of n.
func (c *cli) runOne(ctx context.Context, e *opened, s source, d *deck, f *runFlags, i, n int) (*ran, error) {
	circuit, err := s.circuit(c.stdin, f.target.Target)
	if err != nil {
		return nil, err
	}
	defer c.stderr.working("running %s (%d of %d)", s.id, i+1, n)()
	job := &abi.Job{ID: s.id, Circuit: circuit, Shots: f.shots.value}
	began, err := d.begin(job)
	if err != nil {
		return nil, err
	}
	execution, err := e.Run(ctx, job)
	ended, err := d.end(execution, err)
	if err != nil {
		return nil, err
	}
	return &ran{s, e.Device().Name, len(circuit.Measurements), f.shots.value, execution, began, ended}, nil
}

// line is the line that a node would send, and what it does not send: what the result
// came from.
func (r *ran) line(from executor.Provenance) []byte {
	origin := struct {
		executor.Provenance
		Started time.Time `json:"started_at"`
		Ended   time.Time `json:"ended_at"`
	}{from, r.began.UTC(), r.ended.UTC()}
	added, _ := json.Marshal(origin) // of plain fields: cannot fail
	line := webhook.Completed(r.source.id, r.measurements, r.execution, r.ended.Sub(r.began))
	return fmt.Appendf(bytes.TrimSuffix(line, []byte("}")), ",\"provenance\":%s}", added)
}

func (r *ran) result() *result {
	elapsed := r.ended.Sub(r.began)
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
