package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/conformance"
	"github.com/conductorquantum/coda/wit"
	"github.com/spf13/cobra"
)

type testFlags struct {
	device   text
	physics  choice
	only     groups
	list     bool
	thorough bool
	json     bool
	junit    text
	record   text
	replay   text
}

func (c *cli) testCommand() *cobra.Command {
	f := testFlags{
		device:  text{word: "FILE"},
		physics: choice{value: string(conformance.Auto), of: []string{"auto", "exact", "noisy", "off"}, word: "HOW"},
		junit:   text{word: "FILE"},
		record:  text{word: "TAPE"},
		replay:  text{word: "TAPE"},
	}
	cmd := &cobra.Command{
		Use:     "test [flags] REF",
		Short:   "Hold an executor against the contract, and say what it breaks",
		GroupID: forAuthors,
		Long: `Hold an executor against the contract, in the sandbox that a node uses: every gate
of its device on its qubits, circuits at the ends of what is valid, repeatability under
a seed, refusals, cancellation, make-safe, and what it took of its limits. Where it is a
simulator, counts are compared with the exact distributions.

What failed is shown with what was asked, what came, and the rule. The report names the
file by its SHA-256, and so is about that file alone.

With --physics auto, a few circuits show whether it is an exact simulator, a noisy
device, whose counts have to be near, or a stand-in that always measures the same.

--record writes a tape of all that the executor asked of the world, as coda run does, and
--replay plays it again, without instruments. What a tape is tested for does not depend
on time: no job is cancelled, and of many qubits or pairs the first are tried.

The status is 0 if all checks passed, 1 if any failed, and 2 if nothing could be tested
or the report could not be written to its file.`,
		Example: `  {{name}} test backend.wasm
  {{name}} test --device site/device.toml --physics noisy backend.wasm
  {{name}} test --only gates,physics statevector
  {{name}} test --json --junit report.xml backend.wasm`,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.list && len(args) == 0 {
				return nil
			}
			return oneArgument("REF")(cmd, args)
		},
		ValidArgsFunction: firstArgument(completeRef),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.list:
				for _, group := range conformance.Groups() {
					c.stdout.printf("%s\n", group)
				}
				return nil
			case f.record.value != "" && f.replay.value != "":
				return misused(cmd, "give either --record or --replay")
			case f.json && f.junit.value == stdinPath:
				return misused(cmd, "--json and --junit - both write to standard output: give --junit a file")
			}
			return c.test(cmd.Context(), args[0], &f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.device, "device", "device file: the executor's limits and settings")
	flags.Var(&f.physics, "physics", "what counts are held to: auto, exact, noisy or off")
	flags.Var(&f.only, "only", "run these groups of checks, with commas between them")
	flags.BoolVar(&f.list, "list", false, "list the groups of checks")
	flags.BoolVar(&f.thorough, "thorough", false, "try every qubit and pair, however long it takes")
	flags.BoolVar(&f.json, "json", false, "as JSON")
	flags.Var(&f.junit, "junit", "write JUnit's XML to a file; - for standard output, instead of the report")
	flags.Var(&f.record, "record", "write all that the executor asks of the world to a new file, a tape")
	flags.Var(&f.replay, "replay", "play a tape in place of the world: no hardware is touched, and what differs fails")
	completes(cmd, "device", completeDevice)
	completes(cmd, "physics", f.physics.complete)
	completes(cmd, "only", f.only.complete)
	return cmd
}

// groups is a flag's value: groups of checks with commas between them.
type groups struct{ of []string }

func (g *groups) Set(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		if !slices.Contains(conformance.Groups(), name) {
			return fmt.Errorf("there is no group %q: they are %s", name, strings.Join(conformance.Groups(), ", "))
		}
		g.of = append(g.of, name)
	}
	return nil
}

func (g *groups) String() string { return strings.Join(g.of, ",") }
func (g *groups) Type() string   { return "GROUP[,GROUP]" }

func (g *groups) complete(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	var names []string
	for _, group := range conformance.Groups() {
		names = append(names, before+group)
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// verdict is what coda test found of a file.
type verdict struct {
	Ref        string            `json:"ref"`
	Path       string            `json:"path,omitempty"` // empty for a built-in
	SHA256     string            `json:"sha256"`         // of the file: the verdict is about it alone
	Contract   string            `json:"contract"`       // with executors, of this coda
	Coda       string            `json:"coda"`           // its version
	Date       time.Time         `json:"date"`
	DeviceFile string            `json:"device_file,omitempty"`
	Settings   string            `json:"settings_sha256,omitempty"` // of the device file, by key, as JSON
	Grants     string            `json:"grants_sha256,omitempty"`   // of the endpoints that it grants
	Limits     map[string]string `json:"limits"`                    // all that hold, by key
	Only       []string          `json:"only"`                      // the groups of checks that were asked for; empty: all
	Thorough   bool              `json:"thorough"`
	Passed     int               `json:"passed"`
	Failed     int               `json:"failed"`
	Skipped    int               `json:"skipped"`
	Error      string            `json:"error,omitempty"` // why it could not be tested
	*conformance.Report
}

// test tests an executor. Whatever keeps it from being tested is an untestedError.
func (c *cli) test(ctx context.Context, ref string, f *testFlags) error {
	junit, err := createJUnit(f.junit.value)
	if err != nil {
		return &untestedError{err}
	}
	defer junit.discard()
	v := &verdict{
		Ref: ref, Contract: wit.Package + "@" + wit.Version, Coda: readVersions().Version, Date: time.Now().UTC().Truncate(time.Second),
		Limits: map[string]string{}, Only: append([]string{}, f.only.of...), Thorough: f.thorough,
		Report: &conformance.Report{Checks: []conformance.Check{}, Budgets: []conformance.Budget{}},
	}
	ctx, stop := untilInterrupted(ctx, func() { c.complain("stopping; Ctrl-C again to kill") })
	defer stop()
	err = c.conform(ctx, v, f)
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted; %s made", plural(len(v.Checks), "check"))
	}
	v.Passed, v.Failed, v.Skipped = v.Count(conformance.Passed), v.Count(conformance.Failed), v.Count(conformance.Skipped)
	if err != nil {
		v.Error = err.Error()
		err = &untestedError{err}
	} else if v.Failed > 0 {
		err = errReported
	}
	return c.publish(v, f, junit, err)
}

// conform runs the checks, and tells a person at the terminal of them. What it finds
// goes into v.
func (c *cli) conform(ctx context.Context, v *verdict, f *testFlags) error {
	done := func() {}
	defer func() { done() }()
	b, err := newBench(v.Ref, f.device.value)
	if err != nil {
		return err
	}
	v.Ref, v.Path, v.SHA256 = b.program.Ref, b.program.Path, b.program.Digest()
	if v.DeviceFile = b.device.Path; v.DeviceFile != "" {
		v.Settings = host.DigestSettings(b.device.Config)
	}
	if b.deck, err = newDeck(f.record.value, f.replay.value); err != nil {
		return err
	}
	cfg, release, err := c.executorConfig(b, slog.LevelWarn)
	if err != nil {
		return b.deck.abandon(err)
	}
	defer release()
	v.Limits, v.Grants = cfg.Limits.OrDefaults().ByKey(), cfg.Grants
	v.Report, err = host.Conform(ctx, cfg, conformance.Config{
		Only: f.only.of, Physics: conformance.Physics(f.physics.value), Thorough: f.thorough, Timeless: b.deck != nil,
		Started: func(name string, i, n int) {
			done()
			done = c.stderr.working("%s (%d of %d)", name, i, n)
		},
	})
	// What a tape that has failed left of the checks is no verdict.
	return cmp.Or(b.deck.close(), err)
}

// publish writes a verdict where it was asked for. It returns outcome, unless that
// cannot be done. The file comes last: that it cannot be written is no reason not to say
// what was found.
func (c *cli) publish(v *verdict, f *testFlags, junit *junitFile, outcome error) error {
	var err error
	switch {
	case f.json:
		if err = c.printJSON(v); err == nil && v.Error != "" {
			outcome = &untestedError{errReported}
		}
	case f.junit.value == stdinPath:
		err = v.writeJUnit(c.stdout)
	case v.Error == "":
		c.showConformance(v)
	}
	if err != nil {
		outcome = err
	}
	err = v.saveJUnit(junit)
	switch {
	case err == nil:
	case outcome == nil:
		return &untestedError{err}
	default: // which says more
		c.complain("%v", err)
	}
	return outcome
}
