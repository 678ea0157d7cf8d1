package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// result is what a person is shown of a circuit that was run.
type result struct {
	title   string
	device  string // "" where it is not known
	asked   uint64 // shots; 0 where it is not known
	shots   uint64 // that were completed
	elapsed time.Duration
	counts  map[string]uint64 // by bitstring, the first measurement leftmost
}

const (
	maxRows = 16 // beyond which only the most frequent outcomes are shown
	minBar  = 10 // columns, however narrow the terminal
	indent  = "  "
)

// showResult writes a histogram of what a circuit measured.
func (c *cli) showResult(r *result) {
	var b strings.Builder
	s := c.stdout
	fmt.Fprintf(&b, "%s%s\n", s.paint(bold, printable(r.title)), s.paint(dim, indent+printable(r.summary())))
	for _, line := range r.histogram(s) {
		b.WriteString(indent + line + "\n")
	}
	b.WriteByte('\n')
	s.printf("%s", b.String())
}

// summary says on what, how often and how long, such as
// "1024 shots on statevector in 0.4 ms".
func (r *result) summary() string {
	words := strconv.FormatUint(r.shots, 10)
	if r.asked > r.shots {
		words += fmt.Sprintf(" of %d", r.asked)
	}
	if words += " shots"; words == "1 shots" {
		words = "1 shot"
	}
	if r.device != "" {
		words += " on " + r.device
	}
	return words + " in " + span(r.elapsed)
}

// row is one bar of a histogram.
type row struct {
	bits  string
	count uint64
}

// rows returns the outcomes in the order of their bits, or, if there are too
// many, the most frequent ones first, and those that it leaves out.
func (r *result) rows() (shown, hidden []row) {
	all := make([]row, 0, len(r.counts))
	for bits, count := range maps.All(r.counts) {
		all = append(all, row{printable(bits), count})
	}
	if len(all) <= maxRows {
		slices.SortFunc(all, func(a, b row) int { return cmp.Compare(a.bits, b.bits) })
		return all, nil
	}
	slices.SortFunc(all, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.bits, b.bits))
	})
	return all[:maxRows], all[maxRows:]
}

// histogram returns its lines: bits, bar, share and count.
func (r *result) histogram(s *screen) []string {
	shown, hidden := r.rows()
	var most uint64
	bitsWidth := 0
	for i := range shown {
		if shown[i].bits == "" {
			shown[i].bits = "nothing measured"
		}
		most = max(most, shown[i].count)
		bitsWidth = max(bitsWidth, len(shown[i].bits))
	}
	countWidth := len(strconv.FormatUint(most, 10))
	const shareWidth, gaps = len("100.0%"), 3 * len(indent)
	room := max(s.width-len(indent)-bitsWidth-shareWidth-countWidth-gaps, minBar)

	lines := make([]string, 0, len(shown)+1)
	for _, row := range shown {
		bar := bar(float64(row.count)/float64(most), room)
		lines = append(lines, fmt.Sprintf("%*s  %s%s  %*s  %*d",
			bitsWidth, row.bits,
			s.paint(cyan, bar), strings.Repeat(" ", room-len([]rune(bar))),
			shareWidth, r.share(row.count), countWidth, row.count))
	}
	if len(hidden) > 0 {
		var rest uint64
		for _, row := range hidden {
			rest += row.count
		}
		lines = append(lines, s.paint(dim, fmt.Sprintf("… and %s, %s of the shots",
			plural(len(hidden), "more outcome"), r.share(rest))))
	}
	return lines
}

// share is a count's part of all shots.
func (r *result) share(count uint64) string {
	percent := 100 * float64(count) / float64(r.shots)
	switch {
	case percent < 0.05 && count > 0:
		return "<0.1%"
	case percent >= 99.95 && count < r.shots:
		return ">99.9%"
	}
	return strconv.FormatFloat(percent, 'f', 1, 64) + "%"
}

var eighths = [...]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// bar is part of width columns, to an eighth of one. What was seen at all has
// something to show for it.
func bar(part float64, width int) string {
	n := max(int(math.Round(part*float64(width)*8)), 1)
	return strings.Repeat("█", n/8) + eighths[n%8]
}

// span writes a time with as many digits as tell a person something.
func span(d time.Duration) string {
	switch {
	case d == 0:
		return "0 ms"
	case d < time.Microsecond:
		return "<1 µs"
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", d.Seconds()*1e6)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
