package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	t.Parallel()
	many := map[string]uint64{}
	for i := range uint64(40) {
		many[fmt.Sprintf("%06b", i)] = 1 + i*i%17
	}
	var all uint64
	for _, n := range many {
		all += n
	}
	for _, tt := range []struct {
		name   string
		result result
		width  int
		colour bool
	}{
		{"bell", result{title: "bell", device: "statevector", asked: 1024, shots: 1024, elapsed: 420 * time.Microsecond,
			counts: map[string]uint64{"00": 515, "11": 509}}, 80, false},
		{"colour", result{title: "bell", device: "statevector", asked: 1024, shots: 1024, elapsed: 420 * time.Microsecond,
			counts: map[string]uint64{"00": 515, "11": 509}}, 40, true},
		{"many", result{title: "many", asked: all, shots: all, elapsed: 2 * time.Second, counts: many}, 60, false},
		{"rare", result{title: "rare", shots: 1_000_000, elapsed: 75 * time.Second,
			counts: map[string]uint64{"0": 999_999, "1": 1}}, 60, false},
		{"narrow", result{title: "narrow", shots: 3, asked: 4, elapsed: 0,
			counts: map[string]uint64{strings.Repeat("01", 32): 2, strings.Repeat("0", 64): 1}}, 20, false},
		{"nothing", result{title: "nothing", shots: 1, elapsed: 12 * time.Millisecond, counts: map[string]uint64{"": 1}}, 60, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := &cli{stdout: &screen{w: &out, width: tt.width, colour: tt.colour}}
			c.showResult(&tt.result)
			golden(t, filepath.Join("testdata", "histogram", tt.name+".txt"), out.Bytes())
		})
	}
}

// No line is wider than the terminal, as long as the bits leave room for bars.
func TestHistogramFits(t *testing.T) {
	t.Parallel()
	for width := 40; width <= maxWidth; width++ {
		r := result{shots: 100, counts: map[string]uint64{"000000": 1, "010101": 64, "111111": 35}}
		for _, line := range r.histogram(&screen{width: width}) {
			if n := len([]rune(indent + line)); n > width {
				t.Errorf("a line of %d columns on a terminal of %d", n, width)
			}
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                       "0 ms",
		time.Nanosecond:         "<1 µs",
		15600:                   "16 µs",
		1500 * time.Microsecond: "1.5 ms",
		42 * time.Millisecond:   "42 ms",
		1234 * time.Millisecond: "1.2 s",
		90 * time.Second:        "1m30s",
	} {
		if got := span(d); got != want {
			t.Errorf("%d ns is shown as %q, want %q", d, got, want)
		}
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run with -update and look at the change\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}
