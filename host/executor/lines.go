package executor

import (
	"time"

	"github.com/conductorquantum/coda/host/executor/wire"
)

// lineCount holds the log lines that a child hands over against the limits that it is
// to keep by itself. It never stands in the way of a child that does: one that is over
// by so much runs other code than ours.
type lineCount struct {
	lines, bytes float64 // over what the time since allows
	at           time.Time
}

const (
	lineSlack = 60  // seconds, for lines that wait in the socket of a machine that is busy
	toldBytes = 512 // of a line that says how many were not kept: one a second, and one a job
)

// progressLimits are those of the node's own count of what a child tells of progress,
// which is ten times a second at most.
var progressLimits = Limits{LogLines: 10}

// take counts a line of n bytes and reports whether it is one of those that a child may
// hand over.
func (c *lineCount) take(l *Limits, now time.Time, n int) bool {
	lines, bytes := float64(l.LogLines)+1, float64(l.LogBytes)+toldBytes // a second
	gone := now.Sub(c.at).Seconds()
	c.at = now
	c.lines = max(c.lines-gone*lines, 0) + 1
	c.bytes = max(c.bytes-gone*bytes, 0) + float64(n)
	// By its rules the last line may be over what is left of the bytes.
	return c.lines <= lineSlack*lines && c.bytes <= lineSlack*bytes+maxSaid
}

// job allows for the line that a job may end with.
func (c *lineCount) job() { c.lines, c.bytes = c.lines-1, c.bytes-toldBytes }

// keeps reports whether a line of n bytes that comes through the door is kept. On a tape
// are all lines, for what is on it must not depend on the time that it takes; the log is
// behind it, and answers nothing.
func (c *child) keeps(n int) bool {
	now := time.Now()
	if !c.log.Take(now, n) {
		return false
	}
	if c.log.Due(now) {
		c.tellLog()
	}
	return true
}

// tellLog says how much of that was not kept: while a job runs at most once a second, and
// at its end.
func (c *child) tellLog() {
	if line := c.log.Tell(time.Now()); line != "" {
		c.e.cfg.Log.Warn(line, "executor", c.e.cfg.Name, "job", c.job)
		c.e.used.note(&wire.Usage{Lines: c.log.Dropped()})
	}
}
