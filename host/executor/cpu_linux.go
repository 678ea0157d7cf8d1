package executor

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what a process has taken of the processor, all its threads
// together.
func processorTime(pid int) (time.Duration, bool) {
	const cpuClockProcess = 2 // CPUCLOCK_SCHED of the whole process
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|cpuClockProcess, &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// watchCPU kills the child once it has taken limit of the processor from now on.
// What it returns ends the watch, and reports whether that has happened.
func (c *child) watchCPU(limit time.Duration) (over func() bool) {
	began, ok := processorTime(c.cmd.Process.Pid)
	if !ok {
		return func() bool { return false }
	}
	var killed, ended atomic.Bool
	var timer *time.Timer
	timer = time.AfterFunc(time.Hour, func() {
		now, ok := processorTime(c.cmd.Process.Pid)
		switch {
		case !ok || ended.Load():
		case now-began >= limit:
			killed.Store(true)
			_ = c.cmd.Process.Kill()
		default:
			// Its one goroutine that runs for long takes no more than the time that goes by.
			timer.Reset(max(limit-(now-began), 10*time.Millisecond))
		}
	})
	timer.Reset(limit) // from here on: what it calls needs the timer
	return func() bool {
		ended.Store(true)
		timer.Stop()
		if now, ok := processorTime(c.cmd.Process.Pid); ok {
			c.cpu = now - began
		}
		return killed.Load()
	}
}
