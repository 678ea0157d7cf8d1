package main

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"strconv"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor"
)

// defaultExecutor is what runs circuits where nothing else was named.
const defaultExecutor = "statevector"

// bench is what circuits are run on without a cloud: an executor and what a
// device file says of it.
type bench struct {
	program host.Program
	device  config.Device
}

// newBench finds the executor: ref, else the device file's, else the default.
// Either may be empty.
func newBench(ref, devicePath string) (*bench, error) {
	var b bench
	var err error
	if devicePath != "" {
		if b.device, err = config.LoadDevice(devicePath); err != nil {
			return nil, err
		}
	}
	b.program, err = host.Find(cmp.Or(ref, b.device.Executor, defaultExecutor))
	if err != nil {
		return nil, err
	}
	return &b, nil
}

// seed sets the guest's setting of that name, whatever the device file says.
func (b *bench) seed(seed uint64) {
	settings := map[string]string{}
	maps.Copy(settings, b.device.Config)
	settings["seed"] = strconv.FormatUint(seed, 10)
	b.device.Config = settings
}

// open starts the executor. Its log goes to standard error.
func (c *cli) open(ctx context.Context, b *bench) (*executor.Executor, error) {
	cache, err := executor.OpenCache()
	if err != nil {
		c.complain("compiled executors are not kept, so that each start compiles again: %v", err)
	}
	if len(b.device.Endpoints)+len(b.device.Files) > 0 {
		c.complain("%s: this release grants no endpoints and no files to executors: those of the device file have no effect", b.device.Path)
	}
	defer c.stderr.working("opening %s", b.program.Name)()
	return executor.Open(ctx, executor.Config{
		Name:     b.program.Name,
		Wasm:     b.program.Wasm,
		Settings: b.device.Config,
		Limits:   b.program.Limits(b.device.Limits),
		CacheDir: cache,
		Log:      c.log(slog.LevelInfo),
	})
}
