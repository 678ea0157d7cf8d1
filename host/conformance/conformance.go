// Package conformance holds executors, in whatever language they are written,
// against the contract: a list of checks whose circuits are made for the device
// that the executor reports. Authors run it as coda test; the tests of the
// executors that come with coda run the same.
package conformance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/fault"
)

// Executor is an opened executor. Errors are *fault.ExecutorError.
type Executor interface {
	Device() abi.Device
	// Run refuses what the device does not take and results that break a rule.
	Run(ctx context.Context, job *abi.Job) (*abi.Execution, error)
	// RunBatch is called where the file exports batch.
	RunBatch(ctx context.Context, jobs []*abi.Job) ([]Result, error)
	// MakeSafe is called where the file exports safety.
	MakeSafe(ctx context.Context) error
	// Budgets are what it has used so far, against its limits.
	Budgets() []Budget
	Close() error
}

// Result is what became of one job of a batch.
type Result struct {
	Execution *abi.Execution
	Err       error
}

// Subject is an executor to be tested: what its file exports, and how it is
// opened.
type Subject struct {
	Contract string // its version and spelling, for people
	Batch    bool   // exports batch
	Safety   bool   // exports safety
	Settings bool   // can read settings: imports config
	// Set are the settings that the operator gave it.
	Set map[string]string
	// Open opens it with these settings. Instances that are kept outlive their jobs
	// however cheap they are to make.
	Open func(ctx context.Context, settings map[string]string, keep bool) (Executor, error)
}

// Config says which checks to run and how.
type Config struct {
	Only     []string // groups; empty for all
	Physics  Physics
	Thorough bool // every qubit and pair, however long it takes
	// Timeless has the same asked of the executor however long it takes to answer.
	Timeless bool
	// Started is told of each check, the ith of n; nil for nobody.
	Started func(name string, i, n int)
}

// patience is how long one check goes on to further qubits and pairs, unless the
// run is thorough. What is left out is said.
const patience = 8 * time.Second

// sample is how many qubits or pairs are tried where time does not count.
const sample = 64

// check is one thing that is looked at.
type check struct {
	group, name string
	run         func(ctx context.Context, s *suite) error
}

// Groups are those of the checks, in their order.
func Groups() []string {
	return []string{"abi", "gates", "edges", "determinism", "refusals", "cancellation", "safety", "physics", "budgets"}
}

// suite is one run.
type suite struct {
	subject  *Subject
	cfg      Config
	e        Executor
	device   abi.Device
	coupling *coupling     // see coupled
	opened   time.Duration // how long the first open took
	physics  Physics
	plain    distribution // what the plain job measures; nil where that is wrong, so that one mistake fails no check that is not about it
	others   []abi.Target // beside the device's, that it runs right
	report   *Report

	remarks []string // of the check that runs
}

// Run runs the checks. The error is about what ended the run: ctx, or a file that
// no host would run, whose cause is fault.Refused. Whatever else is wrong stands in
// the report.
func Run(ctx context.Context, subject *Subject, cfg Config) (*Report, error) {
	s := &suite{subject: subject, cfg: cfg, report: &Report{Checks: []Check{}, Budgets: []Budget{}}}
	began := time.Now()
	defer func() { s.report.Seconds = seconds(time.Since(began)) }()
	defer func() {
		if s.e != nil {
			s.e.Close()
		}
	}()
	// What everything else stands on.
	for _, c := range basics {
		s.do(ctx, c, 0, 0)
		if err := ctx.Err(); err != nil {
			return s.report, err
		}
		if last := s.report.Checks[len(s.report.Checks)-1]; last.Status == Failed {
			if failed, ok := errors.AsType[*fault.ExecutorError](last.cause); ok && failed.Cause == fault.Refused {
				return s.report, failed
			}
			s.skipAll("not tried: " + last.Group + ", " + last.Name + " failed")
			return s.report, nil
		}
	}
	if err := s.decide(ctx); err != nil {
		return s.report, err
	}
	checks := s.checks()
	for i, c := range checks {
		s.do(ctx, c, i+1, len(checks))
		if err := ctx.Err(); err != nil {
			return s.report, err
		}
	}
	s.leave(ctx)
	return s.report, nil
}

// checks lists the checks for the device, those of the groups that were chosen.
func (s *suite) checks() []check {
	var all []check
	for _, of := range []func(*suite) []check{
		abiChecks, gateChecks, edgeChecks, determinismChecks, refusalChecks, cancellationChecks, safetyChecks, physicsChecks, budgetChecks,
	} {
		all = append(all, of(s)...)
	}
	return slices.DeleteFunc(all, func(c check) bool { return !s.chosen(c.group) })
}

func (s *suite) chosen(group string) bool {
	return len(s.cfg.Only) == 0 || slices.Contains(s.cfg.Only, group)
}

// skipAll notes of every group that was chosen why nothing of it was tried.
func (s *suite) skipAll(why string) {
	for _, group := range Groups() {
		if group != "abi" && s.chosen(group) {
			s.report.Checks = append(s.report.Checks, Check{Group: group, Name: "all", Status: Skipped, Reason: why})
		}
	}
}

// do runs a check and writes down what came of it.
func (s *suite) do(ctx context.Context, c check, i, n int) {
	if s.cfg.Started != nil {
		s.cfg.Started(c.group+": "+c.name, i, n)
	}
	s.remarks = nil
	began := time.Now()
	err := c.run(ctx, s)
	if ctx.Err() != nil {
		return
	}
	done := Check{Group: c.group, Name: c.name, Status: Passed, Seconds: seconds(time.Since(began)), Remarks: s.remarks, cause: err}
	if f, ok := errors.AsType[*finding](err); ok {
		done.Status, done.Asked, done.Got, done.Rule, done.cause = Failed, f.asked, f.got, f.rule, f.err
	} else if why, ok := errors.AsType[skipped](err); ok {
		done.Status, done.Reason = Skipped, string(why)
	} else if err != nil {
		done.Status, done.Got = Failed, err.Error()
	}
	s.report.Checks = append(s.report.Checks, done)
}

// finding is a check that failed.
type finding struct {
	asked string // of the executor
	got   string // what came
	rule  string // that says otherwise, and where it stands
	err   error  // that came, if one did
}

func (f *finding) Error() string { return fmt.Sprintf("%s: %s; %s", f.asked, f.got, f.rule) }

// skipped is why a check was not made.
type skipped string

func (s skipped) Error() string { return string(s) }

func (s *suite) remark(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.remarks, text) {
		s.remarks = append(s.remarks, text)
	}
}

// settings are the operator's, with a seed so that a verdict repeats.
func (s *suite) settings() map[string]string {
	settings := map[string]string{}
	maps.Copy(settings, s.subject.Set)
	if _, set := settings["seed"]; !set && s.subject.Settings {
		settings["seed"] = "1"
	}
	return settings
}

// shots is n, or as many as one job may ask for.
func (s *suite) shots(n uint64) uint64 {
	if most := s.device.MaxShots; most != nil {
		n = max(min(n, *most), 1)
	}
	return n
}

// job makes a job of a circuit, with an id and a source hash as the cloud's are: the
// same in each run, as a tape wants them, but no word of a test.
func (s *suite) job(c *abi.Circuit, shots uint64) *abi.Job {
	s.report.Jobs++
	// Of version 4 (RFC 9562), like ids that are drawn at random.
	id := sha256.Sum256(fmt.Appendf(nil, "job %d", s.report.Jobs))
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	source := sha256.Sum256(fmt.Append(nil, c.Target, c.NumQubits, c.Operations, c.Measurements))
	c.Metadata.SourceHash = fmt.Sprintf("sha256:%x", source)
	return &abi.Job{
		ID:      fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16]),
		Circuit: c, Shots: s.shots(shots),
	}
}

// measure runs a circuit, which has to succeed, and where the physics is compared
// holds the counts against what they have to be; nil for any.
func (s *suite) measure(ctx context.Context, c *abi.Circuit, shots uint64, want distribution) error {
	_, err := s.measureOn(ctx, s.e, s.job(c, shots), want)
	return err
}

func (s *suite) measureOn(ctx context.Context, e Executor, job *abi.Job, want distribution) (*abi.Execution, error) {
	execution, err := e.Run(ctx, job)
	if err != nil {
		return nil, &finding{asked: asked(job), got: err.Error(), rule: ruleOf(err), err: err}
	}
	return execution, s.judge(job, execution, want)
}

// elsewhere has something done with the executor opened anew, and only so: its
// hardware can be held once.
func (s *suite) elsewhere(ctx context.Context, settings map[string]string, keep bool, do func(Executor) error) error {
	s.e.Close()
	e, err := s.subject.Open(ctx, settings, keep)
	if err == nil {
		err = do(e)
		e.Close()
	} else {
		err = &finding{asked: "open, once more", got: err.Error(), rule: "open is called once per instance, and there is one after the other (executor.wit, interface executor)", err: err}
	}
	again, broken := s.subject.Open(ctx, s.settings(), false)
	if broken != nil { // the checks that follow say so as well
		if err != nil {
			return err
		}
		return &finding{asked: "open, once more", got: broken.Error(), rule: "open is called once per instance, and there is one after the other (executor.wit, interface executor)", err: broken}
	}
	s.e = again
	return err
}

// next runs the plain job after something else: it has to succeed.
func (s *suite) next(ctx context.Context, after string) error {
	return of(s.measure(ctx, s.plainCircuit(), gateShots, s.plain), "before it "+after)
}

func (s *suite) plainCircuit() *abi.Circuit {
	return at(s.device.Target, "rx a pi", []uint16{0}, 0)
}

// judge holds a result against the rules and, where the physics is compared,
// against a distribution.
func (s *suite) judge(job *abi.Job, execution *abi.Execution, want distribution) error {
	if err := execution.Check(job); err != nil {
		return &finding{asked: asked(job), got: err.Error(), rule: "executor.wit, record execution"}
	}
	if execution.ShotsCompleted < job.Shots {
		s.remark("%d of %d shots were completed", execution.ShotsCompleted, job.Shots)
	}
	if why := s.differs(job, execution, want); why != "" {
		return &finding{asked: asked(job), got: why, rule: "executor.wit, enum gate and record outcome; guests/README.md, the contract in brief and bit order"}
	}
	return nil
}

// ruleOf says which rule an error of a job that has to succeed breaks.
func ruleOf(err error) string {
	failed, ok := errors.AsType[*fault.ExecutorError](err)
	if !ok {
		return "the job has to succeed"
	}
	switch failed.Cause {
	case fault.Unsupported:
		return "the circuit is one of the device that open reports, so the executor has to run it (executor.wit, record device)"
	case fault.Trapped, fault.Lost:
		return "a job never ends the instance: a failure is a value (executor.wit, record failure)"
	case fault.Invalid:
		return "executor.wit, record execution"
	case fault.Limit:
		return "the limits of the device file (guests/README.md, limits)"
	default:
		return "the job has to succeed"
	}
}

// each runs do for the items until the check's time is over, and says how many
// were left out.
func each[T any](s *suite, what string, items []T, do func(T) error) error {
	began := time.Now()
	for i, item := range items {
		if s.cfg.Timeless && !s.cfg.Thorough {
			if i == sample {
				s.remark("%d of %d %s left out; --thorough tries all", len(items)-i, len(items), what)
				return nil
			}
		} else if i > 0 && !s.cfg.Thorough && time.Since(began) > patience {
			s.remark("%d of %d %s left out, since the others took %v; --thorough tries all", len(items)-i, len(items), what, time.Since(began).Round(time.Second))
			return nil
		}
		if err := do(item); err != nil {
			return err
		}
	}
	return nil
}

// asked writes what an executor was asked for, no longer than a person reads.
func asked(job *abi.Job) string {
	const most = 8 // operations
	c := job.Circuit
	var b strings.Builder
	fmt.Fprintf(&b, "%d shots of", job.Shots)
	if len(c.Operations) == 0 {
		b.WriteString(" no gates")
	}
	for i, op := range c.Operations {
		if i == most {
			fmt.Fprintf(&b, "; … (%d operations)", len(c.Operations))
			break
		}
		if i > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(&b, " %v %d", op.Gate, op.Q0)
		if op.Gate.Qubits() == 2 {
			fmt.Fprintf(&b, " %d", op.Q1)
		}
		if op.Gate.HasParam() {
			fmt.Fprintf(&b, " %.6g", op.Param)
		}
	}
	fmt.Fprintf(&b, "; measured: %d", c.Measurements)
	return fmt.Sprintf("%s (target %v, num-qubits %d)", b.String(), c.Target, c.NumQubits)
}

func seconds(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }
