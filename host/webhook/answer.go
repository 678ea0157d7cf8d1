package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/conductorquantum/coda/host/fault"
)

// maxRetryAfter bounds how long a receiver may have us wait.
const maxRetryAfter = time.Hour

// maxQuoted is how much of a stranger's words is repeated, in code points.
const maxQuoted = 300

// judge turns an answer into nil, which is delivered, or an error that says what
// is to follow.
func judge(status int, header http.Header, excerpt []byte, now time.Time) *fault.WebhookError {
	if status >= 200 && status < 300 {
		return nil
	}
	e := &fault.WebhookError{
		Status:     status,
		RetryAfter: retryAfter(header.Get("Retry-After"), asOf(header, now)),
		Reason:     reason(status, excerpt),
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Next = fault.SignAgain
	case status == http.StatusGone:
		e.Next = fault.Park
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly ||
		status == http.StatusTooManyRequests || status < 300 || status >= 500:
		e.Next = fault.TryAgain
	case status < 400:
		e.Next = fault.Misdirected
	default:
		e.Next = fault.Rejected
	}
	e.Retry = e.Next != fault.Park
	return e
}

func reason(status int, excerpt []byte) string {
	switch {
	case status >= 300 && status < 400:
		return "redirects are not followed; the receiver's address is wrong or has moved"
	case len(excerpt) > 0:
		return printable(string(excerpt))
	}
	return http.StatusText(status)
}

// printable makes a stranger's words fit for one line of a log.
func printable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return strings.TrimSpace(cut(text, maxQuoted))
}

// asOf is the time by the receiver's clock, which its dates are given in, else by
// ours.
func asOf(header http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		return date
	}
	return now
}

// retryAfter reads seconds or a date; what cannot be read counts as nothing.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if strings.Trim(text, "0123456789") == "" { // more digits than anyone waits
		return maxRetryAfter
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, min(date.Sub(now), maxRetryAfter))
}
