package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Limits bound an executor, which nobody here trusts. In a device file they are the
// table [limits]; one that is zero was not set there.
type Limits struct {
	// Of the module, before it is compiled.
	ModuleSize   uint64 // bytes of the file
	Functions    uint64 // that the module defines
	FunctionSize uint64 // bytes of one function's body
	Locals       uint64 // of one function
	Tables       uint64 // tables
	TableSize    uint64 // elements of one table, however it grows
	DataSize     uint64 // bytes of all data segments

	// Of compiling it.
	CompileTime   time.Duration
	CompileMemory uint64 // bytes

	// While it runs.
	Memory      uint64        // bytes of an instance's linear memory
	JobTime     time.Duration // of one job
	OpenTime    time.Duration // of an instance's start and open
	SafeTime    time.Duration // of make-safe
	CancelTime  time.Duration // from a job's cancellation to the kill
	CPUTime     time.Duration // of the processor, for one job; in whole seconds
	LogLines    uint64        // a second; more are counted and not kept
	LogBytes    uint64        // a second, the same
	Handles     uint64        // open at once in one instance
	IOBytes     uint64        // that one job moves through its grants
	IOTime      time.Duration // that one call to an instrument may wait
	Outcomes    uint64        // of one job
	ResultBytes uint64        // of one job's outcomes in the guest's memory
}

// MaxModule is the most that limits.module_size may be, in bytes: a larger file is
// not even read.
const MaxModule = 64 << 20

// DefaultLimits are those of a device file that sets none.
var DefaultLimits = Limits{
	ModuleSize:   MaxModule,
	Functions:    100_000,
	FunctionSize: 1 << 20,
	Locals:       10_000,
	Tables:       16,
	TableSize:    1 << 20,
	DataSize:     64 << 20,

	CompileTime:   2 * time.Minute,
	CompileMemory: 2 << 30,

	Memory:      256 << 20,
	JobTime:     60 * time.Second,
	OpenTime:    30 * time.Second,
	SafeTime:    10 * time.Second,
	CancelTime:  2 * time.Second,
	CPUTime:     5 * time.Minute,
	LogLines:    100,
	LogBytes:    64 << 10,
	Handles:     64,
	IOBytes:     1 << 30,
	IOTime:      60 * time.Second,
	Outcomes:    3 << 20,
	ResultBytes: 48 << 20,
}

// limitKey is one key of [limits].
type limitKey struct {
	key  string
	time func(*Limits) *time.Duration // one of these three is set
	size func(*Limits) *uint64
	many func(*Limits) *uint64
	most uint64 // that it may be set to; 0: any size
}

// limitKeys are the keys of [limits], in the order of Limits.
var limitKeys = []limitKey{
	{key: "module_size", size: func(l *Limits) *uint64 { return &l.ModuleSize }, most: MaxModule},
	{key: "functions", many: func(l *Limits) *uint64 { return &l.Functions }},
	{key: "function_size", size: func(l *Limits) *uint64 { return &l.FunctionSize }},
	{key: "locals", many: func(l *Limits) *uint64 { return &l.Locals }},
	{key: "tables", many: func(l *Limits) *uint64 { return &l.Tables }},
	{key: "table_size", many: func(l *Limits) *uint64 { return &l.TableSize }},
	{key: "data_size", size: func(l *Limits) *uint64 { return &l.DataSize }},
	{key: "compile_time", time: func(l *Limits) *time.Duration { return &l.CompileTime }},
	{key: "compile_memory", size: func(l *Limits) *uint64 { return &l.CompileMemory }},
	{key: "memory", size: func(l *Limits) *uint64 { return &l.Memory }},
	{key: "job_time", time: func(l *Limits) *time.Duration { return &l.JobTime }},
	{key: "open_time", time: func(l *Limits) *time.Duration { return &l.OpenTime }},
	{key: "safe_time", time: func(l *Limits) *time.Duration { return &l.SafeTime }},
	{key: "cancel_time", time: func(l *Limits) *time.Duration { return &l.CancelTime }},
	{key: "cpu_time", time: func(l *Limits) *time.Duration { return &l.CPUTime }},
	{key: "log_lines", many: func(l *Limits) *uint64 { return &l.LogLines }},
	{key: "log_bytes", size: func(l *Limits) *uint64 { return &l.LogBytes }},
	{key: "handles", many: func(l *Limits) *uint64 { return &l.Handles }},
	{key: "io_bytes", size: func(l *Limits) *uint64 { return &l.IOBytes }},
	{key: "io_time", time: func(l *Limits) *time.Duration { return &l.IOTime }},
	{key: "outcomes", many: func(l *Limits) *uint64 { return &l.Outcomes }},
	{key: "result_bytes", size: func(l *Limits) *uint64 { return &l.ResultBytes }},
}

// OrDefaults fills in what was not set.
func (l Limits) OrDefaults() Limits {
	d := DefaultLimits
	for _, k := range limitKeys {
		if k.time != nil {
			if at := k.time(&l); *at == 0 {
				*at = *k.time(&d)
			}
			continue
		}
		field := k.number()
		if at := field(&l); *at == 0 {
			*at = *field(&d)
		}
	}
	return l
}

func (k *limitKey) number() func(*Limits) *uint64 {
	if k.size != nil {
		return k.size
	}
	return k.many
}

// Shown is a limit as messages write it: "limits.memory = 256MiB".
func (l *Limits) Shown(key string) string {
	for _, k := range limitKeys {
		if k.key == key {
			return "limits." + key + " = " + k.text(l)
		}
	}
	panic("there is no limit " + key) // a slip of ours
}

// ByKey is all limits by their keys in [limits], as messages write them.
func (l Limits) ByKey() map[string]string {
	all := make(map[string]string, len(limitKeys))
	for _, k := range limitKeys {
		all[k.key] = k.text(&l)
	}
	return all
}

func (k *limitKey) text(l *Limits) string {
	switch {
	case k.time != nil:
		return k.time(l).String()
	case k.size != nil:
		return sizeText(*k.size(l))
	default:
		return strconv.FormatUint(*k.many(l), 10)
	}
}

// sizeText writes bytes in the largest unit that divides them.
func sizeText(n uint64) string {
	for _, u := range []struct {
		suffix string
		shift  int
	}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if n != 0 && n&(1<<u.shift-1) == 0 {
			return strconv.FormatUint(n>>u.shift, 10) + u.suffix
		}
	}
	return strconv.FormatUint(n, 10) + " bytes"
}

func (d *document) limits(limits *Limits) error {
	table, err := d.table(d.root, "limits")
	if err != nil {
		return err
	}
	names := make([]string, len(limitKeys))
	for i, k := range limitKeys {
		names[i] = k.key
	}
	problems := []error{d.only(table, []string{"limits"}, names...)}
	for _, k := range limitKeys {
		value, ok := table[k.key]
		if !ok {
			continue
		}
		switch {
		case k.time != nil:
			*k.time(limits), err = duration(value)
		case k.size != nil:
			if *k.size(limits), err = size(value); err == nil && k.most != 0 && *k.size(limits) > k.most {
				err = fmt.Errorf("must be at most %s", sizeText(k.most))
			}
		default:
			*k.many(limits), err = many(value)
		}
		if err != nil {
			problems = append(problems, d.fail([]string{"limits", k.key}, "%v", err))
		}
	}
	return errors.Join(problems...)
}

// many reads a number of things.
func many(value any) (uint64, error) {
	n, ok := value.(int64)
	switch {
	case !ok:
		return 0, fmt.Errorf("must be a whole number, not %s", kind(value))
	case n < 1 || n > math.MaxUint32:
		return 0, fmt.Errorf("%d is out of range: 1 to %d", n, uint32(math.MaxUint32))
	}
	return uint64(n), nil
}
