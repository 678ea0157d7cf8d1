package module_test

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/conductorquantum/coda/host/executor/module"
)

// compiler is what the children compile with. interpreter decodes and validates
// alike, and is quick.
var (
	compiler    = once(wazero.NewRuntimeConfigCompiler())
	interpreter = once(wazero.NewRuntimeConfigInterpreter())
)

func once(config wazero.RuntimeConfig) func() wazero.Runtime {
	return sync.OnceValue(func() wazero.Runtime {
		return wazero.NewRuntimeWithConfig(context.Background(), config.WithDebugInfoEnabled(false))
	})
}

// view is what wazero made of a module. Its own accessors show no tables and no
// bodies, so that its fields are read.
type view struct {
	functions, globals, data, elements int
	tables                             []module.Table
	memories                           []module.Limits
	exports                            map[string]module.Kind
	imports                            []module.Import // without types
	start                              bool
	locals                             []uint64 // of each body
	code                               []int    // bytes of each body after its locals
}

// compile has wazero validate a module, and reads what it decoded.
func compile(engine wazero.Runtime, b []byte) (*view, error) {
	compiled, err := engine.CompileModule(context.Background(), b)
	if err != nil {
		return nil, err
	}
	defer compiled.Close(context.Background())
	m := reflect.ValueOf(compiled).Elem().FieldByName("module").Elem()
	v := &view{
		functions: m.FieldByName("FunctionSection").Len(),
		globals:   m.FieldByName("GlobalSection").Len(),
		data:      m.FieldByName("DataSection").Len(),
		elements:  m.FieldByName("ElementSection").Len(),
		start:     !m.FieldByName("StartSection").IsNil(),
		exports:   map[string]module.Kind{},
	}
	for _, t := range m.FieldByName("TableSection").Seq2() {
		table := module.Table{Element: module.ValType(t.FieldByName("Type").Uint())}
		table.Min = uint32(t.FieldByName("Min").Uint())
		if most := t.FieldByName("Max"); !most.IsNil() {
			table.Max, table.HasMax = uint32(most.Elem().Uint()), true
		}
		v.tables = append(v.tables, table)
	}
	if at := m.FieldByName("MemorySection"); !at.IsNil() {
		memory := module.Limits{Min: uint32(at.Elem().FieldByName("Min").Uint()), HasMax: at.Elem().FieldByName("IsMaxEncoded").Bool()}
		if memory.HasMax { // else it is as much as the engine allows
			memory.Max = uint32(at.Elem().FieldByName("Max").Uint())
		}
		v.memories = append(v.memories, memory)
	}
	for _, e := range m.FieldByName("ExportSection").Seq2() {
		v.exports[e.FieldByName("Name").String()] = module.Kind(e.FieldByName("Type").Uint())
	}
	for _, i := range m.FieldByName("ImportSection").Seq2() {
		v.imports = append(v.imports, module.Import{Module: i.FieldByName("Module").String(),
			Field: i.FieldByName("Name").String(), Kind: module.Kind(i.FieldByName("Type").Uint())})
	}
	for _, c := range m.FieldByName("CodeSection").Seq2() {
		v.locals = append(v.locals, uint64(c.FieldByName("LocalTypes").Len()))
		v.code = append(v.code, c.FieldByName("Body").Len())
	}
	return v, nil
}

// agree compares what Parse measured with what wazero decoded.
func agree(tb testing.TB, m *module.Module, v *view) {
	tb.Helper()
	exports := map[string]module.Kind{}
	for _, e := range m.Exports {
		exports[e.Name] = e.Kind
	}
	var imports []module.Import
	for _, i := range m.Imports {
		imports = append(imports, module.Import{Module: i.Module, Field: i.Field, Kind: i.Kind})
	}
	ours := &view{
		functions: len(m.Functions), globals: m.Globals, data: m.Data.Segments, elements: m.Elements.Segments, start: m.HasStart,
		tables: m.Tables, memories: m.Memories, exports: exports, imports: imports, locals: v.locals, code: v.code,
	}
	if !reflect.DeepEqual(ours, v) {
		tb.Fatalf("Parse and wazero see different modules:\n%+v\n%+v", ours, v)
	}
	most, bytes := uint64(0), 0
	for i, n := range v.locals {
		most = max(most, n)
		bytes += v.code[i]
	}
	if m.Code.Bodies != len(v.code) || m.Code.MostLocals != most || m.Code.Bytes < bytes+len(v.code) || m.Code.LargestBody > m.Code.Bytes {
		tb.Fatalf("Parse and wazero see different bodies:\n%+v\n%+v", m.Code, v)
	}
}

// admitted checks a module that wazero takes: that Parse takes it too, and sees the
// same in it. It returns what Parse saw.
func admitted(tb testing.TB, b []byte) *module.Module {
	tb.Helper()
	v, err := compile(compiler(), b)
	if err != nil {
		tb.Fatalf("wazero does not take it: %v\n% x", err, b)
	}
	m, err := module.Parse(b)
	if err != nil {
		tb.Fatalf("wazero takes what Parse refuses: %v\n% x", err, b)
	}
	agree(tb, m, v)
	return m
}
