package executor

import (
	"testing"
	"time"
)

func TestOnlyAnotherProgramHandsOverMore(t *testing.T) {
	t.Parallel()
	limits := Limits{LogLines: 10, LogBytes: 1000}
	now := time.Now()
	for name, line := range map[string]int{"lines": 1, "bytes": 100} {
		var c lineCount
		for range 3600 { // an hour of as much as there may be, and of jobs that end with a line
			now = now.Add(time.Second)
			for range limits.LogLines {
				c.job()
				if !c.take(&limits, now, line) || !c.take(&limits, now, 200) {
					t.Fatalf("%s: a child that keeps its limits is stopped", name)
				}
			}
		}
		taken := 0
		for c.take(&limits, now, line) {
			taken++
		}
		if taken > 2*lineSlack*int(limits.LogLines) {
			t.Errorf("%s: %d lines at once", name, taken)
		}
	}
}
