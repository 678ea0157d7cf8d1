package module

import "math"

func (p *parser) funcType(r *reader) {
	start := r.at
	if form := r.byte(); form != 0x60 && r.err == nil {
		r.failAt(start, "type of form %#x is not of WebAssembly 2.0, which is what this host runs; build without garbage collection types", form)
	}
	values := func(of string) []ValType {
		var v []ValType
		for range r.count(of) {
			if v = append(v, r.valType()); r.err != nil {
				return nil
			}
		}
		if len(v) > maxValues {
			r.over("a function type has %d %s, and this host takes at most %d", len(v), of, maxValues)
		}
		return v
	}
	p.m.Types = append(p.m.Types, FuncType{Params: values("parameters"), Results: values("results")})
}

func (p *parser) imports(r *reader) {
	start := r.at
	im := Import{Module: r.name(), Field: r.name(), Kind: Kind(r.byte())}
	switch im.Kind {
	case KindFunc:
		t := p.index(r, "type", len(p.m.Types))
		if r.err == nil {
			im.Type = p.m.Types[t]
			p.funcs = append(p.funcs, t)
			p.imported++
		}
	case KindTable:
		r.refType()
		r.limits("table")
		p.tables++
	case KindMemory:
		p.memory(r)
	case KindGlobal:
		p.global(r)
	default:
		r.failAt(start, "an import is of unknown %v", im.Kind)
	}
	p.m.Imports = append(p.m.Imports, im)
}

func (p *parser) function(r *reader) {
	t := p.index(r, "type", len(p.m.Types))
	p.m.Functions = append(p.m.Functions, t)
	p.funcs = append(p.funcs, t)
}

// maxPages is 4 GiB, the reach of a 32-bit pointer.
const maxPages = 1 << 16

func (p *parser) memory(r *reader) Limits {
	start := r.at
	l := r.limits("memory")
	if l.Min > maxPages || l.Max > maxPages {
		r.failAt(start, "a memory of %d pages is larger than the 65536 that 32-bit pointers reach", max(l.Min, l.Max))
	}
	if p.memories++; p.memories > 1 {
		r.failAt(start, "the module has more than one memory, which is not of WebAssembly 2.0")
	}
	return l
}

func (p *parser) global(r *reader) {
	r.valType()
	start := r.at
	if mutable := r.byte(); mutable > 1 {
		r.failAt(start, "a global has mutability %#x", mutable)
	}
	p.globals++
}

func (p *parser) export(r *reader) {
	start := r.at
	ex := Export{Name: r.name(), Kind: Kind(r.byte())}
	if r.err == nil && p.exported[ex.Name] {
		r.failAt(start, "%s is exported twice", quote(ex.Name))
	}
	p.exported[ex.Name] = true
	switch ex.Kind {
	case KindFunc:
		ex.Index = p.index(r, "function", len(p.funcs))
		if r.err == nil {
			ex.Type = p.m.Types[p.funcs[ex.Index]]
		}
	case KindTable:
		ex.Index = p.index(r, "table", p.tables)
	case KindMemory:
		ex.Index = p.index(r, "memory", p.memories)
	case KindGlobal:
		ex.Index = p.index(r, "global", p.globals)
	default:
		r.failAt(start, "an export is of unknown %v", ex.Kind)
	}
	p.m.Exports = append(p.m.Exports, ex)
}

// element passes over one segment. Bit 0 of its flags says passive or declarative,
// bit 1 that a table index (or, with bit 0, declarative) is given, bit 2 that its
// items are expressions.
func (p *parser) element(r *reader) {
	start := r.at
	flags := r.u32()
	if flags > 7 {
		r.failAt(start, "an element segment has flags %#x", flags)
		return
	}
	if flags&1 == 0 {
		if flags&2 != 0 {
			p.index(r, "table", p.tables)
		}
		r.skipConst()
	}
	if flags&3 != 0 {
		if flags&4 != 0 {
			r.refType()
		} else if kind := r.byte(); kind != 0 {
			r.fail("an element segment is of unknown kind %#x", kind)
		}
	}
	n := r.count("elements")
	for range n {
		if r.err != nil {
			return
		}
		if flags&4 != 0 {
			r.skipConst()
		} else {
			p.index(r, "function", len(p.funcs))
		}
	}
	p.m.Elements.Segments++
	p.m.Elements.Items += n
}

func (p *parser) body(r *reader) {
	c := &p.m.Code
	size := int(r.u32())
	start := r.at
	r.bytes(uint32(size))
	if r.err != nil {
		return
	}
	in := &reader{file: r.file, at: start, end: r.at, in: "function body"}
	var locals uint64
	for range in.count("groups of locals") {
		if locals += uint64(in.u32()); locals > math.MaxUint32 {
			in.failAt(start, "a function declares more than 2^32-1 locals")
		}
		in.valType()
		if in.err != nil {
			break
		}
	}
	if in.err != nil {
		r.err = in.err
		return
	}
	if c.Bodies >= len(p.m.Functions) {
		r.failAt(start, "more bodies than the %d functions that are declared: the file is damaged", len(p.m.Functions))
		return
	}
	t := p.m.Types[p.m.Functions[c.Bodies]]
	p.scan.p, p.scan.r = p, in
	p.scan.body(len(t.Results))
	if in.err == nil && in.at < in.end {
		in.fail("%d bytes are left over at the end", in.end-in.at)
	}
	if in.err != nil {
		r.err = in.err
		return
	}
	f := uint32(p.imported + c.Bodies)
	if size > c.LargestBody {
		c.LargestBody, c.LargestFunc = size, f
	}
	if locals > c.MostLocals {
		c.MostLocals, c.LocalsFunc = locals, f
	}
	live := p.scan.live(len(t.Params), locals)
	if live > c.MostLive {
		c.MostLive, c.LiveFunc = live, f
	}
	if p.scan.flow > c.MostBlocks {
		c.MostBlocks, c.BlocksFunc = p.scan.flow, f
	}
	c.Work += p.scan.work(live)
	c.Bodies++
	c.Bytes += size
}

func (p *parser) data(r *reader) {
	start := r.at
	flags := r.u32()
	switch flags {
	case 0: // active, in memory 0
		r.skipConst()
	case 1: // passive
	case 2: // active, in the memory that is named
		p.index(r, "memory", p.memories)
		r.skipConst()
	default:
		r.failAt(start, "a data segment has flags %#x", flags)
	}
	b := r.bytes(r.u32())
	p.m.Data.Segments++
	p.m.Data.Bytes += len(b)
	if p.m.Go == nil {
		p.m.Go = goBuild(b)
	}
}

// index reads an index into a space of n entries.
func (p *parser) index(r *reader, of string, n int) uint32 {
	start := r.at
	i := r.u32()
	if r.err == nil && uint64(i) >= uint64(n) {
		r.failAt(start, "%s %d is named where there are %d", of, i, n)
		return 0
	}
	return i
}
