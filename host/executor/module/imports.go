package module

import (
	"slices"
	"strings"
)

// imports checks that the host serves whatever the module imports, and writes
// down which function each import means.
func (c *checker) imports() error {
	needed := map[string]bool{}
	for _, im := range c.m.Imports {
		f, err := serve(im)
		if err != nil {
			return err
		}
		c.c.Imports = append(c.c.Imports, Binding{Module: im.Module, Field: im.Field, Function: f})
		needed[f.Interface] = true
	}
	for _, inter := range granted {
		if needed[inter] {
			c.c.Needs = append(c.c.Needs, inter)
		}
	}
	return nil
}

// serve finds the function that an import means.
func serve(im Import) (Function, error) {
	if im.Kind != KindFunc {
		return Function{}, refuse("unknown import: the module imports the %v %s of %s; an executor defines its own memories, tables and globals%s",
			im.Kind, quote(im.Field), quote(im.Module), advice(im.Module))
	}
	table := imported
	n, ours := parseImport(im.Module, im.Field)
	if ours {
		if err := versioned("imports", im.Module, n); err != nil {
			return Function{}, err
		}
	} else if im.Module == WASI {
		table, n.inter, n.function = preview1, WASI, im.Field
	} else {
		return Function{}, refuse("unknown import: the module imports %s of %s; a host serves the interfaces %s of %s, and %s%s",
			quote(im.Field), quote(im.Module), strings.Join(interfaces(imported), ", "), contractName, WASI, advice(im.Module))
	}
	f, known := find(table, n.inter, n.function)
	if !known {
		return Function{}, unknownImport(im, n, table)
	}
	if !im.Type.Equal(f.Type) {
		return Function{}, refuse("the import %s of %s has the signature %v where the host's function is %v: build its bindings from wit/executor.wit of %s",
			quote(im.Field), quote(im.Module), im.Type, f.Type, contractName)
	}
	return f, nil
}

func unknownImport(im Import, n name, table []Function) error {
	if n.inter == WASI {
		return refuse("unknown import: %s has no function %s%s", WASI, quote(im.Field), meant(im.Field, functions(table, WASI)))
	}
	if known := functions(table, n.inter); known != nil {
		var written []string
		for _, f := range known {
			_, field := n.spelling.ImportName(n.inter, f)
			written = append(written, field)
		}
		return refuse("unknown import: %s has no function %s%s; it has %s",
			quote(im.Module), quote(im.Field), meant(im.Field, written), strings.Join(written, ", "))
	}
	if slices.Contains(interfaces(exported), n.inter) {
		return refuse("unknown import: the interface %s is exported by executors, not imported", n.inter)
	}
	known := interfaces(table)
	return refuse("unknown import: the contract has no interface %s%s with functions to import; it has %s",
		quote(n.inter), meant(n.inter, known), strings.Join(known, ", "))
}

// foreign are modules that other hosts serve. A star stands for any end.
var foreign = []struct{ module, advice string }{
	{"env", "it is a symbol that nothing defined when the module was linked: link the library that defines it, without --allow-undefined or --import-memory"},
	{"GOT.*", "the module is linked as position independent code: link it without -shared and -pie"},
	{"wasi_unstable", "the module is built for an older WASI: build it for wasm32-wasip1"},
	{"wasi:*", "the module is built for WASI preview 2: build it for wasm32-wasip1"},
	{"gojs", "the module is built for browsers: build it with GOOS=wasip1"},
	{"go", "the module is built for browsers: build it with GOOS=wasip1"},
	{"__wbindgen*", "the module is built for browsers by wasm-bindgen: build it for wasm32-wasip1, without wasm-bindgen"},
	{"wbg", "the module is built for browsers by wasm-bindgen: build it for wasm32-wasip1, without wasm-bindgen"},
	{"./*", "the module is built for browsers by wasm-bindgen: build it for wasm32-wasip1, without wasm-bindgen"},
	{"__main_module__", "the module is an adapter out of a component: use the component's first core module"},
}

func advice(module string) string {
	for _, f := range foreign {
		start, open := strings.CutSuffix(f.module, "*")
		if module == f.module || open && strings.HasPrefix(module, start) {
			return "; " + f.advice
		}
	}
	return ""
}
