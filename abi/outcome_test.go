package abi_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/abi"
)

func TestBitstring(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bits         uint64
		measurements int
		want         string
	}{
		{0, 0, ""},
		{0, 3, "000"},
		{0b001, 3, "100"},
		{0b110, 3, "011"},
		{1 << 63, 64, strings.Repeat("0", 63) + "1"},
		{1<<64 - 1, 64, strings.Repeat("1", 64)},
	} {
		if got := abi.Bitstring(c.bits, c.measurements); got != c.want {
			t.Errorf("Bitstring(%#x, %d) = %q, want %q", c.bits, c.measurements, got, c.want)
		}
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		outcomes     []abi.Outcome
		measurements int
		want         map[string]uint64
	}{
		{nil, 2, map[string]uint64{}},
		{[]abi.Outcome{{Bits: 0, Count: 5}}, 0, map[string]uint64{"": 5}},
		{[]abi.Outcome{{Bits: 1, Count: 3}, {Bits: 2, Count: 1 << 60}}, 2, map[string]uint64{"10": 3, "01": 1 << 60}},
	} {
		e := abi.Execution{Outcomes: c.outcomes}
		if got := e.Counts(c.measurements); !maps.Equal(got, c.want) {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}
