package executor

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

const (
	// idleCPU is what a child may take of the processor while it waits, beside a
	// hundredth of the time that goes by: its runtime takes far less.
	idleCPU = time.Second
	// maxThreads is far above what a child's runtime has, with two processors to use.
	maxThreads = 64
)

// restless says why a child that waits for a job does not just wait; "" if it does, as
// far as the system tells.
func (c *child) restless(now time.Time) string {
	pid := c.cmd.Process.Pid
	if n := threads(pid); n > maxThreads {
		return fmt.Sprintf("its process has %d threads, and one that does as it should has no more than %d", n, maxThreads)
	}
	cpu, ok := processorTime(pid)
	if !ok {
		return ""
	}
	if c.waits.since.IsZero() {
		c.waits = waiting{now, cpu}
		return ""
	}
	took, gone := cpu-c.waits.cpu, now.Sub(c.waits.since)
	if took <= idleCPU+gone/100 {
		return ""
	}
	return fmt.Sprintf("its process took %s of the processor in %s without a job", took.Round(time.Millisecond), gone.Round(time.Millisecond))
}

// threads is how many a process has; 0 where that cannot be told.
func threads(pid int) int {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("\nThreads:\t"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	n, _ := strconv.Atoi(string(line))
	return n
}
