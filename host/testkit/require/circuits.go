package require

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Circuits returns the paths of real circuits, NAME.json, which are looked for in
// shared/circuits beside the checkout and are not part of it. NAME.dist.json, where
// it is there, has the distribution that another simulator found. Where there are
// none it returns instead; without that they are a missing part.
func Circuits(tb testing.TB, instead ...string) []string {
	tb.Helper()
	folder := filepath.Join(Root(tb), "..", "shared", "circuits")
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		tb.Fatal(err)
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, ".dist.json") })
	switch {
	case len(paths) > 0:
		return paths
	case len(instead) > 0:
		tb.Logf("no circuits in %s: %q are taken instead", folder, instead)
		return instead
	}
	Missing(tb, "circuits", "no circuits in "+folder)
	return nil
}
