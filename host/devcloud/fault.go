package devcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// endpoints are what faults can hit, by the last part of their path.
var endpoints = []string{"connect", "heartbeat", "webhook", "health"}

// bodies are the bad answers that have a name.
var bodies = []string{"empty", "text", "array", "truncated", "huge"}

// Fault is something that goes wrong with requests of one endpoint. FaultHelp
// describes it as JSON, for people.
//
// A fault that says what the node gets (Status, Body, Text, Location or Reset)
// keeps the request from the cloud, unless Taken is set: then the cloud takes
// it, and the node does not hear of it. One that says only how slow it is leaves
// the answer as it is.
type Fault struct {
	Endpoint string  `json:"endpoint"`         // connect, heartbeat, webhook or health
	Skip     int     `json:"skip,omitempty"`   // requests that pass before it begins
	Times    int     `json:"times,omitempty"`  // requests that it hits; 0: all from then on
	Share    float64 `json:"share,omitempty"`  // chance of a request to be hit; 0: every one is
	Seed     uint64  `json:"seed,omitempty"`   // of that chance: the same seed hits the same requests
	Taken    bool    `json:"taken,omitempty"`  // the cloud takes the request before anything goes wrong
	Status   int     `json:"status,omitempty"` // 200 to 599; 0: the cloud's own, or 200 where it does not see the request
	Body     string  `json:"body,omitempty"`   // empty, text, array, truncated or huge
	Text     string  `json:"text,omitempty"`   // a body, literally
	Reset    bool    `json:"reset,omitempty"`  // the connection is reset in place of an answer

	RetryAfter string `json:"retry_after,omitempty"` // header: seconds, or a date of HTTP
	Location   string `json:"location,omitempty"`    // header; with Status 0 the status is 307

	Delay time.Duration `json:"-"` // before the answer; "delay" in JSON, as in "1.5s"
	Drip  time.Duration `json:"-"` // between the bytes of the answer's body; "drip" in JSON
}

// SetFault is a fault in the plan.
type SetFault struct {
	ID    int   `json:"id"`
	Fault Fault `json:"fault"`
	Hits  int   `json:"hits"` // so far
	Over  bool  `json:"over"` // it hits nothing any more
}

// Fault adds a fault to the plan and returns its id. A request meets the first
// fault of its endpoint that hits it, in the order in which they were added.
func (c *Cloud) Fault(f Fault) (id int, err error) {
	ids, err := c.faults.add(f)
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// Faults are the plan: what was asked for, and what it has done.
func (c *Cloud) Faults() []SetFault { return c.faults.list() }

// Mend takes faults out of the plan; without ids, all of them. What is being
// answered goes on. It reports whether each of them was there.
func (c *Cloud) Mend(ids ...int) bool { return c.faults.remove(ids) }

// replaces reports whether the node gets something else than the cloud's answer.
func (f *Fault) replaces() bool {
	return f.Status != 0 || f.Body != "" || f.Text != "" || f.Location != "" || f.Reset
}

func (f *Fault) check() error {
	switch {
	case !slices.Contains(endpoints, f.Endpoint):
		return fmt.Errorf("endpoint %q is none of %s", f.Endpoint, strings.Join(endpoints, ", "))
	case f.Skip < 0 || f.Times < 0:
		return errors.New("skip and times cannot be negative")
	case !(f.Share >= 0 && f.Share <= 1):
		return errors.New("share must be from 0 to 1")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is not from 200 to 599", f.Status)
	case f.Body != "" && !slices.Contains(bodies, f.Body):
		return fmt.Errorf("body %q is none of %s; give any other as text", f.Body, strings.Join(bodies, ", "))
	case f.Body != "" && f.Text != "":
		return errors.New("give body or text, not both")
	case f.Delay < 0 || f.Drip < 0:
		return errors.New("delay and drip cannot be negative")
	case f.Reset && (f.Status != 0 || f.Body != "" || f.Text != "" || f.Location != "" || f.RetryAfter != "" || f.Drip != 0):
		return errors.New("a connection that is reset has no answer: leave out status, body, text, location, retry_after and drip")
	case !f.replaces() && f.RetryAfter == "" && f.Delay == 0 && f.Drip == 0:
		return errors.New("it does nothing: give status, body, text, location, retry_after, reset, delay or drip")
	}
	return nil
}

// plain is a Fault without methods; spelled is it with times as text.
type plain Fault

type spelled struct {
	*plain
	Delay string `json:"delay,omitempty"`
	Drip  string `json:"drip,omitempty"`
}

// MarshalJSON writes times as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	s := spelled{plain: (*plain)(&f)}
	if f.Delay != 0 {
		s.Delay = f.Delay.String()
	}
	if f.Drip != 0 {
		s.Drip = f.Drip.String()
	}
	return json.Marshal(s)
}

// UnmarshalJSON refuses members that a fault does not have.
func (f *Fault) UnmarshalJSON(text []byte) error {
	s := spelled{plain: (*plain)(f)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return err
	}
	for _, t := range []struct {
		name, text string
		into       *time.Duration
	}{{"delay", s.Delay, &f.Delay}, {"drip", s.Drip, &f.Drip}} {
		if t.text == "" {
			continue
		}
		var err error
		if *t.into, err = time.ParseDuration(t.text); err != nil {
			return fmt.Errorf("%s %q is no time; write 1.5s", t.name, t.text)
		}
	}
	return nil
}

// plan is the faults of a cloud.
type plan struct {
	mu   sync.Mutex
	last int
	set  []*planned
}

type planned struct {
	SetFault
	passed int // requests of its endpoint so far, without those that an earlier fault hit
	chance *rand.Rand
}

// add takes all of the faults or none.
func (p *plan) add(faults ...Fault) (ids []int, err error) {
	for i := range faults {
		if err := faults[i].check(); err != nil {
			return nil, fmt.Errorf("fault %d of %d: %w", i+1, len(faults), err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range faults {
		p.last++
		p.set = append(p.set, &planned{
			SetFault: SetFault{ID: p.last, Fault: f},
			chance:   rand.New(rand.NewPCG(f.Seed, 0)),
		})
		ids = append(ids, p.last)
	}
	return ids, nil
}

// hit is the fault that a request meets, or nil.
func (p *plan) hit(endpoint string) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.set {
		if f.Over || f.Fault.Endpoint != endpoint {
			continue
		}
		f.passed++
		if f.passed <= f.Fault.Skip || f.Fault.Share != 0 && f.chance.Float64() >= f.Fault.Share {
			continue
		}
		f.Hits++
		f.Over = f.Hits == f.Fault.Times
		return new(f.Fault)
	}
	return nil
}

func (p *plan) list() []SetFault {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]SetFault, len(p.set))
	for i, f := range p.set {
		list[i] = f.SetFault
	}
	return list
}

func (p *plan) remove(ids []int) (all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(ids) == 0 {
		p.set = nil
		return true
	}
	before := len(p.set)
	p.set = slices.DeleteFunc(p.set, func(f *planned) bool { return slices.Contains(ids, f.ID) })
	return before-len(p.set) == len(ids)
}
