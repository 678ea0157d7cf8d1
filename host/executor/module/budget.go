package module

import (
	"errors"
	"fmt"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

// Budgets without a setting. They bound what the size of a body does not: with a
// compiler whose time and memory grow with the product of a function's blocks and
// values, a body of 20 KB may cost what 20 MB of other code do. Go's own compiler,
// 49 MB as a module, has 29,000 and 233,000 where these say 40,000 and 4,000,000.
const (
	maxBlocks   = 40_000     // of one function: 9 s
	maxLive     = 4_000_000  // of one function: 450 MB
	freeWork    = 10_000_000 // of a module: 10 s, and
	workPerByte = 4          // of code: 4 s per MB
)

// Admit reads a module and holds it against the limits of the operator and then the
// contract: what passes may be compiled. The module is nil where it could not be
// read, and is there, with an error, where it was refused. Every error is an *Error.
func Admit(b []byte, limits *config.Limits) (*Module, *Contract, error) {
	if uint64(len(b)) > limits.ModuleSize {
		return nil, nil, over("the file has %d bytes; %s allows no more", len(b), limits.Shown("module_size"))
	}
	m, err := Parse(b)
	if err != nil {
		return nil, nil, err
	}
	if err := m.within(limits); err != nil {
		return m, nil, err
	}
	c, err := Check(m)
	return m, c, err
}

// CauseOf is the cause of an error of Admit.
func CauseOf(err error) fault.Cause {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Cause()
	}
	return fault.Refused
}

// LeastMemory is the memory that an instance starts with, in bytes.
func (m *Module) LeastMemory() (bytes uint64) {
	for _, memory := range m.Memories {
		bytes += uint64(memory.Min) << 16
	}
	return bytes
}

// within holds a module against its budgets.
func (m *Module) within(l *config.Limits) error {
	c := &m.Code
	for _, budget := range []struct {
		have, most uint64
		message    string
		args       []any
		key        string
	}{
		{uint64(c.Bodies), l.Functions, "it defines %d functions", []any{c.Bodies}, "functions"},
		{uint64(c.LargestBody), l.FunctionSize, "function %d has a body of %d bytes", []any{c.LargestFunc, c.LargestBody}, "function_size"},
		{c.MostLocals, l.Locals, "function %d declares %d locals", []any{c.LocalsFunc, c.MostLocals}, "locals"},
		{uint64(len(m.Tables)), l.Tables, "it defines %d tables", []any{len(m.Tables)}, "tables"},
		{uint64(m.Data.Bytes), l.DataSize, "its data segments have %d bytes", []any{m.Data.Bytes}, "data_size"},
		{m.LeastMemory(), l.Memory, "it needs at least %d KiB of memory", []any{m.LeastMemory() >> 10}, "memory"},
	} {
		if budget.have > budget.most {
			return over(budget.message+"; %s allows no more", append(budget.args, l.Shown(budget.key))...)
		}
	}
	for i, t := range m.Tables {
		if uint64(t.Min) > l.TableSize {
			return over("table %d starts with %d elements; %s allows no more", i, t.Min, l.Shown("table_size"))
		}
	}
	if c.MostBlocks > maxBlocks {
		return over("function %d has about %d branches and blocks, and one function may have %d: split it", c.BlocksFunc, c.MostBlocks, maxBlocks)
	}
	if c.MostLive > maxLive {
		return over("function %d has parameters, locals and operands that, times its blocks, make %d, "+
			"and one function may have %d: split it, or use fewer locals", c.LiveFunc, c.MostLive, maxLive)
	}
	if most := freeWork + workPerByte*uint64(c.Bytes); c.Work > most {
		return over("its functions would take about %d s to compile for %d KiB of code, and this host takes %d s: "+
			"nest fewer loops, or split functions of many branches and locals", c.Work/1e6, c.Bytes>>10, most/1e6)
	}
	return nil
}

func over(format string, args ...any) error {
	return &Error{Offset: -1, Reason: fmt.Sprintf(format, args...), Over: true}
}
