package module_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host/executor/module"
	"github.com/conductorquantum/coda/host/testkit/require"
)

func TestNotWasm(t *testing.T) {
	t.Parallel()
	const build = "build it with `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o backend.wasm .`"
	for _, test := range []struct{ name, file, want string }{
		{"empty", "", "the file is empty"},
		{"cut in the magic", "\x00as", "the file ends after 3 bytes, within the header of a WebAssembly module: it is cut short"},
		{"cut in the version", "\x00asm\x01\x00", "the file ends after 6 bytes, within the header of a WebAssembly module: it is cut short"},
		{"component", "\x00asm\x0d\x00\x01\x00", "the file is a WebAssembly component; an executor is the core module inside it: extract it with " +
			"`wasm-tools component unbundle FILE --threshold 0 --module-dir modules -o rest.wasm` and use modules/unbundled-module0.wasm, or leave out the build step that makes a component"},
		{"old binary version", "\x00asm\x0b\x00\x00\x00", "byte 0x4: the file is WebAssembly of a binary version that this host does not read; build a core module of version 1"},
		{"ELF", "\x7fELF\x02\x01", "the file is no WebAssembly: it is a Linux program, library or object file (ELF); compile for the target wasm32"},
		{"gzip", "\x1f\x8b\x08", "the file is no WebAssembly: it is compressed with gzip; unpack it first"},
		{"bitcode", "BC\xc0\xde5", "the file is no WebAssembly: it is LLVM bitcode; link it with wasm-ld, or compile without -flto"},
		{"HTML", "\ufeff\n<!DOCTYPE html><html>", "the file is no WebAssembly: it looks like an HTML page; what was downloaded is probably an error or a login page: look at it in a browser"},
		{"WAT", "  (module\n (func))", "the file is no WebAssembly: it looks like WebAssembly text; assemble it with `wat2wasm FILE -o backend.wasm`"},
		{"WAT with a comment", ";; hello\n(module)", "the file is no WebAssembly: it looks like WebAssembly text; assemble it with `wat2wasm FILE -o backend.wasm`"},
		{"Python", "import numpy as np\n", "the file is no WebAssembly: it looks like Python source; an executor is compiled to WebAssembly"},
		{"Go", "package main\n", "the file is no WebAssembly: it looks like Go source; " + build},
		{"circuit", `{"version":"1.0"}`, "the file is no WebAssembly: it looks like JSON; a circuit is an argument of its own, not the executor"},
		{"Git LFS", "version https://git-lfs.github.com/spec/v1\n", "the file is no WebAssembly: it looks like a Git LFS pointer; fetch the file that it stands for with `git lfs pull`"},
		{"text", "qubits: 5\nname: é\n", `the file is no WebAssembly: it is text that begins with "qubits: 5"; an executor is compiled to WebAssembly`},
		{"long text of wide letters", strings.Repeat("ψ", 5000), `the file is no WebAssembly: it is text that begins with "` + strings.Repeat("ψ", 30) + `"; an executor is compiled to WebAssembly`},
		{"bytes", "\x01\x02\x03\x04\x05", "the file is no WebAssembly: it begins with the bytes 01 02 03 04, not 00 61 73 6d"},
		{"white space", "   ", "the file is no WebAssembly: it begins with the bytes 20 20 20, not 00 61 73 6d"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, err := module.Parse([]byte(test.file))
			if err == nil || m != nil {
				t.Fatal("accepted")
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	types := section(1, []byte{1, 0x60, 0, 0}) // one: () -> ()
	functions := section(3, []byte{1, 0})
	code := section(10, []byte{1, 2, 0, 0x0b})
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"section longer than the file", file([]byte{1, 9, 0}), "byte 0xa: file: 9 bytes are declared where 1 are left: the file is cut short or damaged"},
		{"unknown section", file(section(14, nil)), "byte 0x8: file: section 14 is unknown to WebAssembly 2.0: the file is damaged or newer than this host"},
		{"exceptions", file(section(13, []byte{0})), "byte 0x8: file: the module uses exceptions, which are not of WebAssembly 2.0; build without them"},
		{"sections out of order", file(section(5, []byte{1, 0, 1}), section(4, []byte{0})), "byte 0xd: file: the table section stands twice or out of order"},
		{"type that is not there", file(functions), "byte 0xb: function section: type 0 is named where there are 0"},
		{"section twice", file(types, types), "byte 0xe: file: the type section stands twice or out of order"},
		{"data count after code", file(types, functions, code, section(12, []byte{0})), "byte 0x18: file: the data count section stands twice or out of order"},
		{"left over bytes", file(section(1, []byte{0, 7})), "byte 0xb: type section: 1 bytes are left over at the end"},
		{"count beyond the section", file(section(1, []byte{0xff, 0xff, 0xff, 0xff, 0x0f})), "byte 0xa: type section: 4294967295 types are declared where 0 bytes are left: the file is damaged"},
		{"number of more than 32 bits", file(section(1, []byte{0xff, 0xff, 0xff, 0xff, 0x1f})), "byte 0xa: type section: a number does not fit in 32 bits"},
		{"number of more than five bytes", file(section(1, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0})), "byte 0xa: type section: a number does not fit in 32 bits"},
		{"item cut by its section", file(section(1, []byte{1, 0x60})), "byte 0xc: type section: ends in the middle of an item: the file is cut short or damaged"},
		{"garbage collection types", file(section(1, []byte{1, 0x5f, 0})), "byte 0xb: type section: type of form 0x5f is not of WebAssembly 2.0, which is what this host runs; build without garbage collection types"},
		{"unknown value type", file(section(1, []byte{1, 0x60, 1, 0x6e, 0})), "byte 0xd: type section: value type 0x6e is not of WebAssembly 2.0, which is what this host runs"},
		{"import name that is no text", file(section(2, []byte{1, 1, 0xff, 0, 0, 0})), "byte 0xb: import section: a name is not valid UTF-8"},
		{"import of unknown kind", file(section(2, []byte{1, 0, 0, 4})), "byte 0xb: import section: an import is of unknown kind 0x4"},
		{"memory of threads", file(section(5, []byte{1, 3, 1, 2})), "byte 0xb: memory section: a memory is shared between threads, which is not of WebAssembly 2.0; build without threads"},
		{"64-bit memory", file(section(5, []byte{1, 4, 1})), "byte 0xb: memory section: a memory is addressed with 64 bits, or has pages of another size, which is not of WebAssembly 2.0; build for wasm32"},
		{"memory of 4 GiB and a page", file(section(5, []byte{1, 0, 0x81, 0x80, 0x04})), "byte 0xb: memory section: a memory of 65537 pages is larger than the 65536 that 32-bit pointers reach"},
		{"two memories", file(section(5, []byte{2, 0, 1, 0, 1})), "byte 0xd: memory section: the module has more than one memory, which is not of WebAssembly 2.0"},
		{"table upside down", file(section(4, []byte{1, 0x70, 1, 5, 4})), "byte 0xc: table section: a table has a maximum of 4 below its minimum of 5"},
		{"table of numbers", file(section(4, []byte{1, 0x7f, 0, 1})), "byte 0xb: table section: i32 is no reference type"},
		{"export twice", file(types, functions, section(7, []byte{2, 1, 'a', 0, 0, 1, 'a', 0, 0}), code), `byte 0x19: export section: "a" is exported twice`},
		{"export of nothing", file(section(7, []byte{1, 1, 'a', 2, 0})), "byte 0xe: export section: memory 0 is named where there are 0"},
		{"start of nothing", file(section(8, []byte{3})), "byte 0xa: start section: function 3 is named where there are 0"},
		{"global of an instruction", file(section(6, []byte{1, 0x7f, 0, 0x10, 0, 0x0b})), "byte 0xd: global section: instruction 0x10 stands where a constant is expected"},
		{"function without a body", file(types, functions), "1 functions are declared and 0 have a body: the file is damaged"},
		{"body without a function", file(code), "byte 0xc: code section: more bodies than the 0 functions that are declared: the file is damaged"},
		{"locals beyond the body", file(types, functions, section(10, []byte{1, 2, 9, 0x0b})), "byte 0x16: function body: 9 groups of locals are declared where 1 bytes are left: the file is damaged"},
		{"more locals than numbers", file(types, functions, section(10, []byte{1, 14, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b})), "byte 0x16: function body: a function declares more than 2^32-1 locals"},
		{"data that was not counted", file(section(5, []byte{1, 0, 1}), section(12, []byte{2}), section(11, []byte{1, 1, 1, 0})), "2 data segments are declared and 1 are there: the file is damaged"},
		{"data of unknown flags", file(section(11, []byte{1, 3, 0})), "byte 0xb: data section: a data segment has flags 0x3"},
		{"element of unknown flags", file(section(9, []byte{1, 8, 0})), "byte 0xb: element section: an element segment has flags 0x8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, err := module.Parse(test.file)
			if err == nil {
				t.Fatalf("accepted as %+v", m)
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

// What custom sections hold is of no consequence, so damage there is passed over.
func TestDamagedCustomSections(t *testing.T) {
	t.Parallel()
	m, err := module.Parse(file(
		section(0, join(text("producers"), []byte{9, 9})),
		section(0, join(text("name"), []byte{0, 3, 0xff})),
		section(0, text("empty"))))
	if err != nil {
		t.Fatal(err)
	}
	want := []module.Custom{{Name: "producers", Size: 2}, {Name: "name", Size: 3}, {Name: "empty"}}
	if !reflect.DeepEqual(m.Custom, want) || m.Producers != nil || m.Name != "" {
		t.Errorf("%+v", m)
	}
}

// A module that is cut short is refused with the place, wherever it was cut. The
// one prefix that is whole lacks nothing but the custom section at the end.
func TestEveryPrefix(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile("testdata/full-backend.wasm")
	if err != nil {
		t.Fatal(err)
	}
	passed := 0
	for n := range whole {
		m, err := module.Parse(whole[:n])
		if err == nil {
			if _, err = module.Check(m); err == nil {
				passed++
			}
			continue
		}
		bad, ok := errors.AsType[*module.Error](err)
		if !ok || bad.Offset > n {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if passed != 1 {
		t.Errorf("%d prefixes pass for executors", passed)
	}
}

// features has an item of every kind that WebAssembly 2.0 knows.
const features = `(module $everything
  (import "host" "f" (func $f (param i64 f32) (result f64)))
  (import "host" "t" (table 1 4 externref))
  (import "host" "g" (global $g (mut i32)))
  (table $t 8 16 funcref)
  (memory 2 3)
  (global i32 (i32.const -5))
  (global i64 (i64.const -9223372036854775808))
  (global f32 (f32.const 1.5))
  (global f64 (f64.const nan))
  (global v128 (v128.const i64x2 1 2))
  (global funcref (ref.null func))
  (global funcref (ref.func $small))
  (start $small)
  (elem (table $t) (i32.const 1) func $f $small)
  (elem (table $t) (i32.const 3) funcref (ref.func $large) (ref.null func))
  (elem func $f)
  (elem externref (ref.null extern))
  (elem declare func $large)
  (data (i32.const 16) "abc")
  (data "passive")
  (func $small)
  (func $large (export "large") (param i32 i32) (result i32 i64)
    (local i32 i32 i32) (local v128) (local f64 f64)
    i32.const 1000000 i64.const 2000000)
  (export "g" (global $g))
  (export "t" (table $t))
  (export "memory" (memory 0)))`

func TestEveryFeature(t *testing.T) {
	t.Parallel()
	wat2wasm := require.Program(t, "wabt", "wat2wasm", "wabt")
	dir := t.TempDir()
	in, out := filepath.Join(dir, "features.wat"), filepath.Join(dir, "features.wasm")
	if err := os.WriteFile(in, []byte(features), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.CommandContext(t.Context(), wat2wasm, "--debug-names", in, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	m, err := module.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "everything" || m.Size != len(b) || !m.HasStart || m.Globals != 7 {
		t.Errorf("name %q, size %d, start %v, globals %d", m.Name, m.Size, m.HasStart, m.Globals)
	}
	if want := []module.Table{{Element: module.FuncRef, Limits: module.Limits{Min: 8, Max: 16, HasMax: true}}}; !reflect.DeepEqual(m.Tables, want) {
		t.Errorf("tables %+v", m.Tables)
	}
	if want := []module.Limits{{Min: 2, Max: 3, HasMax: true}}; !reflect.DeepEqual(m.Memories, want) {
		t.Errorf("memories %+v", m.Memories)
	}
	if want := (module.Data{Segments: 2, Bytes: 10}); m.Data != want {
		t.Errorf("data %+v", m.Data)
	}
	if want := (module.Elements{Segments: 5, Items: 7}); m.Elements != want {
		t.Errorf("elements %+v", m.Elements)
	}
	c := m.Code
	if c.Bodies != 2 || c.MostLocals != 6 || c.LocalsFunc != 2 || c.LargestFunc != 2 || c.Bytes != c.LargestBody+2 {
		t.Errorf("code %+v", c)
	}
	if got := m.Exports[0]; got.Name != "large" || got.Index != 2 || got.Type.String() != "(i32, i32) -> (i32, i64)" {
		t.Errorf("export %+v", got)
	}
	if got := m.Imports[0]; got.Kind != module.KindFunc || got.Type.String() != "(i64, f32) -> f64" {
		t.Errorf("import %+v", got)
	}
}

// A few bytes that declare billions cost no more than what they are.
func TestMemoryIsBoundedByTheFile(t *testing.T) {
	for _, b := range [][]byte{
		file(section(1, []byte{1, 0x60, 0xff, 0xff, 0xff, 0xff, 0x0f})),
		file(section(4, []byte{1, 0x70, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})),
		file(section(2, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0})),
		file(section(9, []byte{1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})),
		file(section(11, []byte{1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f})),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = module.Parse(b)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
			t.Errorf("% x: %d bytes were allocated for %d", b, used, len(b))
		}
	}
}
