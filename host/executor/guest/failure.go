package guest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/conductorquantum/coda/abi"
	"github.com/conductorquantum/coda/abi/canon"
	"github.com/conductorquantum/coda/host/fault"
)

// failure is what the node is told: it becomes a fault.ExecutorError there.
type failure struct {
	cause   fault.Cause
	message string
	stale   bool // of compiled code that cannot be used
}

func (f *failure) Error() string { return f.cause.String() + ": " + f.message }

func fail(cause fault.Cause, format string, args ...any) *failure {
	return &failure{cause: cause, message: fmt.Sprintf(format, args...)}
}

// said turns a guest's own account into a failure.
func said(f *abi.Failure) *failure {
	// The four kinds of the WIT are the first four causes.
	return &failure{cause: fault.Cause(f.Kind), message: f.Message}
}

// startFailed is what wazero puts before an error of a start function.
var startFailed = regexp.MustCompile(`^start function\[\d+\] failed: `)

// trapped says what ended a call into the guest early.
func trapped(during string, err error) *failure {
	if e, ok := errors.AsType[*canon.Error](err); ok {
		cause := fault.Invalid
		if e.Over {
			cause = fault.Limit
		}
		return fail(cause, "%s: %s", during, e)
	}
	if e, ok := errors.AsType[*failure](err); ok {
		return e
	}
	if e, ok := errors.AsType[*sys.ExitError](err); ok {
		return fail(fault.Trapped, "the guest exited with status %d during %s", e.ExitCode(), during)
	}
	// Below the first line stands wazero's stack trace.
	reason, _, _ := strings.Cut(err.Error(), "\n")
	reason = startFailed.ReplaceAllString(reason, "")
	reason = strings.TrimSuffix(strings.TrimPrefix(reason, "wasm error: "), " (recovered by wazero)")
	return fail(fault.Trapped, "the guest trapped during %s: %s", during, reason)
}
