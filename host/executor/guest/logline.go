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

// logLine hands one line to the node, which owns the log and cleans what no terminal
// should see.
func (c *child) logLine(level byte, line string) {
	line = shortened(strings.TrimRight(line, "\r\n"))
	// What is on a tape must not depend on the time that it takes: the node does this there.
	now := time.Now()
	if !c.engine.body.Taped && !c.log.Take(now, len(line)) {
		return
	}
	if c.log.Due(now) {
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
	if line := c.log.Tell(time.Now()); line != "" {
		c.sendLine(levelWarn, line)
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
