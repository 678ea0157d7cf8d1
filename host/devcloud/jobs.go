package devcloud

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"
)

// maxJobs is how many finished jobs are remembered.
const maxJobs = 100_000

// verdict is what a delivery turned out to be.
type verdict uint8

const (
	first         verdict = iota // the job's outcome
	duplicate                    // the same again
	contradiction                // another outcome than the one delivered first
)

// record is one job as the cloud knows it.
type record struct {
	qpu         string
	submitted   time.Time
	delivered   time.Time
	body        []byte // of the first delivery; nil before
	status      string // in that body
	digest      [sha256.Size]byte
	cancelAsked bool
	done        chan struct{} // closed by the first delivery
}

// jobs remembers what was submitted and the one body that each job got.
type jobs struct {
	mu      sync.Mutex
	records map[string]*record
	order   []string // of first mention
	stats   Stats
}

// Stats are counts since the start.
type Stats struct {
	Submitted         int        `json:"submitted"`
	Delivered         int        `json:"delivered"` // jobs with a body
	Completed         int        `json:"completed"`
	Failed            int        `json:"failed"`
	Duplicates        int        `json:"duplicates"`         // the same body again
	Contradictions    int        `json:"contradictions"`     // another body for the same job
	SignatureFailures int        `json:"signature_failures"` // requests whose JWT was refused
	Malformed         int        `json:"malformed"`          // webhook bodies that break the protocol
	Pending           int64      `json:"pending"`            // read from the stream, not acknowledged
	LastHeartbeat     *time.Time `json:"last_heartbeat"`
}

func newJobs() *jobs { return &jobs{records: map[string]*record{}} }

// add notes a job before its message can be read.
func (j *jobs) add(id, qpu string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, ok := j.records[id]; ok {
		return fmt.Errorf("job %q was submitted before", id)
	}
	j.insert(id, qpu)
	j.stats.Submitted++
	return nil
}

// remove forgets a job whose message could not be written.
func (j *jobs) remove(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.records, id)
	j.stats.Submitted--
}

func (j *jobs) insert(id, qpu string) *record {
	r := &record{qpu: qpu, submitted: time.Now(), done: make(chan struct{})}
	j.records[id] = r
	j.order = append(j.order, id)
	for len(j.order) > maxJobs {
		oldest, ok := j.records[j.order[0]]
		if ok && oldest.body == nil && !oldest.cancelAsked {
			break // somebody may still wait for it
		}
		delete(j.records, j.order[0])
		j.order = j.order[1:]
	}
	return r
}

// deliver stores the first body of a job and judges any further one.
func (j *jobs) deliver(id, qpu, status string, body []byte) (verdict, error) {
	digest := sha256.Sum256(body)
	j.mu.Lock()
	defer j.mu.Unlock()
	r, ok := j.records[id]
	if !ok { // put into the stream by somebody else
		r = j.insert(id, qpu)
	}
	if r.qpu != qpu {
		return first, errors.New("the job belongs to another QPU")
	}
	if r.body != nil {
		if r.digest == digest {
			j.stats.Duplicates++
			return duplicate, nil
		}
		j.stats.Contradictions++
		return contradiction, nil
	}
	r.body, r.status, r.digest, r.delivered = bytes.Clone(body), status, digest, time.Now()
	close(r.done)
	j.stats.Delivered++
	if status == "completed" {
		j.stats.Completed++
	} else {
		j.stats.Failed++
	}
	return first, nil
}

// get is a job's record as it is now, and the channel that its delivery closes.
func (j *jobs) get(id string) (record, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r, ok := j.records[id]
	if !ok {
		return record{}, false
	}
	return *r, true
}

func (j *jobs) askCancel(id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	r, ok := j.records[id]
	if ok {
		r.cancelAsked = true
	}
	return ok
}

func (j *jobs) signatureFailed() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.SignatureFailures++
}

func (j *jobs) malformed() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.Malformed++
}

func (j *jobs) counts() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stats
}
