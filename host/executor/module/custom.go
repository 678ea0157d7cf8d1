package module

import (
	"bytes"
	"runtime/debug"
)

// custom records a custom section. What one holds never makes a module invalid,
// so a producers or name section that makes no sense is passed over.
func (p *parser) custom(r *reader) {
	name := r.name()
	if r.err != nil {
		return
	}
	if len(p.m.Custom) == maxCustom {
		r.over("the module has more than the %d custom sections that this host takes", maxCustom)
		return
	}
	p.m.Custom = append(p.m.Custom, Custom{Name: name, Size: r.end - r.at})
	inner := &reader{file: r.file, at: r.at, end: r.end}
	switch name {
	case "producers":
		if list := producers(inner); inner.err == nil {
			p.m.Producers = list
		}
	case "name":
		if s := moduleName(inner); inner.err == nil {
			p.m.Name = s
		}
	}
}

// producers follows the tool conventions' ProducersSection: fields, each a list
// of names with versions.
func producers(r *reader) []Producer {
	var out []Producer
	for range r.count("fields") {
		field := r.name()
		for range r.count("values") {
			out = append(out, Producer{Field: field, Name: r.name(), Version: r.name()})
			if r.err != nil {
				return nil
			}
		}
	}
	return out
}

// moduleName is subsection 0, which stands first.
func moduleName(r *reader) string {
	if !r.more() || r.byte() != 0 {
		return ""
	}
	r.u32()
	return r.name()
}

// Go's linker puts a program's module information, framed by these marks, among
// its data.
var (
	goStart = []byte("\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6")
	goEnd   = []byte("\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2")
)

// goBuild finds Go's module information in a data segment; nil if it is not there.
func goBuild(segment []byte) *debug.BuildInfo {
	_, after, ok := bytes.Cut(segment, goStart)
	if !ok {
		return nil
	}
	text, _, ok := bytes.Cut(after, goEnd)
	if !ok {
		return nil
	}
	info, err := debug.ParseBuildInfo(string(text))
	if err != nil {
		return nil
	}
	return info
}
