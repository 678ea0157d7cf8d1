package host

import (
	"context"
	"log/slog"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/instrument"
	"github.com/conductorquantum/coda/host/server"
)

// Equipped is an executor that a device file has set up, with its instruments.
type Equipped struct {
	*executor.Executor
	bench *instrument.Bench
}

// Equip is how a program is run as a device file sets it up, and the instruments that
// it grants; nothing is started yet. Errors are *fault.ConfigError, joined.
func Equip(p Program, device config.Device, log *slog.Logger) (executor.Config, *instrument.Bench, error) {
	bench, err := instrument.Open(instrument.Config{Endpoints: device.Endpoints, Log: log})
	if err != nil {
		return executor.Config{}, nil, err
	}
	files, err := instrument.ReadFiles(device.Files)
	if err != nil {
		bench.Close()
		return executor.Config{}, nil, err
	}
	cfg := executor.Config{
		Name: p.Name, Wasm: p.Wasm,
		Settings: device.Config, Files: files,
		Limits:      p.Limits(device.Limits),
		Concurrency: device.Concurrency,
		Hardware:    bench.Door,
		Missing:     func(needs []string) string { return instrument.Missing(needs, device.Endpoints) },
		Log:         log,
	}
	if len(device.Endpoints) > 0 {
		cfg.Grants = bench.Digest()
	}
	return cfg, bench, nil
}

// openExecutor starts a program's children as the device file sets them up.
func openExecutor(ctx context.Context, p Program, device config.Device, log *slog.Logger) (*Equipped, error) {
	cfg, bench, err := Equip(p, device, log)
	if err != nil {
		return nil, err
	}
	cache, err := executor.OpenCache()
	if err != nil {
		log.Warn("the executor is compiled anew at every start", "error", err)
	}
	cfg.CacheDir = cache
	e, err := executor.Open(ctx, cfg)
	if err != nil {
		bench.Close()
		return nil, err
	}
	return &Equipped{e, bench}, nil
}

// Close ends the executor, brings its hardware to rest and lets go of it.
func (e *Equipped) Close() error {
	defer e.bench.Close()
	return e.Executor.Close()
}

// describeEndpoints is what became of each grant, for /ready.
func describeEndpoints(b *instrument.Bench) []server.Endpoint {
	all := b.Status()
	endpoints := make([]server.Endpoint, len(all))
	for i, s := range all {
		endpoints[i] = server.Endpoint(s)
	}
	return endpoints
}
