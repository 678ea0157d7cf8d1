package provision

import (
	"errors"
	"fmt"

	"github.com/conductorquantum/coda/host/fault"
)

// TokenLost reports whether err is of a log-on that redeemed its token, or may
// have, and kept nothing of what it brought. Such a log-on cannot be repeated with
// the same token, so nobody may pass over it.
func TokenLost(err error) bool {
	_, lost := errors.AsType[*tokenLost](err)
	return lost
}

// tokenLost marks the cause of such an error, and shows nothing of itself.
type tokenLost struct{ cause error }

func (e *tokenLost) Error() string { return e.cause.Error() }
func (e *tokenLost) Unwrap() error { return e.cause }

// redeemed says that a lost answer may have cost the token: that of attempt lost,
// 0 if none was.
func redeemed(lost int) string {
	if lost == 0 {
		return ""
	}
	return fmt.Sprintf("; the token may have been redeemed by attempt %d, whose answer was lost: if so, ask for a new token", lost)
}

// costing marks the cause of an error that says redeemed.
func costing(lost int, cause error) error {
	if lost == 0 {
		return cause
	}
	return &tokenLost{cause}
}

// spent is the error of an answer that the cloud gave for the token, and that
// cannot be used or kept.
func spent(err error) error {
	const why = "the token has been redeemed, and what it brought is lost: mend this, then ask for a new token"
	if ours, ok := errors.AsType[*fault.NodeError](err); ok {
		return &fault.NodeError{Op: ours.Op, Reason: ours.Reason + "; " + why, Err: &tokenLost{ours.Err}}
	}
	return &fault.NodeError{Op: "connect", Reason: why, Err: &tokenLost{err}}
}
