//go:build !linux

package executor

import "time"

// restless has nothing to look with.
func (c *child) restless(time.Time) string { return "" }

// watchCPU has nothing to watch with: the time of a job bounds it.
func (c *child) watchCPU(time.Duration) (over func() bool) { return func() bool { return false } }
