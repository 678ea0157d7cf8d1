package guest

import (
	"context"
	"crypto/rand"
	"errors"
	"syscall"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/conductorquantum/coda/host/executor/lograte"
	"github.com/conductorquantum/coda/host/executor/wire"
	"github.com/conductorquantum/coda/host/fault"
)

// slow is the time to make and open an instance from which on instances outlive
// their jobs. C-like guests take tens of microseconds, Go guests milliseconds.
const slow = time.Millisecond

const (
	pageSize = 64 << 10
	maxPages = 1<<16 - 1 // one less than all, whose size in bytes is no uint32
)

// engine is a compiled executor and all that its instances share.
type engine struct {
	body    wire.LoadBody
	runtime wazero.Runtime
	module  wazero.CompiledModule
	config  wazero.ModuleConfig
	keep    bool

	memories allocator
}

// start compiles the executor and opens its first instance.
func (c *child) start(ctx context.Context, body wire.LoadBody, code []byte, files map[string][]byte) (*wire.LoadedBody, error) {
	begin := time.Now()
	e := &engine{body: body, keep: body.Keep}
	c.engine = e
	c.log = lograte.New(body.LogLines, body.LogBytes)
	config, err := runtimeConfig(&body)
	if err != nil {
		return nil, err
	}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if e.module, err = e.runtime.CompileModule(ctx, code); err != nil {
		f := fail(fault.Refused, "the module does not compile: %v", err)
		f.stale = body.CacheDir != "" // it did compile once
		return nil, f
	}
	if err := c.link(ctx); err != nil {
		return nil, fail(fault.Refused, "the module cannot be linked: %v", err)
	}
	e.config = wazero.NewModuleConfig().
		WithName(""). // so that instances may stand side by side
		WithStartFunctions(body.Exports.Initialize).
		WithStdout(&lines{child: c, level: levelInfo}).WithStderr(&lines{child: c, level: levelWarn}).
		WithRandSource(rand.Reader).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep()
	if body.Taped {
		e.config = c.tapeTime(e.config)
	}
	if len(files) > 0 {
		e.config = e.config.WithFSConfig(wazero.NewFSConfig().WithFSMount(newFolder(files), deviceFolder))
	}
	if body.Exports.Initialize == "" {
		e.config = e.config.WithStartFunctions()
	}
	if err := c.seal(); err != nil {
		return nil, err
	}
	compiled := time.Now()
	if err := c.conn.Write(wire.Compiled, nil); err != nil {
		return nil, err
	}
	if body.MakeSafe {
		return nil, c.makeSafe(ctx)
	}
	in, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	made := time.Since(compiled)
	if made > slow && !e.keep {
		// Once more, because the first instance pays for cold caches.
		in.close(ctx)
		again := time.Now()
		if in, err = c.open(ctx); err != nil {
			return nil, err
		}
		made = time.Since(again)
		e.keep = made > slow
	}
	c.spare = in
	return &wire.LoadedBody{
		Device:   *in.device,
		Kept:     e.keep,
		Compile:  compiled.Sub(begin),
		Instance: made,
	}, nil
}

// runtimeConfig is the engine's, of which the same code comes from the same module
// wherever it is compiled.
func runtimeConfig(body *wire.LoadBody) (wazero.RuntimeConfig, error) {
	// WithCloseOnContextDone stays off: it slows loops many times over and stops
	// no guest that avoids them. The node kills this process instead.
	config := wazero.NewRuntimeConfigCompiler().
		WithMemoryLimitPages(uint32(min(body.Memory/pageSize, maxPages))).
		WithDebugInfoEnabled(false)
	if body.CacheDir == "" {
		return config, nil
	}
	cache, err := wazero.NewCompilationCacheWithDir(body.CacheDir)
	if err != nil {
		f := fail(fault.Internal, "its compiled code: %v", err)
		f.stale = true
		return nil, f
	}
	return config.WithCompilationCache(cache), nil
}

// errCompiled ends a child that has compiled.
var errCompiled = errors.New("compiled")

// compile compiles the module into the folder, and runs nothing of it.
func compile(ctx context.Context, body *wire.LoadBody, code []byte) error {
	config, err := runtimeConfig(body)
	if err != nil {
		return err
	}
	_, err = wazero.NewRuntimeWithConfig(ctx, config).CompileModule(ctx, code)
	if _, ok := errors.AsType[syscall.Errno](err); ok { // of the folder: the module causes none
		f := fail(fault.Internal, "its compiled code: %v", err)
		f.stale = true
		return f
	}
	if err != nil {
		return fail(fault.Refused, "the module does not compile: %v", err)
	}
	return nil
}

// prepare makes sure that an opened instance stands by for the next job, or
// keeps the reason why none does.
func (c *child) prepare(ctx context.Context) {
	if c.spare == nil {
		c.spare, c.broken = c.open(ctx)
	}
}

// open makes an instance and opens it.
func (c *child) open(ctx context.Context) (*instance, error) {
	in, err := c.instance(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.open(ctx); err != nil {
		in.close(ctx)
		return nil, err
	}
	return in, nil
}

// makeSafe makes an instance and has it bring the hardware to rest.
func (c *child) makeSafe(ctx context.Context) error {
	in, err := c.instance(ctx)
	if err != nil {
		return err
	}
	defer in.close(ctx)
	return in.makeSafe(ctx)
}

// instance makes an instance, whose calls are its own from its start on.
func (c *child) instance(ctx context.Context) (in *instance, err error) {
	if c.engine.body.Doors {
		if err := c.conn.Write(wire.Fresh, nil); err != nil {
			return nil, err
		}
	}
	in = &instance{child: c}
	c.active = in
	in.module, err = c.engine.instantiate(ctx)
	return in, err
}

// instantiate makes an instance and runs its start functions.
func (e *engine) instantiate(ctx context.Context) (m api.Module, err error) {
	defer func() {
		// wazero panics where the allocator has no memory to give.
		if r := recover(); r != nil {
			err = fail(fault.Limit, "this machine has no %d bytes of address space for the guest's memory (limits.memory)", e.body.Memory)
		}
	}()
	ctx = experimental.WithMemoryAllocator(ctx, &e.memories)
	if m, err = e.runtime.InstantiateModule(ctx, e.module, e.config); err != nil {
		return nil, trapped("its start", err)
	}
	return m, nil
}

// function is an export by its name, or nil where the name is empty.
func function(m api.Module, name string) api.Function {
	if name == "" {
		return nil
	}
	return m.ExportedFunction(name)
}
