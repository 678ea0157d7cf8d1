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

// Budget is something that a module has, and the most of it that it may have.
type Budget struct {
	Name string `json:"name"` // the key in limits, or "blocks", "values" or "work", which have none
	Have uint64 `json:"have"`
	Most uint64 `json:"most"`

	refusal string // what is said where Have is more than Most
}

// Budgets are those that a module is held against before it is compiled.
func (m *Module) Budgets(l *config.Limits) []Budget {
	c := &m.Code
	table := 0 // that starts largest
	for i, t := range m.Tables {
		if t.Min > m.Tables[table].Min {
			table = i
		}
	}
	var elements uint32
	if len(m.Tables) > 0 {
		elements = m.Tables[table].Min
	}
	limit := func(key string, have, most uint64, format string, args ...any) Budget {
		return Budget{key, have, most, fmt.Sprintf(format, args...) + "; " + l.Shown(key) + " allows no more"}
	}
	work := freeWork + workPerByte*uint64(c.Bytes)
	return []Budget{
		limit("module_size", uint64(m.Size), l.ModuleSize, "the file has %d bytes", m.Size),
		limit("functions", uint64(c.Bodies), l.Functions, "it defines %d functions", c.Bodies),
		limit("function_size", uint64(c.LargestBody), l.FunctionSize, "function %d has a body of %d bytes", c.LargestFunc, c.LargestBody),
		limit("locals", c.MostLocals, l.Locals, "function %d declares %d locals", c.LocalsFunc, c.MostLocals),
		limit("tables", uint64(len(m.Tables)), l.Tables, "it defines %d tables", len(m.Tables)),
		limit("data_size", uint64(m.Data.Bytes), l.DataSize, "its data segments have %d bytes", m.Data.Bytes),
		limit("memory", m.LeastMemory(), l.Memory, "it needs at least %d KiB of memory", m.LeastMemory()>>10),
		limit("table_size", uint64(elements), l.TableSize, "table %d starts with %d elements", table, elements),
		{"blocks", c.MostBlocks, maxBlocks, fmt.Sprintf("function %d has about %d branches and blocks, "+
			"and one function may have %d: split it", c.BlocksFunc, c.MostBlocks, maxBlocks)},
		{"values", c.MostLive, maxLive, fmt.Sprintf("function %d has parameters, locals and operands that, times its blocks, make %d, "+
			"and one function may have %d: split it, or use fewer locals", c.LiveFunc, c.MostLive, maxLive)},
		{"work", c.Work, work, fmt.Sprintf("its functions would take about %d s to compile for %d KiB of code, and this host takes %d s: "+
			"nest fewer loops, or split functions of many branches and locals", c.Work/1e6, c.Bytes>>10, work/1e6)},
	}
}

// within holds a module against its budgets.
func (m *Module) within(l *config.Limits) error {
	for _, b := range m.Budgets(l) {
		if b.Have > b.Most {
			return over("%s", b.refusal)
		}
	}
	return nil
}

func over(format string, args ...any) error {
	return &Error{Offset: -1, Reason: fmt.Sprintf(format, args...), Over: true}
}
