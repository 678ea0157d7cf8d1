package worker

import "time"

// The pauses between tries to deliver. The quick ones come first; then the slow
// ones, the last of which repeats until three days are over.
var (
	quick = [...]time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}
	slow  = [...]time.Duration{5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour}
)

// An outcome is given up after so long, and after so many tries as the schedule
// makes in that time: what a node that was off, or whose clock leapt, did not try
// does not count.
const (
	giveUpAfter = 72 * time.Hour
	leastTries  = 17
	longestWait = 12 * time.Hour // the last, with all its jitter
)

// schedule is the pause after so many failed tries of a decision that was made
// some time ago. Over is set where it is not to be tried again.
func schedule(tries int, age time.Duration) (wait time.Duration, over bool) {
	switch {
	case tries <= len(quick):
		wait = quick[tries-1]
	default:
		wait = slow[min(tries-len(quick), len(slow))-1]
	}
	return wait, tries >= leastTries && age+wait > giveUpAfter
}
