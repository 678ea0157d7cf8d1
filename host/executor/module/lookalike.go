package module

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// lookalikes are the files that people hand over instead of a module, by how they
// begin, and what to do about each.
var lookalikes = []struct{ magic, what, advice string }{
	{"\x7fELF", "a Linux program, library or object file (ELF)", "compile for the target wasm32"},
	{"MZ", "a Windows program", "compile for the target wasm32"},
	{"\xcf\xfa\xed\xfe", "a macOS program, library or object file (Mach-O)", "compile for the target wasm32"},
	{"\xca\xfe\xba\xbe", "a macOS program or a Java class", "compile for the target wasm32"},
	{"BC\xc0\xde", "LLVM bitcode", "link it with wasm-ld, or compile without -flto"},
	{"!<arch>\n", "a static library", "link it into a module with wasm-ld"},
	{"\x1f\x8b", "compressed with gzip", "unpack it first"},
	{"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first"},
	{"\xfd7zXZ\x00", "compressed with xz", "unpack it first"},
	{"BZh", "compressed with bzip2", "unpack it first"},
	{"PK\x03\x04", "a zip archive", "unpack it first"},
}

// texts are recognized after white space and a byte order mark, without case.
var texts = []struct{ start, what, advice string }{
	{"(module", "WebAssembly text", "assemble it with `wat2wasm FILE -o backend.wasm`"},
	{"(component", "a WebAssembly component as text", "an executor is a core module"},
	{";;", "WebAssembly text", "assemble it with `wat2wasm FILE -o backend.wasm`"},
	{"(;", "WebAssembly text", "assemble it with `wat2wasm FILE -o backend.wasm`"},
	{"<!doctype html", "an HTML page", "what was downloaded is probably an error or a login page: look at it in a browser"},
	{"<html", "an HTML page", "what was downloaded is probably an error or a login page: look at it in a browser"},
	{"<?xml", "an XML document", "what was downloaded is probably an error message: open it"},
	{"version https://git-lfs", "a Git LFS pointer", "fetch the file that it stands for with `git lfs pull`"},
	{"#!", "a script", "an executor is compiled to WebAssembly"},
	{"import ", "Python source", "an executor is compiled to WebAssembly"},
	{"from ", "Python source", "an executor is compiled to WebAssembly"},
	{"def ", "Python source", "an executor is compiled to WebAssembly"},
	{"class ", "Python source", "an executor is compiled to WebAssembly"},
	{"\"\"\"", "Python source", "an executor is compiled to WebAssembly"},
	{"package ", "Go source", "build it with `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o backend.wasm .`"},
	{"#include", "C source", "compile it for the target wasm32-wasi"},
	{"openqasm", "an OpenQASM program", "it is what an executor runs, not an executor"},
	{"{", "JSON", "a circuit is an argument of its own, not the executor"},
}

// notWasm says what a file looks like that does not begin as WebAssembly does.
func notWasm(b []byte) error {
	if len(b) == 0 {
		return refuse("the file is empty")
	}
	if bytes.HasPrefix([]byte("\x00asm"), b) {
		return refuse("the file ends after %d bytes, within the header of a WebAssembly module: it is cut short", len(b))
	}
	for _, l := range lookalikes {
		if bytes.HasPrefix(b, []byte(l.magic)) {
			return refuse("the file is no WebAssembly: it is %s; %s", l.what, l.advice)
		}
	}
	head := bytes.TrimSpace(bytes.TrimPrefix(b[:min(len(b), 4096)], []byte("\ufeff")))
	lower := bytes.ToLower(head[:min(len(head), 64)])
	for _, t := range texts {
		if bytes.HasPrefix(lower, []byte(t.start)) {
			return refuse("the file is no WebAssembly: it looks like %s; %s", t.what, t.advice)
		}
	}
	if readable(head) {
		return refuse("the file is no WebAssembly: it is text that begins with %s; an executor is compiled to WebAssembly", quote(firstLine(head)))
	}
	return refuse("the file is no WebAssembly: it begins with the bytes % x, not 00 61 73 6d", b[:min(len(b), 4)])
}

// readable reports whether b could be the start of a text. A character may be cut
// at its end.
func readable(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for i, r := range string(b) {
		if r == utf8.RuneError && i < len(b)-utf8.UTFMax || r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' {
			return false
		}
	}
	return true
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return strings.ToValidUTF8(string(line[:min(len(line), 60)]), "")
}

// quote writes a name that a stranger chose: printable, and not too long.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%s... (%d bytes)", strconv.Quote(s[:most]), len(s))
	}
	return strconv.Quote(s)
}
