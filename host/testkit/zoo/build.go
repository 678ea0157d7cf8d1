package zoo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/conductorquantum/coda/host/testkit/fakeguest"
	"github.com/conductorquantum/coda/host/testkit/require"
)

// Wasm builds the guest.
func (g *Guest) Wasm(tb testing.TB) []byte {
	tb.Helper()
	switch filepath.Ext(g.path) {
	case ".wat":
		text := expand(tb, g.body)
		if strings.HasPrefix(strings.TrimSpace(text), "(module") {
			return fakeguest.WAT(tb, text)
		}
		return fakeguest.Assemble(tb, places(tb, text))
	case ".c":
		return compile(tb, g.path)
	default:
		b, err := bytesOf(g.body)
		if err != nil {
			tb.Fatalf("%s: %v", g.path, err)
		}
		return b
	}
}

// expand writes out what a guest that is large says once: {{repeat 1000 "nop "}}, or
// {{range $i := 1000}} ... {{end}}.
func expand(tb testing.TB, text string) string {
	tb.Helper()
	t, err := template.New("guest").Funcs(template.FuncMap{
		"repeat": func(n int, s string) string { return strings.Repeat(s, n) },
		"add":    func(a, b int) int { return a + b },
	}).Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	var out strings.Builder
	if err := t.Execute(&out, nil); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// places cuts a file into the places of the skeleton of fakeguest, each after a line
// like ";; in bad".
func places(tb testing.TB, text string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	place := ""
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), ";; in "); ok {
			place = name
		} else if place != "" {
			found[place] += line
		}
	}
	if len(found) == 0 {
		tb.Fatalf("no line says in which place of the skeleton what follows is: %s", text)
	}
	return found
}

// compile compiles a C program against the SDK, as guests/build does.
func compile(tb testing.TB, source string) []byte {
	tb.Helper()
	clang := require.Program(tb, "clang", "clang-19", "clang-19")
	linker := require.Program(tb, "clang", "wasm-ld-19", "lld-19")
	libc := require.File(tb, "clang", "/usr/lib/wasm32-wasi/libc.a", "install the Debian package wasi-libc")
	sdk := filepath.Join(require.Root(tb), "guests", "sdk", "c")
	dir := tb.TempDir()
	run := func(program string, args ...string) {
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			tb.Fatalf("%s: %v\n%s", source, err, out)
		}
	}
	guest, glue, wasm := filepath.Join(dir, "guest.o"), filepath.Join(dir, "coda.o"), filepath.Join(dir, "guest.wasm")
	for in, out := range map[string]string{source: guest, filepath.Join(sdk, "coda.c"): glue} {
		run(clang, "--target=wasm32-wasi", "-isystem", "/usr/include/wasm32-wasi", "-I", sdk, "-O1", "-c", in, "-o", out)
	}
	run(linker, "--no-entry", "--gc-sections", guest, glue, "-L"+filepath.Dir(libc), "-lc", "-o", wasm)
	b, err := os.ReadFile(wasm)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
