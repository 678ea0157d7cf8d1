// Package lograte bounds how much a guest may write into the node's log. The child holds
// its guest to that, and of a guest on a tape the node does, behind the tape.
package lograte

import (
	"fmt"
	"time"
)

// Limit bounds how many lines and bytes a guest may log in a second. What is over is
// counted, and the count is logged once lines are kept again, or the job ends.
type Limit struct {
	lines, bytes uint64 // a second; a guest may save up as much as one second's

	since     time.Time
	l, b      float64 // what is left
	over      uint64  // lines since the last one that was kept
	overBytes uint64
	dropped   uint64 // lines in all
	told      time.Time
}

// New is a limit of so many lines and bytes a second.
func New(lines, bytes uint64) Limit { return Limit{lines: lines, bytes: bytes} }

// Take reports whether a line of n bytes is kept.
func (l *Limit) Take(now time.Time, n int) bool {
	gone := min(now.Sub(l.since).Seconds(), 1)
	l.since = now
	l.l = min(l.l+gone*float64(l.lines), float64(l.lines))
	l.b = min(l.b+gone*float64(l.bytes), float64(l.bytes))
	if l.l < 1 || l.b < 1 {
		l.over++
		l.overBytes += uint64(n)
		l.dropped++
		return false
	}
	l.l--
	l.b -= float64(n)
	return true
}

// Due reports whether there may be a word again about lines that were not kept: once a
// second while a job runs.
func (l *Limit) Due(now time.Time) bool { return now.Sub(l.told) >= time.Second }

// Tell is what there is to say of the lines that were not kept; "" if there are none.
func (l *Limit) Tell(now time.Time) string {
	if l.over == 0 {
		return ""
	}
	l.told = now
	line := fmt.Sprintf("%d lines of %d bytes were logged too fast and not kept (limits.log_lines = %d and limits.log_bytes = %d bytes a second)",
		l.over, l.overBytes, l.lines, l.bytes)
	l.over, l.overBytes = 0, 0
	return line
}

// Dropped is how many lines were not kept, in all.
func (l *Limit) Dropped() uint64 { return l.dropped }
