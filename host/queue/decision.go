package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// MaxExecutions is how often a job is started at most, by all nodes together.
const MaxExecutions = 3

// keepDecision is how long a published decision is kept where nobody finishes the
// job: longer than anybody tries to deliver it.
const keepDecision = 10 * 24 * time.Hour

// Decision is the outcome of a job, as every node can deliver it.
type Decision struct {
	Kind    string // "completed" or "failed"
	URL     string // where the body goes
	Failure string // why it failed, in words
	Body    []byte // exactly what is posted
}

// The fields of a decision's hash.
const (
	fieldKind    = "kind"
	fieldURL     = "url"
	fieldFailure = "failure"
	fieldBody    = "body"
	fieldDigest  = "sha256" // of the body, hexadecimal
)

func (d *Decision) fields() []any {
	digest := sha256.Sum256(d.Body)
	return []any{fieldKind, d.Kind, fieldURL, d.URL, fieldFailure, d.Failure, fieldBody, d.Body, fieldDigest, hex.EncodeToString(digest[:])}
}

// decode reads a decision from its hash: fields and values in turn. The damage says
// why it cannot be used.
func decode(jobID string, pairs []string) (d *Decision, damage string) {
	d = new(Decision)
	var digest string
	for i := 0; i+1 < len(pairs); i += 2 {
		switch value := pairs[i+1]; pairs[i] {
		case fieldKind:
			d.Kind = value
		case fieldURL:
			d.URL = value
		case fieldFailure:
			d.Failure = value
		case fieldBody:
			d.Body = []byte(value)
		case fieldDigest:
			digest = value
		}
	}
	sum := sha256.Sum256(d.Body)
	switch {
	case d.Kind != "completed" && d.Kind != "failed":
		return nil, fmt.Sprintf("the published decision is damaged: %s is of the kind %.40q", DecisionKey(jobID), d.Kind)
	case digest != hex.EncodeToString(sum[:]):
		return nil, fmt.Sprintf("the published decision is damaged: the body in %s does not match its SHA-256", DecisionKey(jobID))
	}
	return d, ""
}
