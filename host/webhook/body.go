package webhook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/bits"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/conductorquantum/coda/abi"
	"github.com/google/uuid"
)

// maxErrorText is how much of an error the cloud keeps, in code points.
const maxErrorText = 500

// Completed is the body that reports what a job measured. Its bytes depend on
// nothing but the arguments: the counts stand sorted by bit string, whose
// character i is the readout of measurements[i]. elapsed is what the host
// measured, used where the executor reported no time of its own.
func Completed(jobID string, measurements int, e *abi.Execution, elapsed time.Duration) []byte {
	if e.Elapsed != nil {
		elapsed = *e.Elapsed
	}
	counts := sorted(measurements, e.Outcomes)
	const perCount, rest = len(`"":,`) + 20, 160
	b := make([]byte, 0, len(jobID)+rest+len(counts)*(measurements+perCount))
	b = append(b, `{"job_id":`...)
	b = appendString(b, jobID)
	b = append(b, `,"status":"completed","counts":{`...)
	for i, c := range counts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		for shift := measurements - 1; shift >= 0; shift-- {
			b = append(b, '0'+byte(c.word>>shift&1))
		}
		b = append(b, `":`...)
		b = strconv.AppendUint(b, c.count, 10)
	}
	b = append(b, `},"execution_time_ms":`...)
	b = strconv.AppendFloat(b, float64(max(elapsed, 0))/float64(time.Millisecond), 'f', -1, 64)
	b = append(b, `,"shots_completed":`...)
	b = strconv.AppendUint(b, e.ShotsCompleted, 10)
	return append(b, '}')
}

// Failed is the body that reports why a job has no result. Text beyond 500 code
// points is cut.
func Failed(jobID, text string) []byte {
	text = cut(text, maxErrorText)
	b := make([]byte, 0, len(jobID)+len(text)+64)
	b = append(b, `{"job_id":`...)
	b = appendString(b, jobID)
	b = append(b, `,"status":"failed","error":`...)
	b = appendString(b, text)
	return append(b, '}')
}

// namespace is the project's own; with it every node derives the same id for a
// job.
var namespace = uuid.MustParse("6f1f0b0c-5a0e-4f3b-9a58-6d2b6f3c7d41")

// ID is the id under which a job's outcome is posted: UUIDv5 of the job's own.
func ID(jobID string) string { return uuid.NewSHA1(namespace, []byte(jobID)).String() }

// count is an outcome whose word reads like its bit string: the first
// measurement is the most significant of the bits in use.
type count struct{ word, count uint64 }

func sorted(measurements int, outcomes []abi.Outcome) []count {
	counts := make([]count, len(outcomes))
	for i, o := range outcomes {
		counts[i] = count{bits.Reverse64(o.Bits) >> (64 - measurements), o.Count}
	}
	slices.SortFunc(counts, func(a, b count) int { return cmp.Compare(a.word, b.word) })
	return counts
}

// appendString writes a JSON string. Text that needs no escape, as most does,
// is copied.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendEscaped(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendEscaped(b []byte, s string) []byte {
	var escaped bytes.Buffer
	encoder := json.NewEncoder(&escaped)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string always encodes; invalid UTF-8 becomes U+FFFD
	return append(b, bytes.TrimSuffix(escaped.Bytes(), []byte("\n"))...)
}

// cut keeps the first n code points.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
