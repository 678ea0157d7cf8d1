package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/conformance"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/fault"
)

// ConformConfig says how a program is tested.
type ConformConfig struct {
	Checks   conformance.Config
	CacheDir string       // of compiled code; empty: none
	Log      *slog.Logger // of the guest; nil discards
}

// Conform holds a program against the contract, under the limits and with the
// settings of a device file. The error is why it could not be tested, or ctx's; the
// report has then what was found before.
func Conform(ctx context.Context, p *Program, d *config.Device, cfg ConformConfig) (*conformance.Report, error) {
	m, err := module.Parse(p.Wasm)
	var contract *module.Contract
	if err == nil {
		contract, err = module.Check(m)
	}
	if err != nil {
		return &conformance.Report{}, &fault.ExecutorError{Executor: p.Name, Cause: fault.Refused, Reason: err.Error()}
	}
	spelling := "toolchain"
	if contract.Spelling == module.Standard {
		spelling = "standard"
	}
	used := &usage{limits: p.Limits(d.Limits)}
	subject := &conformance.Subject{
		Contract: fmt.Sprintf("coda:executor@%s, %s names", contract.Version, spelling),
		Batch:    contract.Batch(),
		Safety:   contract.Safety(),
		Set:      d.Config,
		Open: func(ctx context.Context, settings map[string]string, keep bool) (conformance.Executor, error) {
			began := time.Now()
			e, err := executor.Open(ctx, executor.Config{
				Name: p.Name, Wasm: p.Wasm, Settings: settings, Limits: used.limits, Keep: keep, CacheDir: cfg.CacheDir, Log: cfg.Log,
			})
			if err != nil {
				return nil, err
			}
			used.opened(time.Since(began))
			return &tested{e, used}, nil
		},
	}
	for _, im := range contract.Imports {
		subject.Settings = subject.Settings || im.Interface == "config"
	}
	return conformance.Run(ctx, subject, cfg.Checks)
}

// tested is an executor as the checks see it.
type tested struct {
	*executor.Executor
	used *usage
}

// Run runs a job, and notes how long it took unless it was cut short.
func (t *tested) Run(ctx context.Context, job *abi.Job) (*abi.Execution, error) {
	began := time.Now()
	execution, err := t.Executor.Run(ctx, job)
	if ctx.Err() == nil {
		t.used.ran(time.Since(began))
	}
	return execution, err
}

func (t *tested) RunBatch(ctx context.Context, jobs []*abi.Job) ([]conformance.Result, error) {
	results, err := t.Executor.RunBatch(ctx, jobs)
	out := make([]conformance.Result, len(results))
	for i, r := range results {
		out[i] = conformance.Result(r)
	}
	return out, err
}

func (t *tested) MakeSafe(ctx context.Context) error {
	safe, ok := any(t.Executor).(interface{ MakeSafe(context.Context) error })
	if !ok {
		return errors.ErrUnsupported
	}
	return safe.MakeSafe(ctx)
}

func (t *tested) Budgets() []conformance.Budget { return t.used.budgets() }

// usage is what a program took of its limits.
type usage struct {
	limits executor.Limits

	mu        sync.Mutex
	open, job time.Duration // the longest
}

func (u *usage) opened(took time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.open = max(u.open, took)
}

func (u *usage) ran(took time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.job = max(u.job, took)
}

func (u *usage) budgets() []conformance.Budget {
	u.mu.Lock()
	defer u.mu.Unlock()
	of := func(name string, used, limit, usual time.Duration) conformance.Budget {
		return conformance.Budget{Name: name, Used: used.Seconds(), Limit: cmp.Or(limit, usual).Seconds(), Unit: "seconds"}
	}
	return []conformance.Budget{
		of("open_time", u.open, u.limits.OpenTime, executor.DefaultLimits.OpenTime),
		of("job_time", u.job, u.limits.JobTime, executor.DefaultLimits.JobTime),
	}
}

// Digest is the SHA-256 of the program's file.
func (p *Program) Digest() string {
	sum := sha256.Sum256(p.Wasm)
	return hex.EncodeToString(sum[:])
}

// DigestSettings is the SHA-256 of a device's settings for its guest, by key, as
// JSON: it tells whether two runs had the same, and not what they were.
func DigestSettings(settings map[string]string) string {
	all := map[string]string{}
	maps.Copy(all, settings)
	text, _ := json.Marshal(all) // a map of strings always becomes JSON
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
