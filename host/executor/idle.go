package executor

import "time"

// watchEvery is how often guests that wait for a job are looked at.
const watchEvery = time.Second

// waiting is since when a child waits for a job, and what it had taken of the processor
// by then.
type waiting struct {
	since time.Time // zero: it has not been looked at since its last job
	cpu   time.Duration
}

// watchIdle looks at the children that wait for a job, whom no clock of a job ends. One
// that does not sit still runs other code than ours: a fresh one takes its place.
func (e *Executor) watchIdle() {
	for range len(e.free) {
		select {
		case s := <-e.free:
			c := s.child
			if c == nil || c.pending || c.gone() {
				e.free <- s
				continue
			}
			reason := c.restless(time.Now())
			if reason == "" {
				e.free <- s
				continue
			}
			e.cfg.Log.Warn("executor is started again", "executor", e.cfg.Name, "reason", reason)
			if c.usable, c.unrest = false, true; e.CanMakeSafe() {
				e.rest.owe() // no job is taken from here on
			}
			go e.ready(s)
		default:
		}
	}
	if e.closing.Err() == nil {
		e.watch.Reset(watchEvery)
	}
}
