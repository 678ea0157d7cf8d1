package guest

import (
	"errors"
	"io/fs"
	"runtime/debug"

	"github.com/conductorquantum/coda/host/executor/cage"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// confinement is the cage around this process.
type confinement interface {
	enter(cage.Config) (cage.Report, error)
	seal() error
}

// caged is the real one.
type caged struct{}

func (caged) enter(cfg cage.Config) (cage.Report, error) { return cage.Enter(cfg) }
func (caged) seal() error                                { return cage.Seal() }

// overhead is the address space that a child has beyond the one instance's memory.
// Nearly all of it is for frames, since Go's heap gives none back: the largest job
// that the canonical ABI allows, 256 MiB, takes 1.5 GiB and a batch of 512 MiB
// 2.9 GiB. Code, tables and stacks took less than 100 MB.
const overhead = 3 << 30

// enter confines the process to what body asks of it, and says which parts of the
// cage this system does not have.
func (c *child) enter(body *wire.LoadBody) (missing []string, err error) {
	if body.Compile {
		// The collector is to keep well below the limit, where the process ends.
		debug.SetMemoryLimit(int64(min(body.Compiling.Memory/4*3, 1<<62)))
	}
	if c.confine == nil {
		return nil, nil
	}
	cfg := cage.Config{Socket: connFD}
	switch {
	case body.Compile:
		cfg.Write = body.CacheDir
		cfg.Memory, cfg.FileSize = body.Compiling.Memory, body.Compiling.Memory
		cfg.CPU = 2 * body.Compiling.Time // of two processors
	case body.CacheDir == "":
		cfg.Memory = body.Memory + overhead + body.Compiling.Memory
	default:
		cfg.Read = body.CacheDir
		cfg.Memory = body.Memory + overhead
	}
	report, err := c.confine.enter(cfg)
	if err != nil {
		f := fail(fault.Internal, "its process cannot be confined: %v", err)
		// Of its folder, which another node has removed.
		f.stale = body.CacheDir != "" && errors.Is(err, fs.ErrNotExist)
		return nil, f
	}
	return report.Missing(), nil
}

// seal is called when the code is loaded, before any of it runs.
func (c *child) seal() error {
	if c.confine == nil {
		return nil
	}
	if err := c.confine.seal(); err != nil {
		return fail(fault.Internal, "its process cannot be confined: %v", err)
	}
	return nil
}
