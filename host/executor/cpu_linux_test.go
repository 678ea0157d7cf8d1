package executor

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestRestless takes a process that sleeps for a child: what is held against it is what
// it took since it began to wait.
func TestRestless(t *testing.T) {
	t.Parallel()
	c, _ := says(strings.NewReader(""), Config{})
	c.cmd = exec.Command("sleep", "3600")
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}()
	c.e.closing, c.e.hurried = context.Background(), context.Background()
	now := time.Now()
	if reason := c.restless(now); reason != "" || c.waits.since != now {
		t.Errorf("at the first look it is restless: %q, %+v", reason, c.waits)
	}
	c.waits.cpu -= time.Hour
	if reason := c.restless(now.Add(time.Second)); !strings.Contains(reason, "of the processor in 1s without a job") {
		t.Errorf("an hour of the processor in a second is %q", reason)
	}
	if reason := c.restless(now.Add(1000 * time.Hour)); reason != "" {
		t.Errorf("the same in 1,000 hours is %q", reason)
	}
	if err := c.exchange(t.Context(), request{jobs: 1, fill: func(b []byte) []byte { return b }}); err == nil {
		t.Error("a child that says nothing has done a job")
	}
	if reason := c.restless(now); reason != "" {
		t.Errorf("what it took before its last job is held against it: %q", reason)
	}
}
