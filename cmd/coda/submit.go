package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"os"
	"time"

	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/spf13/cobra"
)

// devCloud is where `coda dev` listens, and the variable that names another place.
const (
	devCloud    = "http://127.0.0.1:8700"
	devCloudEnv = "CODA_DEV_CLOUD"
)

type submitFlags struct {
	cloud  text
	shots  number
	target targetFlag
	wait   bool
	json   bool
}

func (c *cli) submitCommand() *cobra.Command {
	f := submitFlags{
		cloud: text{word: "ADDRESS"},
		shots: number{value: defaultShots, least: 1, most: math.MaxInt64, set: true},
	}
	cmd := &cobra.Command{
		Use:     "submit [flags] CIRCUIT...",
		Short:   "Send circuits to a running {{name}} dev",
		GroupID: forAuthors,
		Long: `Send circuits as jobs to the cloud of a running '{{name}} dev', and print their
ids. With --wait, wait for the results and print them as run does.

The status is 0 if all jobs were taken, and with --wait completed.`,
		Example: `  {{name}} submit --wait bell.json
  {{name}} submit --cloud http://192.0.2.7:8700 --shots 100 --json *.json`,
		Args:              circuitArguments,
		ValidArgsFunction: completeCircuit,
		RunE: func(cmd *cobra.Command, args []string) error {
			cloud, err := f.cloudURL(cmd)
			if err != nil {
				return err
			}
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			return c.submit(ctx, cloud, &f, newSources(args))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.cloud, "cloud", "host:port or URL of the cloud (default $"+devCloudEnv+", else "+devCloud+")")
	flags.Var(&f.shots, "shots", "how often each circuit is run")
	f.target.register(cmd)
	flags.BoolVar(&f.wait, "wait", false, "wait for the results")
	flags.BoolVar(&f.json, "json", false, "one line of JSON for each circuit")
	completes(cmd, "cloud", cobra.NoFileCompletions)
	return cmd
}

// cloudURL is the address that was given, if it can be one.
func (f *submitFlags) cloudURL(cmd *cobra.Command) (string, error) {
	cloud := cmp.Or(f.cloud.value, os.Getenv(devCloudEnv), devCloud)
	if checkAddress(cloud) == nil {
		return "http://" + cloud, nil
	}
	u, err := url.Parse(cloud)
	switch {
	case err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return cloud, nil
	case f.cloud.value != "":
		return "", misused(cmd, "--cloud wants host:port or a URL such as %s, not %q", devCloud, cloud)
	default:
		return "", &fault.ConfigError{Where: devCloudEnv, Reason: "must be host:port or a URL such as " + devCloud}
	}
}

// job is a circuit on its way to a cloud.
type job struct {
	source source
	id     string
}

// submit sends the circuits that can be read.
func (c *cli) submit(ctx context.Context, cloud string, f *submitFlags, sources []source) error {
	var (
		jobs    []job
		bodies  []devcloud.Job
		outcome error
	)
	for _, s := range sources {
		ir, err := s.ir(c.stdin, f.target.Target)
		if err != nil {
			c.complain("%s: %v", s.shown(), err)
			outcome = errReported
			continue
		}
		jobs = append(jobs, job{source: s})
		bodies = append(bodies, devcloud.Job{IRText: ir, Shots: int64(f.shots.value)})
	}
	if len(jobs) == 0 {
		return outcome
	}
	client := devcloud.NewClient(cloud)
	ids, err := client.Submit(ctx, bodies...)
	if ctx.Err() != nil && err != nil {
		c.complain("interrupted before the cloud answered; it may have taken the jobs")
		return errReported
	}
	if err != nil {
		return noDevCloud(ctx, client, cloud, err)
	}
	for i, id := range ids {
		jobs[i].id = id
	}
	if f.wait {
		err = c.await(ctx, client, jobs, f)
	} else {
		err = c.showQueued(jobs, f.json)
	}
	return cmp.Or(err, outcome)
}

// noDevCloud is the error of a submission, with what it comes from if what
// answers is something else than the cloud of a coda dev, which counts its jobs
// for whoever asks.
func noDevCloud(ctx context.Context, client *devcloud.Client, cloud string, err error) error {
	node, ok := errors.AsType[*fault.NodeError](err)
	if !ok || node.Retry {
		return err
	}
	_, strange := client.Stats(ctx)
	if node, ok := errors.AsType[*fault.NodeError](strange); !ok || node.Retry {
		return err
	}
	return &fault.NodeError{Op: "submit", Err: node,
		Reason: "what answers at " + cloud + " is not the cloud of a `coda dev`, which shows its address as CLOUD when it starts"}
}

func (c *cli) showQueued(jobs []job, asJSON bool) error {
	for _, j := range jobs {
		if !asJSON {
			c.stdout.printf("%s is queued as %s\n", printable(j.source.id), printable(j.id))
			continue
		}
		if err := c.printJSON(struct {
			ID      string `json:"job_id"`
			Status  string `json:"status"`
			Circuit string `json:"circuit"`
		}{j.id, "queued", j.source.path}); err != nil {
			return err
		}
	}
	return nil
}

// await prints the results in the order of the circuits.
func (c *cli) await(ctx context.Context, client *devcloud.Client, jobs []job, f *submitFlags) error {
	var outcome error
	for i, j := range jobs {
		done := c.stderr.working("waiting for %s (%d of %d)", j.source.id, i+1, len(jobs))
		state, err := client.Wait(ctx, j.id)
		done()
		if ctx.Err() != nil {
			c.complain("interrupted; %d of %d results came, and the other jobs go on", i, len(jobs))
			return errReported
		}
		if err != nil {
			return err
		}
		if err := c.showState(j, &state, f); err != nil {
			outcome = err
		}
		if err := c.stdout.failure(); err != nil {
			return err // nobody would see the other results
		}
	}
	return outcome
}

// posted is the body in which a node reports a job.
type posted struct {
	Status string            `json:"status"`
	Counts map[string]uint64 `json:"counts"`
	MS     float64           `json:"execution_time_ms"`
	Shots  uint64            `json:"shots_completed"`
	Error  string            `json:"error"`
}

// showState prints what became of a job. The error is that it did not complete.
func (c *cli) showState(j job, state *devcloud.State, f *submitFlags) error {
	body := posted{Status: state.State}
	if state.Result != nil {
		if err := json.Unmarshal(state.Result, &body); err != nil {
			return &fault.NodeError{Op: "wait", Reason: "the result of " + j.source.shown() + " cannot be read", Err: err}
		}
	}
	var outcome error
	if body.Status != "completed" {
		outcome = errReported
	}
	switch {
	case f.json && state.Result != nil:
		c.stdout.printf("%s\n", state.Result)
	case f.json:
		return cmp.Or(c.printJSON(map[string]string{"job_id": j.id, "status": body.Status}), outcome)
	case outcome != nil:
		c.complain("%s: %s", j.source.shown(), cmp.Or(body.Error, "the job was "+body.Status))
	default:
		c.showResult(&result{
			title:   j.source.id,
			asked:   f.shots.value,
			shots:   body.Shots,
			elapsed: time.Duration(body.MS * float64(time.Millisecond)),
			counts:  body.Counts,
		})
	}
	return outcome
}
