package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/host/conformance"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/fault"
)

// Conform holds an executor against the contract, opened as cfg says. The error is
// why it could not be tested, or ctx's; the report has then what was found before.
func Conform(ctx context.Context, cfg executor.Config, checks conformance.Config) (*conformance.Report, error) {
	m, err := module.Parse(cfg.Wasm)
	var contract *module.Contract
	if err == nil {
		contract, err = module.Check(m)
	}
	if err != nil {
		return &conformance.Report{Checks: []conformance.Check{}, Budgets: []conformance.Budget{}}, &fault.ExecutorError{Executor: cfg.Name, Cause: fault.Refused, Reason: err.Error()}
	}
	spelling := "toolchain"
	if contract.Spelling == module.Standard {
		spelling = "standard"
	}
	used := &most{}
	subject := &conformance.Subject{
		Contract: fmt.Sprintf("coda:executor@%s, %s names", contract.Version, spelling),
		Batch:    contract.Batch(),
		Safety:   contract.Safety(),
		Set:      cfg.Settings,
		Open: func(ctx context.Context, settings map[string]string, keep bool) (conformance.Executor, error) {
			cfg := cfg
			cfg.Settings, cfg.Keep = settings, keep || cfg.Keep
			e, err := executor.Open(ctx, cfg)
			if err != nil {
				return nil, err
			}
			return &tested{e, used}, nil
		},
	}
	for _, im := range contract.Imports {
		subject.Settings = subject.Settings || im.Interface == "config"
	}
	return conformance.Run(ctx, subject, checks)
}

// tested is an executor as the checks see it.
type tested struct {
	*executor.Executor
	used *most
}

func (t *tested) RunBatch(ctx context.Context, jobs []*abi.Job) ([]conformance.Result, error) {
	results, err := t.Executor.RunBatch(ctx, jobs)
	out := make([]conformance.Result, len(results))
	for i, r := range results {
		out[i] = conformance.Result(r)
	}
	return out, err
}

func (t *tested) Close() error {
	t.used.note(t.Usage())
	return t.Executor.Close()
}

func (t *tested) Budgets() []conformance.Budget {
	t.used.note(t.Usage())
	u, l := t.used.Usage, t.Limits()
	bytes := func(name string, used, limit uint64) conformance.Budget {
		return conformance.Budget{Name: name, Used: float64(used), Limit: float64(limit), Unit: "bytes"}
	}
	seconds := func(name string, used, limit time.Duration) conformance.Budget {
		return conformance.Budget{Name: name, Used: used.Seconds(), Limit: limit.Seconds(), Unit: "seconds"}
	}
	return []conformance.Budget{
		bytes("memory", u.Memory, l.Memory),
		seconds("open_time", u.OpenTime, l.OpenTime),
		seconds("job_time", u.JobTime, l.JobTime),
		seconds("cpu_time", u.CPUTime, l.CPUTime),
		bytes("io_bytes", u.IOBytes, l.IOBytes),
		{Name: "handles", Used: float64(u.Handles), Limit: float64(l.Handles), Unit: "handles"},
	}
}

// most is what an executor took, at most, however often it was opened.
type most struct{ executor.Usage }

func (m *most) note(u executor.Usage) {
	m.Memory, m.OpenTime = max(m.Memory, u.Memory), max(m.OpenTime, u.OpenTime)
	m.JobTime, m.CPUTime = max(m.JobTime, u.JobTime), max(m.CPUTime, u.CPUTime)
	m.IOBytes, m.Handles = max(m.IOBytes, u.IOBytes), max(m.Handles, u.Handles)
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
