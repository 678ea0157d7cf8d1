package fault

// Cause says what ended a job, or a guest, early.
type Cause uint8

// The causes. The first four are a guest's own words, after the WIT's
// failure-kind; the others are what the host saw.
const (
	Unsupported Cause = iota // this circuit can never run on this device
	Unavailable              // not just now
	Cancelled                // the job was cancelled
	Internal                 // any other fault of the executor
	Refused                  // the file is no executor that this host can run
	Limit                    // a budget was exceeded
	Trapped                  // the guest trapped or exited
	Invalid                  // the guest broke the ABI, or its result breaks a rule
	Lost                     // the child process died without an answer
)

var causes = [...]string{
	"unsupported", "unavailable", "cancelled", "internal",
	"refused", "limit", "trapped", "invalid", "lost",
}

func (c Cause) String() string {
	if int(c) < len(causes) {
		return causes[c]
	}
	return "unknown"
}

// ExecutorError is a job or an executor that failed.
type ExecutorError struct {
	Executor string // its name, never a path with secrets
	Cause    Cause
	Reason   string // what happened, which rule or limit, and what to do
	Err      error
}

func (e *ExecutorError) Error() string {
	return join("executor "+e.Executor+": "+e.Cause.String(), e.Reason, e.Err)
}

// CanRetry reports whether another attempt may succeed: the backend said so, or
// the child was lost for a reason that is not the job's.
func (e *ExecutorError) CanRetry() bool { return e.Cause == Unavailable || e.Cause == Lost }

func (e *ExecutorError) Unwrap() error { return e.Err }
func (*ExecutorError) family()         {}
