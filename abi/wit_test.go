package abi_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/wit"
)

// declared returns the names in a block of executor.wit, such as "enum gate", in
// their order: an enum's cases, a record's fields.
func declared(t *testing.T, block string) []string {
	t.Helper()
	text := regexp.MustCompile(`(?m)///?.*$`).ReplaceAllString(wit.Executor, "")
	_, body, found := strings.Cut(text, block+" {")
	body, _, closed := strings.Cut(body, "}")
	if !found || !closed {
		t.Fatalf("executor.wit declares no %s", block)
	}
	names := regexp.MustCompile(`(?m)(?:^|,)\s*([a-z][a-z0-9-]*)\b`).FindAllStringSubmatch(body, -1)
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = n[1]
	}
	return list
}

// TestEnums holds the constants to the discriminants that the WIT gives them: the
// places in its lists.
func TestEnums(t *testing.T) {
	t.Parallel()
	all := func(name func(i int) string) (list []string) {
		for i := 0; name(i) != "unknown"; i++ {
			list = append(list, name(i))
		}
		return list
	}
	// The WIT forbids y_minus_90: it has no underscores, and a word starts with a
	// letter.
	plain := strings.NewReplacer("-", "", "_", "")
	for block, names := range map[string][]string{
		"enum target":       all(func(i int) string { return abi.Target(i).String() }),
		"enum gate":         all(func(i int) string { return abi.Gate(i).String() }),
		"enum failure-kind": all(func(i int) string { return abi.FailureKind(i).String() }),
	} {
		want := declared(t, block)
		same := slices.EqualFunc(names, want, func(a, b string) bool { return plain.Replace(a) == plain.Replace(b) })
		if !same || len(want) < 4 {
			t.Errorf("%s: abi has %q, executor.wit %q", block, names, want)
		}
	}
	constants := fmt.Sprint(abi.CZ, abi.ISwap, abi.PCZ, abi.CNOT, abi.Unsupported, abi.Unavailable, abi.Cancelled, abi.Internal)
	if constants != "cz iswap pcz cnot unsupported unavailable cancelled internal" {
		t.Errorf("constants and names disagree: %s", constants)
	}
}

// TestLayout holds the types that cross in one copy to the layout of the canonical
// ABI.
func TestLayout(t *testing.T) {
	t.Parallel()
	var op abi.Operation
	var outcome abi.Outcome
	for block, layout := range map[string]string{
		"record operation": fmt.Sprintln(
			"gate", unsafe.Offsetof(op.Gate), "q0", unsafe.Offsetof(op.Q0), "q1", unsafe.Offsetof(op.Q1),
			"param", unsafe.Offsetof(op.Param), "size", unsafe.Sizeof(op)),
		"record outcome": fmt.Sprintln(
			"bits", unsafe.Offsetof(outcome.Bits), "count", unsafe.Offsetof(outcome.Count), "size", unsafe.Sizeof(outcome)),
	} {
		want := map[string]string{
			"record operation": "gate 0 q0 2 q1 4 param 8 size 16\n",
			"record outcome":   "bits 0 count 8 size 16\n",
		}[block]
		if layout != want {
			t.Errorf("%s: got %s, want %s", block, layout, want)
		}
		var order []string
		for i, word := range strings.Fields(want) {
			if i%2 == 0 && word != "size" {
				order = append(order, word)
			}
		}
		if fields := declared(t, block); !slices.Equal(fields, order) {
			t.Errorf("%s: executor.wit has the fields %q, want %q", block, fields, order)
		}
	}
}
