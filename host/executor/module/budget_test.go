package module_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/fault"
)

// program is a module of one function, with what is given of tables and data.
func program(locals int, code []byte, tables, data []byte) []byte {
	body := join([]byte{1}, num(locals), []byte{0x7f}, code, []byte{0x0b})
	sections := [][]byte{section(1, []byte{1, 0x60, 0, 0}), section(3, []byte{1, 0})}
	if tables != nil {
		sections = append(sections, section(4, tables))
	}
	sections = append(sections, section(5, []byte{1, 0, 1}), section(10, join([]byte{1}, num(len(body)), body)))
	if data != nil {
		sections = append(sections, section(11, join([]byte{1, 1}, num(len(data)), data)))
	}
	return file(sections...)
}

// Each budget passes a module that has as much as it allows, which then is refused
// only for being no executor, and stops one that has one more.
func TestBudgets(t *testing.T) {
	t.Parallel()
	const stranger = `the module is no executor: it does not export coda:executor/executor@0.1.0#open and coda:executor/executor@0.1.0#run`
	flat := func(locals int) []byte { return program(locals, nil, nil, nil) }
	nops := func(size int) []byte { return program(0, slices.Repeat([]byte{1}, size-4), nil, nil) }
	tables := func(n int) []byte { return program(0, nil, join(num(n), slices.Repeat([]byte{0x70, 0, 7}, n)), nil) }
	branches := func(n, locals int) []byte {
		return program(locals, slices.Repeat([]byte{0x20, 0, 0x0d, 0}, n), nil, nil) // local.get 0, br_if 0
	}
	for _, test := range []struct {
		name        string
		limits      config.Limits
		fits, above []byte
		want        string
	}{
		{"module_size", config.Limits{ModuleSize: uint64(len(flat(0)))}, flat(0), flat(1000),
			"the file has 32 bytes; limits.module_size = 31 bytes allows no more"},
		{"functions", config.Limits{Functions: 1}, flat(0),
			file(section(1, []byte{1, 0x60, 0, 0}), section(3, []byte{2, 0, 0}), section(10, []byte{2, 2, 0, 0x0b, 2, 0, 0x0b})),
			"it defines 2 functions; limits.functions = 1 allows no more"},
		{"function_size", config.Limits{FunctionSize: 1 << 10}, nops(1 << 10), nops(1<<10 + 1),
			"function 0 has a body of 1025 bytes; limits.function_size = 1KiB allows no more"},
		{"locals", config.Limits{}, flat(10_000), flat(10_001),
			"function 0 declares 10001 locals; limits.locals = 10000 allows no more"},
		{"tables", config.Limits{}, tables(16), tables(17), "it defines 17 tables; limits.tables = 16 allows no more"},
		{"table_size", config.Limits{TableSize: 7}, tables(1), program(0, nil, []byte{2, 0x70, 0, 7, 0x70, 0, 8}, nil),
			"table 1 starts with 8 elements; limits.table_size = 7 allows no more"},
		{"data_size", config.Limits{DataSize: 100}, program(0, nil, nil, make([]byte, 100)), program(0, nil, nil, make([]byte, 101)),
			"its data segments have 101 bytes; limits.data_size = 100 bytes allows no more"},
		{"memory", config.Limits{Memory: 64 << 10}, flat(0), file(section(5, []byte{1, 0, 2})),
			"it needs at least 128 KiB of memory; limits.memory = 64KiB allows no more"},
		{"blocks", config.Limits{}, branches(39_999, 1), branches(40_000, 1),
			"function 0 has about 40001 branches and blocks, and one function may have 40000: split it"},
		{"live values", config.Limits{}, branches(1999, 1999), branches(1999, 2000),
			"function 0 has parameters, locals and operands that, times its blocks, make 4002000, and one function may have 4000000: split it, or use fewer locals"},
		{"work", config.Limits{}, loops(40), loops(400),
			"its functions would take about 97 s to compile for 2 KiB of code, and this host takes 10 s: nest fewer loops, or split functions of many branches and locals"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			limits := test.limits.OrDefaults()
			if _, _, err := module.Admit(test.fits, &limits); err == nil || err.Error() != stranger || module.CauseOf(err) != fault.Refused {
				t.Errorf("at the limit: %v", err)
			}
			if _, _, err := module.Admit(test.above, &limits); err == nil || err.Error() != test.want || module.CauseOf(err) != fault.Limit {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// Whatever the limits say, there are so many items that Parse takes; one more is not
// damage but too much, which is said before an item is read.
func TestItemsHaveBounds(t *testing.T) {
	t.Parallel()
	custom := section(0, text("x"))
	params := func(n int) []byte {
		return section(1, join([]byte{1, 0x60}, num(n), slices.Repeat([]byte{0x7f}, n), []byte{0}))
	}
	results := func(n int) []byte {
		return section(1, join([]byte{1, 0x60, 0}, num(n), slices.Repeat([]byte{0x7f}, n)))
	}
	items := func(id byte) func(int) []byte {
		return func(n int) []byte { return section(id, join(num(n), make([]byte, n))) }
	}
	for _, test := range []struct {
		name  string
		most  int
		items func(n int) []byte
		want  string
	}{
		{"types", 100_000, items(1), "type section: 100001 types are declared, and this host takes at most 100000"},
		{"imports", 10_000, items(2), "import section: 10001 imports are declared, and this host takes at most 10000"},
		{"functions", 1_000_000, items(3), "function section: 1000001 functions are declared, and this host takes at most 1000000"},
		{"tables", 10_000, items(4), "table section: 10001 tables are declared, and this host takes at most 10000"},
		{"memories", 10_000, items(5), "memory section: 10001 memories are declared, and this host takes at most 10000"},
		{"globals", 1_000_000, items(6), "global section: 1000001 globals are declared, and this host takes at most 1000000"},
		{"exports", 100_000, items(7), "export section: 100001 exports are declared, and this host takes at most 100000"},
		{"element segments", 1_000_000, items(9), "element section: 1000001 element segments are declared, and this host takes at most 1000000"},
		{"bodies", 1_000_000, items(10), "code section: 1000001 function bodies are declared, and this host takes at most 1000000"},
		{"data segments", 1_000_000, items(11), "data section: 1000001 data segments are declared, and this host takes at most 1000000"},
		{"parameters", 1000, params, "type section: a function type has 1001 parameters, and this host takes at most 1000"},
		{"results", 1000, results, "type section: a function type has 1001 results, and this host takes at most 1000"},
		{"custom sections", 10_000, func(n int) []byte { return slices.Repeat(custom, n) },
			"custom section: the module has more than the 10000 custom sections that this host takes"},
	} {
		_, err := module.Parse(file(test.items(test.most)))
		if err != nil && module.CauseOf(err) != fault.Refused { // most of these items are none
			t.Errorf("%s: as many as there may be: %v", test.name, err)
		}
		_, err = module.Parse(file(test.items(test.most + 1)))
		if err == nil || !strings.HasSuffix(err.Error(), test.want) || module.CauseOf(err) != fault.Limit {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// loops stand one in the other, among 800 locals.
func loops(depth int) []byte {
	return program(800, join(slices.Repeat([]byte{0x03, 0x40}, depth), slices.Repeat([]byte{0x20, 0, 0x0d, 0, 0x0b}, depth)), nil, nil)
}

func TestClamp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		have []module.Table
		want []module.Limits
	}{
		{"no maximum", []module.Table{{Element: module.FuncRef, Limits: module.Limits{Min: 3}}}, []module.Limits{{Min: 3, Max: 1000, HasMax: true}}},
		{"a larger one", []module.Table{{Element: module.ExternRef, Limits: module.Limits{Min: 3, Max: 1 << 30, HasMax: true}}}, []module.Limits{{Min: 3, Max: 1000, HasMax: true}}},
		{"a smaller one, and one beyond", []module.Table{{Element: module.FuncRef, Limits: module.Limits{Max: 5, HasMax: true}}, {Element: module.FuncRef, Limits: module.Limits{Min: 2000}}},
			[]module.Limits{{Max: 5, HasMax: true}, {Min: 2000, Max: 2000, HasMax: true}}},
	} {
		tables := num(len(test.have))
		for _, table := range test.have {
			tables = append(tables, byte(table.Element), 0)
			if table.HasMax {
				tables[len(tables)-1] = 1
			}
			tables = append(tables, num(int(table.Min))...)
			if table.HasMax {
				tables = append(tables, num(int(table.Max))...)
			}
		}
		b := program(2, nil, tables, []byte("data"))
		clamped := module.Clamp(b, 1000)
		m, err := module.Parse(clamped)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		for i, table := range m.Tables {
			if table.Limits != test.want[i] || table.Element != test.have[i].Element {
				t.Errorf("%s: table %d is %+v", test.name, i, table)
			}
		}
		if again := module.Clamp(clamped, 1000); &again[0] != &clamped[0] {
			t.Errorf("%s: clamped twice", test.name)
		}
		if m.Code.Bodies != 1 || m.Data.Bytes != 4 {
			t.Errorf("%s: what follows the tables is lost: %+v", test.name, m)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	wasm, err := os.ReadFile("../../../guests/statevector/statevector.wasm")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(wasm)))
	for b.Loop() {
		if _, err := module.Parse(wasm); err != nil {
			b.Fatal(err)
		}
	}
}
