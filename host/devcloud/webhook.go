package devcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

const maxResult = 64 << 20 // a million outcomes of 50 qubits

// webhook takes a job's outcome. The same bytes again are fine; others are
// taken too, but counted as a contradiction.
func (c *Cloud) webhook(w http.ResponseWriter, r *http.Request) {
	node, err := c.authenticate(r)
	if err != nil {
		fail(w, http.StatusUnauthorized, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResult))
	if err != nil {
		fail(w, http.StatusBadRequest, errors.New("the body cannot be read"))
		return
	}
	outcome, err := readOutcome(body)
	if err != nil {
		c.jobs.malformed()
		fail(w, http.StatusBadRequest, err)
		return
	}
	verdict, err := c.jobs.deliver(outcome.JobID, node.QPU, outcome.Status, body)
	if err != nil {
		fail(w, http.StatusForbidden, err)
		return
	}
	if verdict == contradiction {
		c.cfg.Log.Warn("a job got a second, different outcome", "job", outcome.JobID, "body", string(body[:min(len(body), 500)]))
	}
	reply(w, http.StatusOK, map[string]bool{"ok": true})
}

// outcome is a webhook's body; absent members are nil.
type outcome struct {
	JobID  string             `json:"job_id"`
	Status string             `json:"status"`
	Counts map[string]*uint64 `json:"counts"`
	Time   *float64           `json:"execution_time_ms"`
	Shots  *uint64            `json:"shots_completed"`
	Error  *string            `json:"error"`
}

// readOutcome accepts exactly what the protocol lets a node send.
func readOutcome(body []byte) (outcome, error) {
	var o outcome
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return o, fmt.Errorf("the body is no outcome: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return o, errors.New("the body has something after its object")
	}
	switch {
	case o.JobID == "":
		return o, errors.New("job_id is required")
	case o.Status == "completed":
		if o.Counts == nil || o.Time == nil || o.Shots == nil || o.Error != nil {
			return o, errors.New("a completed job has counts, execution_time_ms and shots_completed, and no error")
		}
		return o, checkCounts(o.Counts, *o.Shots)
	case o.Status == "failed":
		if o.Counts != nil || o.Time != nil || o.Shots != nil || o.Error == nil {
			return o, errors.New("a failed job has an error and no result")
		}
		if utf8.RuneCountInString(*o.Error) > 500 {
			return o, errors.New("error is longer than 500 code points")
		}
		return o, nil
	}
	return o, fmt.Errorf("status %q is neither completed nor failed", o.Status)
}

func checkCounts(counts map[string]*uint64, shots uint64) error {
	width, sum := -1, uint64(0)
	for bits, n := range counts {
		if strings.Trim(bits, "01") != "" || width >= 0 && len(bits) != width {
			return fmt.Errorf("counts has the key %q, which is no bit string of the others' length", bits)
		}
		if n == nil {
			return fmt.Errorf("counts[%q] is null", bits)
		}
		width = len(bits)
		sum += *n
	}
	if sum != shots {
		return fmt.Errorf("counts add up to %d, shots_completed is %d", sum, shots)
	}
	return nil
}
