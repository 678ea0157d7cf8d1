package executor

import (
	"sync"
	"time"

	"github.com/conductorquantum/coda/host/executor/wire"
)

// Usage is what an executor's guests took, at most, since it was opened.
type Usage struct {
	Memory    uint64        // bytes of one instance's linear memory
	OpenTime  time.Duration // to make an instance and open it
	JobTime   time.Duration // of one job, or one batch
	CPUTime   time.Duration // of one job, where the system tells
	IOBytes   uint64        // of one job
	Handles   uint64        // open at once
	LostLines uint64        // logged, and not kept
}

// usage gathers it.
type usage struct {
	mu sync.Mutex
	Usage
}

// Usage is what the guests took so far.
func (e *Executor) Usage() Usage {
	e.used.mu.Lock()
	defer e.used.mu.Unlock()
	return e.used.Usage
}

// Limits are those that hold, the defaults among them.
func (e *Executor) Limits() Limits { return e.cfg.Limits }

func (u *usage) note(w *wire.Usage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.Memory = max(u.Memory, w.Memory)
	u.LostLines = max(u.LostLines, w.Lines)
}

func (u *usage) job(took, cpu time.Duration, bytes, handles uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.JobTime, u.CPUTime = max(u.JobTime, took), max(u.CPUTime, cpu)
	u.IOBytes, u.Handles = max(u.IOBytes, bytes), max(u.Handles, handles)
}

func (u *usage) opened(took time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.OpenTime = max(u.OpenTime, took)
}
