package outbox

import "fmt"

// verb is what can happen to a job.
type verb uint8

const (
	begin verb = iota
	decide
	adopt
	publish
	attempt
	deliver
	park
	retry
	drop
	verbs int = iota
)

var participles = [...]string{
	"begun", "decided", "given another decision", "published", "attempted",
	"delivered", "parked", "sent again", "dropped",
}

func (v verb) String() string { return participles[v] }

// transitions are all that is legal: what a verb makes of a state. Where the
// state stays the verb may be repeated; whether it then changes anything else is
// its own matter.
var transitions = [verbs]map[State]State{
	begin: {Absent: Begun, Begun: Begun},
	// The first decision stands. Whoever comes later gets that one.
	decide: {
		Absent: Decided, Begun: Decided,
		Decided: Decided, Published: Published, Parked: Parked, Delivered: Delivered, Dropped: Dropped,
	},
	// Another decision is taken over before anything was posted (see replaceable).
	adopt: {Absent: Published, Begun: Published, Decided: Published, Published: Published},
	// D3 is noted beside the POST, and may come after the end of it.
	publish: {Decided: Published, Published: Published, Parked: Parked, Delivered: Delivered, Dropped: Dropped},
	attempt: {Decided: Decided, Published: Published},
	deliver: {Decided: Delivered, Published: Delivered, Delivered: Delivered},
	park:    {Decided: Parked, Published: Parked, Parked: Parked},
	// From Parked it goes back to where it was; see Retry.
	retry: {Decided: Decided, Published: Published, Parked: Decided},
	drop:  {Parked: Dropped, Dropped: Dropped},
}

// step is the state after v.
func (r *Record) step(v verb) (State, error) {
	next, legal := transitions[v][r.State]
	if !legal {
		if r.State == Absent {
			return Absent, fmt.Errorf("%w: job %q", ErrUnknown, r.JobID)
		}
		return r.State, fmt.Errorf("%w: job %q is %s and cannot be %s", ErrIllegal, r.JobID, r.State, v)
	}
	if v == retry && r.State == Parked && !r.Published.IsZero() {
		return Published, nil
	}
	return next, nil
}

// replaceable says why the decision must stay as it is: one that was published,
// or may have been posted, is the only one that the cloud may ever see.
func (r *Record) replaceable() error {
	switch {
	case r.State == Published:
		return fmt.Errorf("%w: the decision about job %q is published and cannot be replaced", ErrIllegal, r.JobID)
	case r.State == Decided && r.Tries > 0:
		return fmt.Errorf("%w: the decision about job %q was posted and cannot be replaced", ErrIllegal, r.JobID)
	}
	return nil
}
