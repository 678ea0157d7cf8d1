package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/wit"
)

// sheet writes pairs of a label and a value below each other. Values that are
// lists are broken at the terminal's width.
type sheet struct {
	b     strings.Builder
	width int
}

const labelWidth = 12

func (s *sheet) line(label, format string, args ...any) {
	fmt.Fprintf(&s.b, "%s%-*s%s\n", indent, labelWidth, label, printable(fmt.Sprintf(format, args...)))
}

// list writes "start: a, b, c" over as many lines as it takes.
func (s *sheet) list(label, start string, items []string) {
	line := start
	for i, item := range items {
		if i < len(items)-1 {
			item += ","
		}
		switch {
		case line == "":
			line = item
		case len(indent)+labelWidth+len(line)+1+len(item) > s.width:
			s.line(label, "%s", line)
			label, line = "", indent+item
		default:
			line += " " + item
		}
	}
	s.line(label, "%s", line)
}

// showInspection writes what is known of an executor's file.
func (c *cli) showInspection(in *inspection) {
	s := &sheet{width: c.stdout.width}
	where := ""
	if in.Path == "" {
		where = indent + "built in"
	}
	fmt.Fprintf(&s.b, "%s%s\n", c.stdout.paint(bold, printable(in.Ref)), c.stdout.paint(dim, where))
	s.line("size", "%d bytes", in.Size)
	s.line("sha256", "%s", in.SHA256)
	if in.Exports != nil {
		in.tools(s)
		in.interfaces(s)
		in.needs(s)
	}
	if in.Device != nil {
		s.line("device", "%s", describe(in.Device))
	}
	c.stdout.printf("%s", s.b.String())
}

func (in *inspection) tools(s *sheet) {
	if len(in.Languages) > 0 {
		s.list("language", "", names(in.Languages))
	}
	if len(in.Tools) > 0 {
		s.list("made by", "", names(in.Tools))
	}
	if in.Go != nil {
		s.line("program", "%s of %s", in.Go.Path, in.Go.Module)
	}
}

func names(tools []tool) []string {
	var out []string
	for _, t := range tools {
		out = append(out, strings.TrimSpace(t.Name+" "+t.Version))
	}
	return out
}

func (in *inspection) interfaces(s *sheet) {
	if k := in.Contract; k != nil {
		s.line("contract", "%s@%s, %s names", wit.Package, k.Version, k.Spelling)
	}
	var exports, imports []item
	for _, e := range in.Exports {
		if !e.cleanup {
			exports = append(exports, item{e.Interface, cmp.Or(e.Function, e.Name)})
		}
	}
	for _, i := range in.Imports {
		imports = append(imports, item{cmp.Or(i.Interface, i.Module), cmp.Or(i.Function, i.Name)})
	}
	s.groups("exports", exports)
	s.groups("imports", imports)
}

// item is a function, or something else by its name, of an interface.
type item struct{ of, name string }

// groups lists items by interface; those of none come last.
func (s *sheet) groups(label string, items []item) {
	if len(items) == 0 {
		s.line(label, "nothing")
	}
	slices.SortStableFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(len(b.of), 0)-cmp.Compare(len(a.of), 0), cmp.Compare(a.of, b.of))
	})
	for len(items) > 0 {
		of := items[0].of
		var names []string
		for len(items) > 0 && items[0].of == of {
			names = append(names, items[0].name)
			items = items[1:]
		}
		start := ""
		if of != "" {
			start = of + ":"
		}
		s.list(label, start, names)
		label = ""
	}
}

// grants says of each interface that reaches out of the sandbox what an operator
// allows by granting it.
var grants = map[string]string{
	"byte-stream": "talks to instruments over TCP, TLS, Unix sockets, serial lines or character devices",
	"http":        "sends HTTP requests to the instruments' servers",
	"registers":   "reads and writes memory-mapped registers of hardware",
}

func (in *inspection) needs(s *sheet) {
	if k := in.Contract; k != nil {
		if len(k.Grants) == 0 {
			s.line("grants", "none: it reaches nothing outside its sandbox")
		}
		for i, inter := range k.Grants {
			label := ""
			if i == 0 {
				label = "grants"
			}
			s.line(label, "%s: %s", inter, grants[inter])
		}
		if len(k.Grants) > 0 {
			s.line("", "only where the device file names them under [endpoints]")
		}
	}
	if m := in.Memory; m != nil {
		s.line("memory", "%s at the start, %s", binary(int(m.Min)<<16), upTo(m.Max, func(n uint32) string { return binary(int(n) << 16) }))
	}
	for _, t := range in.Tables {
		s.line("table", "%s, %s", plural(int(t.Min), "element"), upTo(t.Max, func(n uint32) string { return fmt.Sprint(n) }))
	}
	s.line("code", "%s, %s; %s of data", plural(in.Code.Functions, "function"), binary(in.Code.Bytes), binary(in.Data))
	for _, b := range in.Budgets {
		if b.Have > b.Most/2 { // the others are no news
			s.line("budget", "%s: %d of at most %d", b.Name, b.Have, b.Most)
		}
	}
}

func upTo(most *uint32, write func(uint32) string) string {
	if most == nil {
		return "with no maximum of its own"
	}
	return "at most " + write(*most)
}

// describe writes a device on one line.
func describe(d *abi.Device) string {
	text := fmt.Sprintf("%s: target %v, %s", d.Name, d.Target, plural(int(d.NumQubits), "qubit"))
	switch {
	case len(d.Edges) == 0:
		text += ", any two coupled"
	case d.Directed:
		text += ", " + plural(len(d.Edges), "directed coupling")
	default:
		text += ", " + plural(len(d.Edges), "coupling")
	}
	if d.MaxShots == nil {
		return text + ", any number of shots"
	}
	return fmt.Sprintf("%s, at most %d shots", text, *d.MaxShots)
}

// binary writes a number of bytes with its unit.
func binary(n int) string {
	switch {
	case n < 1<<10:
		return plural(n, "byte")
	case n < 1<<20:
		return fmt.Sprintf("%.4g KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.4g MiB", float64(n)/(1<<20))
	default:
		return fmt.Sprintf("%.4g GiB", float64(n)/(1<<30))
	}
}
