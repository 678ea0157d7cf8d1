package fake

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind is a way in which a request goes wrong. The instrument does what it was
// asked to do in any case: what goes wrong is the answer.
type Kind string

// The kinds. What they mean where there are no answers, README.md says.
const (
	Delay   Kind = "delay"   // the request waits before it is looked at
	Drop    Kind = "drop"    // half of the answer, and the connection is closed
	Garbage Kind = "garbage" // noise in place of the answer
	Half    Kind = "half"    // half of the answer, and nothing more on that connection
	Silent  Kind = "silent"  // no answer; the next request gets one
)

// Kinds are all of them.
var Kinds = []Kind{Delay, Drop, Garbage, Half, Silent}

// Fault is something that goes wrong with some requests.
type Fault struct {
	Kind  Kind
	Delay time.Duration // of a Delay
	On    string        // hits only requests that begin with it, in any case of letters
	From  int           // the first of those requests that is hit, from 1; 0 is 1
	To    int           // the last one; 0: there is none
	Share float64       // chance of each of them to be hit; 0: all are
}

// ParseFault reads KIND[=TIME][:REQUEST][@WHEN], where WHEN is N, N-M, N-, -M or P%:
// "delay=200ms", "half:FETC?@1", "drop@3-", "silent@5%".
func ParseFault(text string) (Fault, error) {
	f, err := parseFault(text)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", text, err)
	}
	return f, nil
}

func parseFault(text string) (f Fault, err error) {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		if err := f.parseWhen(text[at+1:]); err != nil {
			return f, err
		}
		text = text[:at]
	}
	text, f.On, _ = strings.Cut(text, ":")
	kind, value, valued := strings.Cut(text, "=")
	f.Kind = Kind(kind)
	switch {
	case f.Kind == Delay:
		if f.Delay, err = time.ParseDuration(value); err != nil {
			return f, errors.New("a delay needs its time, as in delay=200ms")
		}
	case valued:
		return f, fmt.Errorf("only a delay has a value, and %q has %q", kind, value)
	}
	return f, nil
}

func (f *Fault) parseWhen(text string) error {
	wrong := fmt.Errorf("%q is none of N, N-M, N-, -M and P%%", text)
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		share, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(share > 0 && share <= 100) {
			return wrong
		}
		f.Share = share / 100
		return nil
	}
	from, to, ranged := strings.Cut(text, "-")
	if from == "" && to == "" {
		return wrong
	}
	for _, bound := range []struct {
		text string
		into *int
	}{{from, &f.From}, {to, &f.To}} {
		if bound.text == "" {
			continue
		}
		n, err := strconv.ParseUint(bound.text, 10, 31)
		if err != nil || n == 0 {
			return wrong
		}
		*bound.into = int(n)
	}
	if !ranged {
		f.To = f.From
	}
	return nil
}

func (f *Fault) check() error {
	switch f.Kind {
	case Delay:
		if f.Delay <= 0 {
			return fmt.Errorf("a delay of %v is none", f.Delay)
		}
	case Drop, Garbage, Half, Silent:
		if f.Delay != 0 {
			return fmt.Errorf("only a delay has a time, not %s", f.Kind)
		}
	default:
		return fmt.Errorf("%q is none of delay, drop, garbage, half and silent", f.Kind)
	}
	switch {
	case f.From < 0 || f.To < 0 || f.To != 0 && f.To < f.From:
		return fmt.Errorf("requests %d to %d are none", f.From, f.To)
	case !(f.Share >= 0 && f.Share <= 1):
		return fmt.Errorf("share %v is not from 0 to 1", f.Share)
	}
	return nil
}

// Faults are what goes wrong with a fake.
type Faults struct {
	mu     sync.Mutex
	armed  []armed
	random *rand.Rand
}

type armed struct {
	Fault
	met int // requests that it could have hit
}

// Set replaces all faults; without any, nothing goes wrong. Requests are counted
// anew.
func (f *Faults) Set(faults ...Fault) error {
	set := make([]armed, len(faults))
	for i, fault := range faults {
		if err := fault.check(); err != nil {
			return fmt.Errorf("fault %d of %d: %w", i+1, len(faults), err)
		}
		set[i].Fault = fault
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = set
	return nil
}

// hit is what a request meets. All delays add up; of the other kinds the first
// one counts.
type hit struct {
	delay time.Duration
	kind  Kind
}

func (h hit) String() string {
	var parts []string
	if h.delay > 0 {
		parts = append(parts, "delay="+h.delay.String())
	}
	if h.kind != "" {
		parts = append(parts, string(h.kind))
	}
	return strings.Join(parts, " ")
}

func (f *Faults) meet(request string) (h hit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.armed {
		a := &f.armed[i]
		if len(request) < len(a.On) || !strings.EqualFold(request[:len(a.On)], a.On) {
			continue
		}
		a.met++
		switch {
		case a.met < a.From, a.To != 0 && a.met > a.To:
		case a.Share != 0 && f.random.Float64() >= a.Share:
		case a.Kind == Delay:
			h.delay += a.Delay
		case h.kind == "":
			h.kind = a.Kind
		}
	}
	return h
}
