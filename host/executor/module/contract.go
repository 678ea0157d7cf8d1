package module

import (
	"slices"
	"strings"

	"github.com/conductorquantum/coda/wit"
)

// Contract says how a module fulfils the contract with its host, in the names
// that the module itself spells.
type Contract struct {
	Version    string   // of the contract, as the export of run names it: "0.1.0"
	Spelling   Spelling // of the export of run
	Memory     string   // the exported memory
	Realloc    string   // the exported allocator
	Initialize string   // to be called once, before anything else; empty: nothing to call
	Open       Func
	Run        Func
	RunBatch   Func      // not exported where its Name is empty
	MakeSafe   Func      // not exported where its Name is empty
	Imports    []Binding // in the module's order
	Needs      []string  // what it imports of byte-stream, http and registers, in this order
}

// Func is an exported function of the contract.
type Func struct {
	Name string // of the export
	Post string // of the export that cleans up after a call; empty: none
}

// Binding joins an import to the function that serves it.
type Binding struct {
	Module, Field string // as the module spells it
	Function             // what it means
}

// Batch reports whether the executor runs many jobs together.
func (c *Contract) Batch() bool { return c.RunBatch.Name != "" }

// Safety reports whether the executor can bring its hardware to rest.
func (c *Contract) Safety() bool { return c.MakeSafe.Name != "" }

// WASI reports whether the module imports anything of WASI preview 1.
func (c *Contract) WASI() bool {
	return slices.ContainsFunc(c.Imports, func(b Binding) bool { return b.Interface == WASI })
}

// Check holds a module against the contract of wit/executor.wit. Every error is
// an *Error that names what is missing, unknown or of another shape, and what to
// do about it.
func Check(m *Module) (*Contract, error) {
	for _, custom := range m.Custom {
		switch custom.Name {
		case "linking":
			return nil, refuse("the file is an object file, not a module: link it with wasm-ld")
		case "dylink", "dylink.0":
			return nil, refuse("the file is a dynamic library: link it as a module of its own, without -shared")
		}
	}
	c := &checker{m: m, c: &Contract{}, funcs: map[string]*entry{}}
	for _, check := range []func() error{c.gather, c.executor, c.program, c.support, c.imports} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return c.c, nil
}

// checker holds what one check passes on to the next.
type checker struct {
	m     *Module
	c     *Contract
	funcs map[string]*entry // by "interface/function"
	found bool              // any export of our package
}

// entry is one function of the contract, as exported.
type entry struct {
	Func
	spelling Spelling
	version  string
}

// gather takes the names of our package apart and refuses what the contract does
// not have: an unknown function would be one that its author expects to be called.
func (c *checker) gather() error {
	for _, ex := range c.m.Exports {
		n, ours := parseExport(ex.Name)
		if !ours {
			continue
		}
		c.found = true
		if err := versioned("exports", ex.Name, n); err != nil {
			return err
		}
		f, known := find(exported, n.inter, n.function)
		if !known {
			if newer(n.version) {
				continue
			}
			return unknownExport(ex.Name, n)
		}
		want := f.Type
		if n.post {
			want = postType
		}
		if err := shaped(ex, want); err != nil {
			return err
		}
		if err := c.add(ex.Name, n); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) add(export string, n name) error {
	key := n.inter + "/" + n.function
	have := c.funcs[key]
	if have == nil {
		have = &entry{}
		c.funcs[key] = have
	}
	slot := &have.Name
	if n.post {
		slot = &have.Post
	} else {
		have.spelling, have.version = n.spelling, n.version
	}
	if *slot != "" {
		return refuse("the module exports both %s and %s, which are the same function in two spellings: export one of them", quote(*slot), quote(export))
	}
	*slot = export
	return nil
}

// executor picks the functions of the contract.
func (c *checker) executor() error {
	for _, pick := range []struct {
		inter, function string
		into            *Func
	}{
		{"executor", "open", &c.c.Open},
		{"executor", "run", &c.c.Run},
		{"batch", "run-batch", &c.c.RunBatch},
		{"safety", "make-safe", &c.c.MakeSafe},
	} {
		if have := c.funcs[pick.inter+"/"+pick.function]; have != nil {
			*pick.into = have.Func
			if pick.function == "run" || c.c.Version == "" {
				c.c.Version, c.c.Spelling = have.version, have.spelling
			}
		}
	}
	if !c.found {
		return c.stranger()
	}
	var missing []string
	for _, function := range functions(exported, "executor") {
		if have := c.funcs["executor/"+function]; have == nil || have.Name == "" {
			missing = append(missing, c.c.Spelling.ExportName("executor", function))
		}
	}
	if len(missing) > 0 {
		return refuse("the module does not export %s, which every executor does", strings.Join(missing, " and "))
	}
	return nil
}

// stranger says what a module without any of our exports probably is.
func (c *checker) stranger() error {
	want := Toolchain.ExportName("executor", "open") + " and " + Toolchain.ExportName("executor", "run")
	for _, ex := range c.m.Exports {
		bare := strings.ToLower(ex.Name)
		if ex.Kind == KindFunc && (bare == "run" || strings.HasSuffix(bare, "_run") || strings.HasSuffix(bare, "#run") || strings.HasSuffix(bare, "/run")) {
			return refuse("the module is no executor: it does not export %s; its export %s has to carry that name exactly", want, quote(ex.Name))
		}
	}
	if c.exports("_start") {
		return refuse("the module is a program, not an executor: it exports _start and not %s", want)
	}
	return refuse("the module is no executor: it does not export %s", want)
}

// program refuses a module that has to be run from its start, which would end
// before the first job.
func (c *checker) program() error {
	if c.exports("_start") && !c.exports(Toolchain.initialize()) && !c.exports(Standard.initialize()) {
		return refuse("the module is built as a program: it exports _start and no _initialize; " +
			"build it as a library (Go: -buildmode=c-shared, clang: -mexec-model=reactor)")
	}
	return nil
}

// support finds what a host needs beside the functions of the contract: the
// memory, the allocator, the start-up.
func (c *checker) support() error {
	var err error
	for _, ex := range c.m.Exports {
		switch ex.Name {
		case Toolchain.memory(), Standard.memory():
			if ex.Kind != KindMemory {
				return refuse("the module exports %s as a %v; it has to be its memory", ex.Name, ex.Kind)
			}
			if c.c.Memory == "" || ex.Name == c.c.Spelling.memory() {
				c.c.Memory = ex.Name
			}
		case Toolchain.realloc(), Standard.realloc():
			err = c.one(&c.c.Realloc, ex, reallocType)
		case Toolchain.initialize(), Standard.initialize():
			err = c.one(&c.c.Initialize, ex, initializeType)
		}
		if err != nil {
			return err
		}
	}
	if c.c.Memory == "" {
		return refuse("the module does not export its memory; export it as %s", c.c.Spelling.memory())
	}
	if c.c.Realloc == "" {
		return refuse("the module does not export %s, with which the host allocates the jobs that it hands over; "+
			"its signature is %v: old pointer, old size, alignment, new size", c.c.Spelling.realloc(), reallocType)
	}
	return nil
}

func (c *checker) one(slot *string, ex Export, want FuncType) error {
	if *slot != "" {
		return refuse("the module exports both %s and %s, which are the same function in two spellings: export one of them", *slot, ex.Name)
	}
	*slot = ex.Name
	return shaped(ex, want)
}

func (c *checker) exports(name string) bool {
	return slices.ContainsFunc(c.m.Exports, func(ex Export) bool { return ex.Name == name })
}

func shaped(ex Export, want FuncType) error {
	if ex.Kind != KindFunc {
		return refuse("the module exports %s as a %v; it has to be a function %v", quote(ex.Name), ex.Kind, want)
	}
	if !ex.Type.Equal(want) {
		return refuse("the export %s has the signature %v where %s says %v: build its bindings from wit/executor.wit", quote(ex.Name), ex.Type, contractName, want)
	}
	return nil
}

func versioned(verb, what string, n name) error {
	if supported(n.version) {
		return nil
	}
	if n.version == "" {
		return refuse("the module %s %s, which names no version of the contract; this host runs %s", verb, quote(what), contractName)
	}
	theirs := n.version
	if strings.Trim(theirs, "0123456789.") != "" || len(theirs) > 16 {
		theirs = quote(theirs) // a pre-release, or nothing that was ever a version
	}
	return refuse("the module is built for version %s of %s (it %s %s) and this host runs %s: "+
		"rebuild it from this host's wit/executor.wit, or run it on a host of that version",
		theirs, wit.Package, verb, quote(what), wit.Version)
}

func unknownExport(export string, n name) error {
	if known := functions(exported, n.inter); known != nil {
		return refuse("the module exports %s: interface %s has no function %s%s; it has %s",
			quote(export), n.inter, quote(n.function), meant(n.function, known), strings.Join(known, ", "))
	}
	known := interfaces(exported)
	return refuse("the module exports %s: executors export no interface %s%s; they export %s",
		quote(export), quote(n.inter), meant(n.inter, known), strings.Join(known, ", "))
}

// meant is ", did you mean X" where a known name is close.
func meant(s string, known []string) string {
	if k := nearest(s, known); k != "" {
		return " (did you mean " + k + "?)"
	}
	return ""
}
