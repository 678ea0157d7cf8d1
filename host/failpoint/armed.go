//go:build failpoint

package failpoint

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// armed is what CODA_FAILPOINT says: "C5", or "C5:3" for the third time that the
// point is passed. CODA_FAILPOINT_MARK names a file that is made before the end,
// and shows that the point was hit.
var armed = sync.OnceValue(func() (p struct {
	name  string
	times int64
}) {
	name, times, _ := strings.Cut(os.Getenv("CODA_FAILPOINT"), ":")
	p.name, p.times = name, 1
	for _, digit := range times {
		p.times = int64(digit - '0')
	}
	return p
})

var passed atomic.Int64

// Hit kills the process if the point is the one that is armed.
func Hit(name string) {
	p := armed()
	if name != p.name || passed.Add(1) != p.times {
		return
	}
	if mark := os.Getenv("CODA_FAILPOINT_MARK"); mark != "" {
		_ = os.WriteFile(mark, []byte(name), 0o600)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing after the point may happen
}
