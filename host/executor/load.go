package executor

import (
	"maps"
	"slices"

	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/executor/wire"
)

// loadBody is what a child has to know to run a module that keeps the contract.
func loadBody(cfg Config, c *module.Contract) wire.LoadBody {
	body := wire.LoadBody{
		Compiling: wire.Compiling{
			Memory: cfg.Limits.CompileMemory,
			Time:   cfg.Limits.CompileTime,
		},
		Settings: cfg.Settings,
		Files:    slices.Sorted(maps.Keys(cfg.Files)),
		Keep:     cfg.Keep || len(c.Needs) > 0 || cfg.Tape != nil, // what it opened stays open
		Doors:    len(c.Needs) > 0 || cfg.Tape != nil,
		Taped:    cfg.Tape != nil,
		Memory:   cfg.Limits.Memory,
		LogLines: cfg.Limits.LogLines,
		LogBytes: cfg.Limits.LogBytes,
		Handles:  cfg.Limits.Handles,
		Outcomes: min(cfg.Limits.Outcomes, cfg.Limits.ResultBytes/canon.OutcomeSize, wire.MaxOutcomes),
		Exports: wire.Exports{
			Memory: c.Memory, Realloc: c.Realloc, Initialize: c.Initialize,
			Open: c.Open.Name, OpenPost: c.Open.Post,
			Run: c.Run.Name, RunPost: c.Run.Post,
			RunBatch: c.RunBatch.Name, RunBatchPost: c.RunBatch.Post,
			MakeSafe: c.MakeSafe.Name, MakeSafePost: c.MakeSafe.Post,
		},
	}
	body.OutcomesBy = cfg.Limits.Shown("outcomes")
	if cfg.Limits.ResultBytes/canon.OutcomeSize < cfg.Limits.Outcomes {
		body.OutcomesBy = cfg.Limits.Shown("result_bytes")
	}
	for _, b := range c.Imports {
		body.Imports = append(body.Imports, wire.Import{
			Module: b.Module, Name: b.Field, Interface: b.Interface, Function: b.Function.Name,
		})
	}
	return body
}
