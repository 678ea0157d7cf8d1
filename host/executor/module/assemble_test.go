package module_test

import (
	"encoding/binary"
	"slices"

	"github.com/conductorquantum/coda/host/executor/module"
)

// draft is a module to be assembled: what a test says of it, and the least that
// makes it whole.
type draft struct {
	imports []module.Import // functions, memories and tables
	funcs   []fn
	other   []module.Export // by kind and index
	memory  bool            // defines one, of one page
	custom  []string        // names of empty sections
}

// fn is an exported function. Its body traps.
type fn struct {
	name string
	typ  module.FuncType
}

func (d draft) bytes() []byte {
	var types, imports, functions, exports, code [][]byte
	typeOf := func(t module.FuncType) []byte {
		types = append(types, join([]byte{0x60}, values(t.Params), values(t.Results)))
		return num(len(types) - 1)
	}
	imported := 0
	for _, im := range d.imports {
		desc := map[module.Kind][]byte{
			module.KindTable: {0x70, 0, 1}, module.KindMemory: {0, 1}, module.KindGlobal: {0x7f, 0},
		}[im.Kind]
		if im.Kind == module.KindFunc {
			desc = typeOf(im.Type)
			imported++
		}
		imports = append(imports, join(text(im.Module), text(im.Field), []byte{byte(im.Kind)}, desc))
	}
	for i, f := range d.funcs {
		functions = append(functions, typeOf(f.typ))
		exports = append(exports, join(text(f.name), []byte{0}, num(imported+i)))
		code = append(code, []byte{3, 0, 0x00, 0x0b}) // no locals, unreachable, end
	}
	for _, ex := range d.other {
		exports = append(exports, join(text(ex.Name), []byte{byte(ex.Kind)}, num(int(ex.Index))))
	}
	sections := [][]byte{
		vector(1, types), vector(2, imports), vector(3, functions),
	}
	if d.memory {
		sections = append(sections, section(5, []byte{1, 0, 1}))
	}
	sections = append(sections, vector(7, exports), vector(10, code))
	for _, name := range d.custom {
		sections = append(sections, section(0, text(name)))
	}
	return file(sections...)
}

func file(sections ...[]byte) []byte {
	return join(append([][]byte{[]byte("\x00asm\x01\x00\x00\x00")}, sections...)...)
}

func section(id byte, body []byte) []byte { return join([]byte{id}, num(len(body)), body) }

func vector(id byte, items [][]byte) []byte {
	if len(items) == 0 {
		return nil
	}
	return section(id, join(num(len(items)), join(items...)))
}

func values(types []module.ValType) []byte {
	b := num(len(types))
	for _, t := range types {
		b = append(b, byte(t))
	}
	return b
}

func text(s string) []byte        { return join(num(len(s)), []byte(s)) }
func num(n int) []byte            { return binary.AppendUvarint(nil, uint64(n)) }
func join(parts ...[]byte) []byte { return slices.Concat(parts...) }
func i32s(n int) []module.ValType { return slices.Repeat([]module.ValType{module.I32}, n) }
func sig(params, results int) module.FuncType {
	return module.FuncType{Params: i32s(params), Results: i32s(results)}
}
