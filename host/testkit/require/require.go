// Package require finds the real parts that tests need: servers, compilers,
// packages of other ecosystems. A missing part skips the test and says what to
// install; where CODA_REQUIRE names the part, as in CI, the skip is a failure.
package require

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Program returns the path of program, which the Debian package pkg brings. The
// part is what CODA_REQUIRE calls it.
func Program(tb testing.TB, part, program, pkg string) string {
	tb.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(tb, part, program+" is not on PATH: install the Debian package "+pkg)
	}
	return path
}

// File returns path if it exists.
func File(tb testing.TB, part, path, advice string) string {
	tb.Helper()
	if _, err := os.Stat(path); err != nil {
		Missing(tb, part, path+" is missing: "+advice)
	}
	return path
}

// Missing ends the test: as a failure where CODA_REQUIRE names the part, else as
// a skip.
func Missing(tb testing.TB, part, why string) {
	tb.Helper()
	if slices.Contains(strings.Split(os.Getenv("CODA_REQUIRE"), ","), part) {
		tb.Fatalf("%s (and CODA_REQUIRE names %s)", why, part)
	}
	tb.Skip(why)
}

// Root is the folder of the module that the test's package is of.
func Root(tb testing.TB) string {
	tb.Helper()
	folder, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		above := filepath.Dir(folder)
		if above == folder {
			tb.Fatal("no go.mod above the test's package")
		}
		folder = above
	}
}
