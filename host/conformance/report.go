package conformance

import (
	"github.com/conductorquantum/coda/abi"
)

// Status is how a check ended.
type Status string

// The ends of a check.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Report is what a run found.
type Report struct {
	Device     *abi.Device `json:"device,omitempty"`  // nil where it was not opened
	Physics    Physics     `json:"physics"`           // what the counts were held to
	Why        string      `json:"physics_reason"`    // how that was decided
	Compared   int         `json:"compared_outcomes"` // with their exact probabilities
	FalseAlarm float64     `json:"false_alarm"`       // at most: the probability that a right executor failed by chance
	Jobs       int         `json:"jobs"`              // that were run
	Seconds    float64     `json:"seconds"`           // that all took
	Checks     []Check     `json:"checks"`            // in the order in which they were made
	Budgets    []Budget    `json:"budgets"`           // used in all
}

// Check is what came of one check.
type Check struct {
	Group   string   `json:"group"`
	Name    string   `json:"name"`
	Status  Status   `json:"status"`
	Seconds float64  `json:"seconds"`
	Asked   string   `json:"asked,omitempty"`   // of an executor that failed
	Got     string   `json:"got,omitempty"`     // what came
	Rule    string   `json:"rule,omitempty"`    // that it breaks, and where that stands
	Reason  string   `json:"reason,omitempty"`  // why it was skipped
	Remarks []string `json:"remarks,omitempty"` // what is no failure, and worth knowing

	cause error
}

// Budget is what an executor has used of a limit.
type Budget struct {
	Name  string  `json:"name"`
	Used  float64 `json:"used"`
	Limit float64 `json:"limit"`
	Unit  string  `json:"unit"` // "bytes", "seconds" or "handles"
}

// Percent is how much of the limit is used.
func (b Budget) Percent() float64 {
	if b.Limit == 0 {
		return 0
	}
	return 100 * b.Used / b.Limit
}

// Count is how many checks ended so.
func (r *Report) Count(status Status) int {
	n := 0
	for i := range r.Checks {
		if r.Checks[i].Status == status {
			n++
		}
	}
	return n
}
