package guest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/wire"
)

// wasi is the module name of WASI preview 1.
const wasi = wasi_snapshot_preview1.ModuleName

// The levels of context.log, in the order of the WIT enum.
const (
	levelDebug byte = iota
	levelInfo
	levelWarn
	levelError
)

// hostFunc is one function of the contract as wazero calls it. Its stack holds
// the parameters, then the results.
type hostFunc struct {
	params, results []api.ValueType
	call            func(c *child, m api.Module, stack []uint64) error
}

const i32, i64 = api.ValueTypeI32, api.ValueTypeI64

// hostFuncs is what this host serves, by "interface#function"; hardware.go has what
// needs a grant.
var hostFuncs = map[string]hostFunc{
	"context#log": {[]api.ValueType{i32, i32, i32}, nil, func(c *child, m api.Module, stack []uint64) error {
		level := byte(min(uint32(stack[0]), 255))
		if level > levelError {
			return &canon.Error{What: "level", Rule: fmt.Sprintf("discriminant %d is out of range [0, 4)", uint32(stack[0]))}
		}
		line, err := canon.LiftString(m.Memory(), "message", uint32(stack[1]), uint32(stack[2]))
		if err != nil {
			return err
		}
		c.logLine(level, line)
		return nil
	}},
	"context#cancelled": {nil, []api.ValueType{i32}, func(c *child, _ api.Module, stack []uint64) error {
		stack[0] = c.askCancelled()
		return nil
	}},
	"context#progress": {[]api.ValueType{i64}, nil, func(c *child, _ api.Module, stack []uint64) error {
		if !c.running {
			return nil
		}
		if c.engine.body.Taped { // what is on a tape must not depend on the time that it takes
			c.ask(&effect.Call{Func: effect.Progress, Number: stack[0]})
			return nil
		}
		now := time.Now()
		if now.Sub(c.progress) < progressEvery {
			return nil
		}
		c.progress = now
		return c.conn.WriteFunc(wire.Progress, func(b []byte) []byte { return wire.AppendProgress(b, stack[0]) })
	}},
	"config#get": {[]api.ValueType{i32, i32, i32}, nil, func(c *child, m api.Module, stack []uint64) error {
		key, err := canon.LiftString(m.Memory(), "key", uint32(stack[0]), uint32(stack[1]))
		if err != nil {
			return err
		}
		value, some := c.setting(key)
		return canon.LowerOptionString(c.caller(m), uint32(stack[2]), value, some)
	}},
	"config#keys": {[]api.ValueType{i32}, nil, func(c *child, m api.Module, stack []uint64) error {
		return canon.LowerStrings(c.caller(m), uint32(stack[0]), c.settingKeys())
	}},
}

// progressEvery is how often the node hears of a job's progress, at most.
const progressEvery = 100 * time.Millisecond

// link makes the host modules that the executor imports, each under the name by
// which it asks for it.
func (c *child) link(ctx context.Context) error {
	modules := map[string][]wire.Import{}
	for _, i := range c.engine.body.Imports {
		modules[i.Module] = append(modules[i.Module], i)
	}
	for name, imports := range modules {
		if name == wasi {
			if _, err := wasi_snapshot_preview1.Instantiate(ctx, c.engine.runtime); err != nil {
				return err
			}
			continue
		}
		builder := c.engine.runtime.NewHostModuleBuilder(name)
		for _, i := range imports {
			f, ok := hostFuncs[i.Interface+"#"+i.Function]
			if !ok {
				f, ok = hardwareFuncs[i.Interface+"#"+i.Function]
			}
			if !ok {
				return fmt.Errorf("%s %s is not served", i.Module, i.Name)
			}
			builder.NewFunctionBuilder().WithGoModuleFunction(c.guard(f), f.params, f.results).Export(i.Name)
		}
		if _, err := builder.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// guard wraps a function of the contract for wazero, where to panic is to trap.
func (c *child) guard(f hostFunc) api.GoModuleFunc {
	return func(_ context.Context, m api.Module, stack []uint64) {
		if c.mayNotLeave {
			panic(&canon.Error{What: "import", Rule: "was called during realloc or post-return"})
		}
		if err := f.call(c, m, stack); err != nil {
			panic(err)
		}
	}
}

// caller is the guest that calls an import, to lower the answer into. It needs
// its own handle of realloc: wazero's are not re-entrant.
type caller struct {
	api.Memory
	child   *child
	realloc api.Function
}

func (c *child) caller(m api.Module) caller {
	return caller{m.Memory(), c, m.ExportedFunction(c.engine.body.Exports.Realloc)}
}

func (c caller) Realloc(align, size uint32) (uint32, error) {
	return c.child.realloc(c.realloc, align, size)
}

// lines logs what a guest writes to one of its standard streams, line by line.
type lines struct {
	child *child
	level byte
	rest  []byte
}

func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		l.flush(p[:i])
		p = p[i+1:]
	}
	l.rest = append(l.rest, p...)
	if len(l.rest) > maxLine {
		l.flush(nil)
	}
	return n, nil
}

func (l *lines) flush(p []byte) {
	l.rest = append(l.rest, p...)
	if len(l.rest) > 0 {
		l.child.logLine(l.level, strings.ToValidUTF8(string(l.rest), "\uFFFD"))
	}
	l.rest = l.rest[:0]
}
