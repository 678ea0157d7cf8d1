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
	deck    *deck // of a tape; nil: none
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
	source := "--executor"
	if ref == "" {
		ref, source = b.device.Executor, devicePath
	}
	if err := host.CheckMoved(ref, source); err != nil {
		return nil, err
	}
	b.program, err = host.Find(cmp.Or(ref, defaultExecutor))
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
func (c *cli) open(ctx context.Context, b *bench) (*opened, error) {
	cfg, release, err := c.executorConfig(b, slog.LevelInfo)
	if err != nil {
		return nil, err
	}
	defer c.stderr.working("opening %s", b.program.Name)()
	e, err := executor.Open(ctx, cfg)
	if err != nil {
		release()
		return nil, err
	}
	return &opened{e, release}, nil
}

// executorConfig is how the executor is opened, and what lets go of its instruments
// afterwards; what it logs of that level goes to standard error.
func (c *cli) executorConfig(b *bench, level slog.Level) (_ executor.Config, release func(), _ error) {
	cache, err := executor.OpenCache()
	if err != nil {
		c.complain("compiled executors are not kept, so that each start compiles again: %v", err)
	}
	device := b.device
	if b.deck.plays() {
		device.Endpoints, device.Files = nil, nil // the tape has them; here they need not be
	}
	cfg, instruments, err := host.Equip(b.program, device, c.log(level))
	if err != nil {
		return executor.Config{}, nil, err
	}
	cfg.CacheDir, cfg.Concurrency, cfg.RestOnce = cache, 1, true
	if b.deck != nil {
		if err := b.deck.insert(&cfg); err != nil {
			instruments.Close()
			return executor.Config{}, nil, err
		}
	}
	return cfg, instruments.Close, nil
}

// opened is an executor and the instruments that it is granted.
type opened struct {
	*executor.Executor
	release func()
}

// Close ends the executor, brings its hardware to rest and lets go of it.
func (o *opened) Close() error {
	defer o.release()
	return o.Executor.Close()
}
