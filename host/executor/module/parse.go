package module

import "encoding/binary"

// The sections, with their encoding.
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secTag
)

var sectionNames = [...]string{
	"custom", "type", "import", "function", "table", "memory", "global", "export",
	"start", "element", "code", "data", "data count", "tag",
}

// rank is a section's place in a file: data count (12) stands before code (10).
var rank = [...]int{
	secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5, secGlobal: 6, secExport: 7,
	secStart: 8, secElement: 9, secDataCount: 10, secCode: 11, secData: 12,
}

// atMost bounds the items of each section, whatever the settings: what a node holds
// of a file has to stay within a few hundred MiB.
var atMost = [...]int{
	secType: 100_000, secImport: 10_000, secFunction: 1_000_000, secTable: 10_000, secMemory: 10_000, secGlobal: 1_000_000,
	secExport: 100_000, secElement: 1_000_000, secCode: 1_000_000, secData: 1_000_000,
	secTag: 0,
}

// The same of what stands inside of items and custom sections.
const (
	maxValues = 1000 // parameters or results of one type
	maxCustom = 10_000
)

// Parse reads a core module. Its time and memory are proportional to the file's
// size. Every error is an *Error: the file is no WebAssembly (and it says what it
// looks like), a component, damaged, or newer than WebAssembly 2.0.
//
// The types of instructions and of constants are left to the compiler's validation.
func Parse(b []byte) (*Module, error) {
	if err := identify(b); err != nil {
		return nil, err
	}
	p := &parser{m: &Module{Size: len(b)}, exported: map[string]bool{}, dataCount: -1}
	file := &reader{file: b, at: 8, end: len(b), in: "file"}
	last := 0
	for file.more() {
		start := file.at
		id := file.byte()
		size := file.u32()
		body := file.at
		file.bytes(size)
		if file.err != nil {
			break
		}
		r := &reader{file: b, at: body, end: file.at}
		switch {
		case int(id) >= len(sectionNames):
			file.failAt(start, "section %d is unknown to WebAssembly 2.0: the file is damaged or newer than this host", id)
		case id == secTag:
			file.failAt(start, "the module uses exceptions, which are not of WebAssembly 2.0; build without them")
		case id == secCustom:
			r.in = "custom section"
			p.custom(r)
		case rank[id] <= last:
			file.failAt(start, "the %s section stands twice or out of order", sectionNames[id])
		default:
			last = rank[id]
			r.in = sectionNames[id] + " section"
			p.section(id, r)
			if r.more() {
				r.fail("%d bytes are left over at the end", r.end-r.at)
			}
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	if file.err != nil {
		return nil, file.err
	}
	return p.finish()
}

// parser gathers what later sections need of earlier ones.
type parser struct {
	m         *Module
	funcs     []uint32 // type of every function, the imported ones first
	imported  int      // functions
	tables    int      // the imported ones too, as below
	memories  int
	globals   int
	exported  map[string]bool
	scan      scan
	dataCount int // -1 where the module declares none
}

func (p *parser) section(id byte, r *reader) {
	each := func(of string, item func()) {
		n := r.count(of)
		if most := atMost[id]; n > most {
			r.over("%d %s are declared, and this host takes at most %d", n, of, most)
		}
		for range n {
			if r.err != nil {
				return
			}
			item()
		}
	}
	switch id {
	case secType:
		each("types", func() { p.funcType(r) })
	case secImport:
		each("imports", func() { p.imports(r) })
	case secFunction:
		each("functions", func() { p.function(r) })
	case secTable:
		each("tables", func() {
			p.m.Tables = append(p.m.Tables, Table{Element: r.refType(), Limits: r.limits("table")})
			p.tables++
		})
	case secMemory:
		each("memories", func() {
			p.m.Memories = append(p.m.Memories, p.memory(r))
		})
	case secGlobal:
		each("globals", func() {
			p.global(r)
			r.skipConst()
			p.m.Globals++
		})
	case secExport:
		each("exports", func() { p.export(r) })
	case secStart:
		p.index(r, "function", len(p.funcs))
		p.m.HasStart = true
	case secElement:
		each("element segments", func() { p.element(r) })
	case secCode:
		each("function bodies", func() { p.body(r) })
	case secData:
		each("data segments", func() { p.data(r) })
	case secDataCount:
		p.dataCount = int(r.u32())
	}
}

// finish checks what sections say of each other.
func (p *parser) finish() (*Module, error) {
	if len(p.m.Functions) != p.m.Code.Bodies {
		return nil, refuse("%d functions are declared and %d have a body: the file is damaged", len(p.m.Functions), p.m.Code.Bodies)
	}
	if p.dataCount >= 0 && p.dataCount != p.m.Data.Segments {
		return nil, refuse("%d data segments are declared and %d are there: the file is damaged", p.dataCount, p.m.Data.Segments)
	}
	return p.m, nil
}

// identify checks the first eight bytes.
func identify(b []byte) error {
	if len(b) < 4 || string(b[:4]) != "\x00asm" {
		return notWasm(b)
	}
	if len(b) < 8 {
		return refuse("the file ends after %d bytes, within the header of a WebAssembly module: it is cut short", len(b))
	}
	version, layer := binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:])
	if layer == 1 {
		return refuse("the file is a WebAssembly component; an executor is the core module inside it: " +
			"extract it with `wasm-tools component unbundle FILE --threshold 0 --module-dir modules -o rest.wasm` " +
			"and use modules/unbundled-module0.wasm, or leave out the build step that makes a component")
	}
	if version != 1 || layer != 0 {
		return &Error{Offset: 4, Reason: "the file is WebAssembly of a binary version that this host does not read; build a core module of version 1"}
	}
	return nil
}
