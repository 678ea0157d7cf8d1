//go:build !unix

package outbox

import (
	"os"
	"time"
)

// lock leaves it to bbolt: on Windows a second lock would wait for the first.
func lock(*os.File, time.Duration) error { return nil }

// inPlace takes an open file for the one under its name: it cannot be replaced.
func inPlace(*os.File) bool { return true }
