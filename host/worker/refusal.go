package worker

import (
	"errors"
	"fmt"
	"time"
)

// Limits of what Redis refuses while it is well: for want of a right, or since a key
// is of another kind. It may do so for ever, and nothing else may wait for it.
const (
	patience    = 4                  // refusals of one write, after which its message is put down
	shelfLimit  = 10 * time.Minute   // the longest that such a message, or what is new, is left alone
	waryAfter   = 3                  // messages in a row that could not be taken up; then fewer are claimed
	askAgain    = 10 * time.Minute   // whether decisions are taken by now
	takingUp    = "is taken up"      // the write that comes first
	forgetAfter = shelfLimit * 3 / 2 // past the time of the next try, which the next sweep makes: somebody else has the message

	// What concerns no single message: one that is new, ours by a reply that was lost, or
	// abandoned.
	claiming      = "is claimed"
	claimingAgain = "is claimed again"
	takingOver    = "is claimed from others"
)

// refusal is what Redis did not let this worker do, in a row, about one message; or,
// under its own name in place of an id, about all of them.
type refusal struct {
	what  string // that a message ...
	err   error
	since time.Time
	times int
	due   time.Time // before that no sweep takes the message up
	kept  bool      // its lease is renewed until then: no peer knows what was decided
	over  bool      // another message was let through since
}

var errSetAside = errors.New("refused by Redis")

// setAside notes what was refused. The message stays pending, and is left alone for
// twice as long each time.
func (w *Worker) setAside(m *Message, what string, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.noteRefusal(m.ID, what, err)
	r.due = time.Now().Add(w.seldom(r.times - 1))
	if what == takingUp && r.times == 1 { // a message counts once
		w.unwanted.Add(1)
	}
	return fmt.Errorf("%w (%d times, and again from %s on): %w", errSetAside, r.times, r.due.UTC().Format(time.RFC3339), err)
}

// noteRefusal is called with the lock held. The id is what itself where
// that concerns no single message.
func (w *Worker) noteRefusal(id, what string, err error) *refusal {
	now := time.Now()
	for other, r := range w.refusals { // so that they stay few
		if now.Sub(r.due) > forgetAfter {
			delete(w.refusals, other)
		}
	}
	r := w.refusals[id]
	if r == nil || r.what != what {
		r = &refusal{what: what, since: now}
		w.refusals[id] = r
	}
	r.err, r.due, r.over = err, now, false
	r.times++
	return r
}

// allowed notes that a write was let through, and so may others like it be.
func (w *Worker) allowed(id, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if what == takingUp {
		w.unwanted.Store(0)
	}
	if r := w.refusals[id]; r != nil && r.what == what {
		delete(w.refusals, id)
	}
	now := time.Now()
	for _, r := range w.refusals {
		if r.what == what && !r.over {
			r.over = true
			if r.due.After(now) {
				r.due = now
			}
		}
	}
}

// forget ends what is noted about a message that is settled or another node's.
func (w *Worker) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.refusals, id)
}

// refusedToClaim notes that no messages are handed out.
func (w *Worker) refusedToClaim(what string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteRefusal(what, what, err)
}

// bears is how many refusals a message's write may meet in one life.
func (w *Worker) bears(m *Message) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusals[m.ID] != nil {
		return 1
	}
	return patience
}

// keepLease has the lease of a message that was put down renewed.
func (w *Worker) keepLease(m *Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.refusals[m.ID]; r != nil {
		r.kept = true
	}
}

// shelved reports whether a message is to be left alone. It is called with the lock
// held.
func (w *Worker) shelved(id string) bool {
	r := w.refusals[id]
	return r != nil && time.Now().Before(r.due)
}

// keptLeases lists the messages that were put down and stay ours.
func (w *Worker) keptLeases() (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, r := range w.refusals {
		if r.kept && w.inHand[id] == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// shelf lists the messages that are to be left alone.
func (w *Worker) shelf() (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.refusals {
		if w.shelved(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// wary is how long to wait before more is claimed, where nothing that was claimed
// could be taken up: a node gathers no messages that it can do nothing with.
func (w *Worker) wary() time.Duration {
	n := w.unwanted.Load()
	if n < waryAfter {
		return 0
	}
	return w.seldom(int(n) - waryAfter)
}

// seldom is how long something that is refused is left alone, twice as long each time.
func (w *Worker) seldom(times int) time.Duration {
	return min(w.jitter(min(sweepEvery<<min(times, 10), shelfLimit)), shelfLimit)
}

// Refused says what Redis, which is well, does not let this node do, and since when;
// "" where there is no such thing, or no more.
func (w *Worker) Refused() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var first *refusal
	var about string
	for id, r := range w.refusals {
		if r.over || time.Since(r.due) > forgetAfter || first != nil && !r.since.Before(first.since) {
			continue
		}
		first, about = r, "message "+id
		if id == r.what {
			about = "a message"
		}
	}
	if first == nil {
		return ""
	}
	return fmt.Sprintf("Redis is reached and refuses, since %s, that %s %s (coda doctor may say which right is missing): %v",
		first.since.UTC().Format(time.RFC3339), about, first.what, first.err)
}

// isAlone reports whether Redis took no decisions when it was last asked, which was
// not long ago.
func (w *Worker) isAlone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.aloneFor != nil && time.Since(w.aloneAt) < askAgain
}

// goAlone notes that Redis takes no decisions, joinPeers that it does.
func (w *Worker) goAlone(err error) {
	w.mu.Lock()
	news := w.aloneFor == nil
	w.aloneFor, w.aloneAt = err, time.Now()
	w.mu.Unlock()
	if news {
		w.Log.Error("Redis does not take decisions, so no peer can deliver them in this node's place", "error", err)
	}
}

func (w *Worker) joinPeers() {
	w.mu.Lock()
	news := w.aloneFor != nil
	w.aloneFor = nil
	w.mu.Unlock()
	if news {
		w.Log.Info("Redis takes decisions again")
	}
}

// Alone says why no other node can deliver in this one's place; "" where it can.
func (w *Worker) Alone() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.aloneFor == nil {
		return ""
	}
	return fmt.Sprintf("Redis takes no decisions, so that no other node can deliver in this one's place: %v", w.aloneFor)
}
