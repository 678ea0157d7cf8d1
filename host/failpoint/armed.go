//go:build failpoint

package failpoint

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// armed is what CODA_FAILPOINT says: "C6", or "C6:3" for the third time that the
// point is passed. CODA_FAILPOINT_MARK names a file that is made before the end,
// and shows that the point was hit.
var armed = sync.OnceValue(func() (p struct {
	name  string
	times int64
}) {
	name, times, _ := strings.Cut(os.Getenv("CODA_FAILPOINT"), ":")
	p.name, p.times = name, 1
	if n, err := strconv.ParseInt(times, 10, 64); err == nil {
		p.times = n
	}
	return p
})

var passed atomic.Int64

// reached reports whether this is the end.
func reached(name string) bool {
	p := armed()
	return name == p.name && passed.Add(1) == p.times
}

func kill() {
	if mark := os.Getenv("CODA_FAILPOINT_MARK"); mark != "" {
		_ = os.WriteFile(mark, nil, 0o600)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing after the point may happen
}

// Hit kills the process if the point is the one that is armed.
func Hit(name string) {
	if reached(name) {
		kill()
	}
}

// After is Hit for a point that is reached when c is closed.
func After(name string, c <-chan struct{}) {
	if reached(name) {
		<-c
		kill()
	}
}

// Amid kills the process at some moment within the next milliseconds, and lets it
// go on until then.
func Amid(name string) {
	if reached(name) {
		go func() {
			time.Sleep(rand.N(3 * time.Millisecond))
			kill()
		}()
	}
}

// Synced keeps a copy of a file whose writes were just synced, beside it, if
// CODA_FAILPOINT_SYNCED is set. It is what a power cut would leave from now on, if
// the disk then held nothing of what is not synced.
func Synced(path string) {
	if os.Getenv("CODA_FAILPOINT_SYNCED") == "" {
		return
	}
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path+".between", content, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".between", path+".synced")
	}
	if err != nil {
		panic(err)
	}
}
