package guest

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi/effect"
	"github.com/conductorquantum/coda/host/executor/wire"
)

// maxLine is the most bytes of one line in the node's log.
const maxLine = 4 << 10

// logLimit bounds how many lines and bytes a guest may log in a second. What is over
// is counted, and the count is logged once lines are kept again, or the job ends.
type logLimit struct {
	lines, bytes uint64 // a second; a guest may save up as much as one second's

	since     time.Time
	l, b      float64 // what is left
	over      uint64  // lines since the last one that was kept
	overBytes uint64
	dropped   uint64 // lines in all
	told      time.Time
}

// take reports whether a line of n bytes is kept.
func (l *logLimit) take(now time.Time, n int) bool {
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

// said is what there is to say of the lines that were not kept.
func (l *logLimit) said() string {
	line := fmt.Sprintf("%d lines of %d bytes were logged too fast and not kept (limits.log_lines = %d and limits.log_bytes = %d bytes a second)",
		l.over, l.overBytes, l.lines, l.bytes)
	l.over, l.overBytes = 0, 0
	return line
}

// logLine hands one line to the node, which owns the log and cleans what no terminal
// should see.
func (c *child) logLine(level byte, line string) {
	line = shortened(strings.TrimRight(line, "\r\n"))
	// What is on a tape must not depend on the time that it takes.
	if !c.engine.body.Taped && !c.log.take(time.Now(), len(line)) {
		return
	}
	if time.Since(c.log.told) >= time.Second {
		c.tellLog()
	}
	c.sendLine(level, line)
}

// shortened is a guest's text in as much room as a line has.
func shortened(text string) string {
	if len(text) <= maxLine {
		return text
	}
	cut := maxLine
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes more)", text[:cut], len(text)-cut)
}

// tellLog says how much was not kept: while a job runs at most once a second, and at
// its end.
func (c *child) tellLog() {
	if c.log.over > 0 {
		c.log.told = time.Now()
		c.sendLine(levelWarn, c.log.said())
	}
}

func (c *child) sendLine(level byte, line string) {
	if c.engine.body.Taped {
		c.ask(&effect.Call{Func: effect.Log, Number: uint64(level), Text: line})
		return
	}
	// A failed write shows at the next read: the node is gone.
	_ = c.conn.WriteFunc(wire.Log, func(b []byte) []byte { return append(append(b, level), line...) })
}
