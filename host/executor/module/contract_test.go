package module_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/executor/module"
)

const (
	openName = "coda:executor/executor@0.1.0#open"
	runName  = "coda:executor/executor@0.1.0#run"
)

var runType = module.FuncType{Params: append(i32s(10), module.I64), Results: i32s(1)}

// executor is the least that is one, in the spelling of toolchains.
func executor() draft {
	return draft{
		memory: true,
		funcs:  []fn{{openName, sig(0, 1)}, {runName, runType}, {"cabi_realloc", sig(4, 1)}},
		other:  []module.Export{{Name: "memory", Kind: module.KindMemory}},
	}
}

// standard is the same in the spelling of the canonical ABI's text.
func standard() draft {
	return draft{
		memory: true,
		funcs: []fn{
			{"cm32p2|coda:executor/executor@0.1|open", sig(0, 1)},
			{"cm32p2|coda:executor/executor@0.1|run", runType},
			{"cm32p2|coda:executor/executor@0.1|run_post", sig(1, 0)},
			{"cm32p2_realloc", sig(4, 1)},
			{"cm32p2_initialize", sig(0, 0)},
		},
		other: []module.Export{{Name: "cm32p2_memory", Kind: module.KindMemory}},
	}
}

func check(t *testing.T, b []byte) (*module.Contract, error) {
	t.Helper()
	m, err := module.Parse(b)
	if err != nil {
		t.Fatalf("the assembled module does not parse: %v", err)
	}
	return module.Check(m)
}

func TestContractInBothSpellings(t *testing.T) {
	t.Parallel()
	t.Run("toolchain", func(t *testing.T) {
		t.Parallel()
		d := executor()
		d.funcs = append(d.funcs,
			fn{"cabi_post_" + runName, sig(1, 0)},
			fn{"_initialize", sig(0, 0)},
			fn{"_start", sig(0, 0)}, // harmless beside _initialize
			fn{"coda:executor/safety@0.1.0#make-safe", sig(0, 1)},
			fn{"malloc", sig(1, 1)})
		d.imports = []module.Import{
			{Module: "coda:executor/http@0.1.0", Field: "send", Type: sig(12, 0)},
			{Module: "wasi_snapshot_preview1", Field: "fd_write", Type: sig(4, 1)},
			{Module: "coda:executor/byte-stream@0.1.7", Field: "[resource-drop]connection", Type: sig(1, 0)},
		}
		got, err := check(t, d.bytes())
		if err != nil {
			t.Fatal(err)
		}
		if got.Run != (module.Func{Name: runName, Post: "cabi_post_" + runName}) || got.Open != (module.Func{Name: openName}) {
			t.Errorf("open and run are %+v and %+v", got.Open, got.Run)
		}
		if got.Version != "0.1.0" || got.Spelling != module.Toolchain {
			t.Errorf("version %q in spelling %d", got.Version, got.Spelling)
		}
		if got.Memory != "memory" || got.Realloc != "cabi_realloc" || got.Initialize != "_initialize" {
			t.Errorf("memory %q, realloc %q, initialize %q", got.Memory, got.Realloc, got.Initialize)
		}
		if got.Batch() || !got.Safety() || !got.WASI() {
			t.Errorf("batch %v, safety %v, wasi %v", got.Batch(), got.Safety(), got.WASI())
		}
		if !slices.Equal(got.Needs, []string{"byte-stream", "http"}) {
			t.Errorf("needs %q", got.Needs)
		}
		if drop := got.Imports[2]; drop.Interface != "byte-stream" || drop.Name != "[resource-drop]connection" || drop.Module != "coda:executor/byte-stream@0.1.7" {
			t.Errorf("the third import is %+v", drop)
		}
	})
	t.Run("standard", func(t *testing.T) {
		t.Parallel()
		d := standard()
		d.imports = []module.Import{{Module: "cm32p2|coda:executor/registers@0.1", Field: "window_drop", Type: sig(1, 0)}}
		got, err := check(t, d.bytes())
		if err != nil {
			t.Fatal(err)
		}
		want := &module.Contract{
			Version: "0.1", Spelling: module.Standard,
			Memory: "cm32p2_memory", Realloc: "cm32p2_realloc", Initialize: "cm32p2_initialize",
			Open: module.Func{Name: "cm32p2|coda:executor/executor@0.1|open"},
			Run: module.Func{
				Name: "cm32p2|coda:executor/executor@0.1|run",
				Post: "cm32p2|coda:executor/executor@0.1|run_post",
			},
			Imports: []module.Binding{{
				Module: "cm32p2|coda:executor/registers@0.1", Field: "window_drop",
				Function: module.Function{Interface: "registers", Name: "[resource-drop]window", Type: sig(1, 0)},
			}},
			Needs: []string{"registers"},
		}
		// An empty signature decodes to nil slices and is written with empty ones.
		want.Imports[0].Type.Results = nil
		got.Imports[0].Type.Results = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

// The ecosystem's own view of the contract: testdata/full-backend.wasm is the
// dummy module that jco's componentEmbed({dummy: true, world: "full-backend",
// witSource, stringEncoding: "utf8"}) makes of wit/executor.wit. It imports and
// exports everything.
func TestSignaturesAgreeWithWitComponent(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/full-backend.wasm")
	if err != nil {
		t.Fatal(err)
	}
	got, err := check(t, b)
	if err != nil {
		t.Fatal(err)
	}
	var served []string
	for _, im := range got.Imports {
		served = append(served, fmt.Sprintf("%s %s %v", im.Interface, im.Name, im.Type))
	}
	var known []string
	for _, f := range module.Imported() {
		known = append(known, fmt.Sprintf("%s %s %v", f.Interface, f.Name, f.Type))
	}
	if !slices.Equal(served, known) {
		t.Errorf("the WIT has the imports\n%s\nthe table\n%s", strings.Join(served, "\n"), strings.Join(known, "\n"))
	}
	for _, f := range []module.Func{got.Open, got.Run, got.RunBatch, got.MakeSafe} {
		if f.Name == "" || f.Post == "" {
			t.Errorf("an export of the WIT was not recognized: %+v", got)
		}
	}
}

// Whatever the tables say, in both spellings, is accepted under the names that
// they are written with.
func TestEveryFunctionByItsNames(t *testing.T) {
	t.Parallel()
	for _, s := range []module.Spelling{module.Toolchain, module.Standard} {
		d := draft{memory: true, other: []module.Export{{Name: "memory", Kind: module.KindMemory}}}
		d.funcs = []fn{{"cabi_realloc", sig(4, 1)}}
		for _, f := range module.Exported() {
			d.funcs = append(d.funcs, fn{s.ExportName(f.Interface, f.Name), f.Type}, fn{s.PostName(f.Interface, f.Name), sig(1, 0)})
		}
		for _, f := range module.Imported() {
			m, field := s.ImportName(f.Interface, f.Name)
			d.imports = append(d.imports, module.Import{Module: m, Field: field, Type: f.Type})
		}
		got, err := check(t, d.bytes())
		if err != nil {
			t.Fatalf("spelling %d: %v", s, err)
		}
		if got.Spelling != s || !got.Batch() || !got.Safety() || len(got.Imports) != len(module.Imported()) {
			t.Errorf("spelling %d: %+v", s, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rename := func(from, to string) func(*draft) {
		return func(d *draft) {
			for i := range d.funcs {
				d.funcs[i].name = strings.Replace(d.funcs[i].name, from, to, 1)
			}
		}
	}
	retype := func(name string, typ module.FuncType) func(*draft) {
		return func(d *draft) {
			for i := range d.funcs {
				if d.funcs[i].name == name {
					d.funcs[i].typ = typ
				}
			}
		}
	}
	remove := func(name string) func(*draft) {
		return func(d *draft) {
			d.funcs = slices.DeleteFunc(d.funcs, func(f fn) bool { return f.name == name })
			d.other = slices.DeleteFunc(d.other, func(e module.Export) bool { return e.Name == name })
		}
	}
	add := func(name string, typ module.FuncType) func(*draft) {
		return func(d *draft) { d.funcs = append(d.funcs, fn{name, typ}) }
	}
	imports := func(mod, field string, typ module.FuncType) func(*draft) {
		return func(d *draft) {
			d.imports = append(d.imports, module.Import{Module: mod, Field: field, Type: typ})
		}
	}
	custom := func(name string) func(*draft) {
		return func(d *draft) { d.custom = append(d.custom, name) }
	}
	const env = `unknown import: the module imports %s of "env"; a host serves the interfaces context, config, byte-stream, http, registers of coda:executor@0.1.0, and wasi_snapshot_preview1; ` +
		`it is a symbol that nothing defined when the module was linked: link the library that defines it, without --allow-undefined or --import-memory`
	for _, test := range []struct {
		name   string
		change func(*draft)
		want   string
	}{
		{"object file", custom("linking"),
			`the file is an object file, not a module: link it with wasm-ld`},
		{"dynamic library", custom("dylink.0"),
			`the file is a dynamic library: link it as a module of its own, without -shared`},
		{"no executor", func(d *draft) { remove(openName)(d); remove(runName)(d) },
			`the module is no executor: it does not export coda:executor/executor@0.1.0#open and coda:executor/executor@0.1.0#run`},
		{"a program", func(d *draft) { remove(openName)(d); remove(runName)(d); add("_start", sig(0, 0))(d) },
			`the module is a program, not an executor: it exports _start and not coda:executor/executor@0.1.0#open and coda:executor/executor@0.1.0#run`},
		{"bare names", func(d *draft) { rename(openName, "open")(d); rename(runName, "run")(d) },
			`the module is no executor: it does not export coda:executor/executor@0.1.0#open and coda:executor/executor@0.1.0#run; its export "run" has to carry that name exactly`},
		{"built as a program", add("_start", sig(0, 0)),
			`the module is built as a program: it exports _start and no _initialize; build it as a library (Go: -buildmode=c-shared, clang: -mexec-model=reactor)`},
		{"no open", remove(openName),
			`the module does not export coda:executor/executor@0.1.0#open, which every executor does`},
		{"no open and no run", func(d *draft) {
			remove(openName)(d)
			remove(runName)(d)
			add("coda:executor/safety@0.1.0#make-safe", sig(0, 1))(d)
		},
			`the module does not export coda:executor/executor@0.1.0#open and coda:executor/executor@0.1.0#run, which every executor does`},
		{"no memory", remove("memory"),
			`the module does not export its memory; export it as memory`},
		{"no realloc", remove("cabi_realloc"),
			`the module does not export cabi_realloc, with which the host allocates the jobs that it hands over; its signature is (i32 x4) -> i32: old pointer, old size, alignment, new size`},
		{"memory is a function", func(d *draft) { remove("memory")(d); add("memory", sig(0, 0))(d) },
			`the module exports memory as a function; it has to be its memory`},
		{"run is a memory", func(d *draft) {
			remove(runName)(d)
			d.other = append(d.other, module.Export{Name: runName, Kind: module.KindMemory})
		},
			`the module exports "coda:executor/executor@0.1.0#run" as a memory; it has to be a function (i32 x10, i64) -> i32`},
		{"another version", func(d *draft) { rename("@0.1.0", "@0.2.0")(d); rename("@0.1.0", "@0.2.0")(d) },
			`the module is built for version 0.2.0 of coda:executor (it exports "coda:executor/executor@0.2.0#open") and this host runs 0.1.0: rebuild it from this host's wit/executor.wit, or run it on a host of that version`},
		{"a pre-release", func(d *draft) { rename("@0.1.0", "@0.1.0-rc1")(d) },
			`the module is built for version "0.1.0-rc1" of coda:executor (it exports "coda:executor/executor@0.1.0-rc1#open") and this host runs 0.1.0: rebuild it from this host's wit/executor.wit, or run it on a host of that version`},
		{"no version", rename("@0.1.0", ""),
			`the module exports "coda:executor/executor#open", which names no version of the contract; this host runs coda:executor@0.1.0`},
		{"another version imported", imports("coda:executor/config@0.3.0", "keys", sig(1, 0)),
			`the module is built for version 0.3.0 of coda:executor (it imports "coda:executor/config@0.3.0") and this host runs 0.1.0: rebuild it from this host's wit/executor.wit, or run it on a host of that version`},
		{"two spellings", add("cm32p2|coda:executor/executor@0.1|run", runType),
			`the module exports both "coda:executor/executor@0.1.0#run" and "cm32p2|coda:executor/executor@0.1|run", which are the same function in two spellings: export one of them`},
		{"two patches", add("coda:executor/executor@0.1.1#open", sig(0, 1)),
			`the module exports both "coda:executor/executor@0.1.0#open" and "coda:executor/executor@0.1.1#open", which are the same function in two spellings: export one of them`},
		{"two allocators", add("cm32p2_realloc", sig(4, 1)),
			`the module exports both cabi_realloc and cm32p2_realloc, which are the same function in two spellings: export one of them`},
		{"run has another signature", retype(runName, sig(1, 1)),
			`the export "coda:executor/executor@0.1.0#run" has the signature (i32) -> i32 where coda:executor@0.1.0 says (i32 x10, i64) -> i32: build its bindings from wit/executor.wit`},
		{"open returns nothing", retype(openName, sig(0, 0)),
			`the export "coda:executor/executor@0.1.0#open" has the signature () where coda:executor@0.1.0 says () -> i32: build its bindings from wit/executor.wit`},
		{"realloc of malloc's shape", retype("cabi_realloc", sig(1, 1)),
			`the export "cabi_realloc" has the signature (i32) -> i32 where coda:executor@0.1.0 says (i32 x4) -> i32: build its bindings from wit/executor.wit`},
		{"start-up with a result", add("_initialize", sig(0, 1)),
			`the export "_initialize" has the signature () -> i32 where coda:executor@0.1.0 says (): build its bindings from wit/executor.wit`},
		{"post with a result", add("cabi_post_"+runName, sig(1, 1)),
			`the export "cabi_post_coda:executor/executor@0.1.0#run" has the signature (i32) -> i32 where coda:executor@0.1.0 says (i32): build its bindings from wit/executor.wit`},
		{"misspelled export", add("coda:executor/safety@0.1.0#makesafe", sig(0, 1)),
			`the module exports "coda:executor/safety@0.1.0#makesafe": interface safety has no function "makesafe" (did you mean make-safe?); it has make-safe`},
		{"unknown exported interface", add("coda:executor/savety@0.1.0#make-safe", sig(0, 1)),
			`the module exports "coda:executor/savety@0.1.0#make-safe": executors export no interface "savety" (did you mean safety?); they export executor, batch, safety`},

		{"C symbol", imports("env", "printf", sig(2, 1)), fmt.Sprintf(env, `"printf"`)},
		{"hostile name", imports("env", "\x1b[2J"+strings.Repeat("x", 100), sig(0, 0)),
			fmt.Sprintf(env, `"\x1b[2J`+strings.Repeat("x", 76)+`"... (104 bytes)`)},
		{"imported memory", func(d *draft) {
			d.memory = false
			d.imports = append(d.imports, module.Import{Module: "env", Field: "memory", Kind: module.KindMemory})
		},
			`unknown import: the module imports the memory "memory" of "env"; an executor defines its own memories, tables and globals; ` +
				`it is a symbol that nothing defined when the module was linked: link the library that defines it, without --allow-undefined or --import-memory`},
		{"preview 2", imports("wasi:cli/environment@0.2.0", "get-environment", sig(1, 0)),
			`unknown import: the module imports "get-environment" of "wasi:cli/environment@0.2.0"; a host serves the interfaces context, config, byte-stream, http, registers of coda:executor@0.1.0, and wasi_snapshot_preview1; ` +
				`the module is built for WASI preview 2: build it for wasm32-wasip1`},
		{"misspelled function", imports("coda:executor/context@0.1.0", "canceled", sig(0, 1)),
			`unknown import: "coda:executor/context@0.1.0" has no function "canceled" (did you mean cancelled?); it has log, cancelled, progress`},
		{"drop in the other spelling", imports("coda:executor/registers@0.1.0", "window_drop", sig(1, 0)),
			`unknown import: "coda:executor/registers@0.1.0" has no function "window_drop"; it has ` +
				`[static]window.open, [method]window.read32, [method]window.write32, [method]window.read-block, [method]window.write-block, [method]window.poll32, [resource-drop]window`},
		{"misspelled interface", imports("coda:executor/confg@0.1.0", "get", sig(3, 0)),
			`unknown import: the contract has no interface "confg" (did you mean config?) with functions to import; it has context, config, byte-stream, http, registers`},
		{"exported interface imported", imports("coda:executor/executor@0.1.0", "run", runType),
			`unknown import: the interface executor is exported by executors, not imported`},
		{"unknown WASI function", imports("wasi_snapshot_preview1", "fd_wirte", sig(4, 1)),
			`unknown import: wasi_snapshot_preview1 has no function "fd_wirte" (did you mean fd_write?)`},
		{"import of another signature", imports("coda:executor/context@0.1.0", "progress", sig(1, 0)),
			`the import "progress" of "coda:executor/context@0.1.0" has the signature (i32) where the host's function is (i64): build its bindings from wit/executor.wit of coda:executor@0.1.0`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := executor()
			test.change(&d)
			got, err := check(t, d.bytes())
			if err == nil {
				t.Fatalf("accepted as %+v", got)
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
			if _, ok := errors.AsType[*module.Error](err); !ok {
				t.Errorf("%T is no *module.Error", err)
			}
		})
	}
}

// A later patch of the contract may add exports, which this host does not call.
func TestLaterPatchIsServed(t *testing.T) {
	t.Parallel()
	d := executor()
	for i := range d.funcs {
		d.funcs[i].name = strings.Replace(d.funcs[i].name, "@0.1.0", "@0.1.12", 1)
	}
	d.funcs = append(d.funcs, fn{"coda:executor/calibration@0.1.12#start", sig(0, 1)})
	got, err := check(t, d.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != "0.1.12" || got.Run.Name != "coda:executor/executor@0.1.12#run" {
		t.Errorf("%+v", got)
	}
}
