package worker_test

import (
	"slices"
	"strings"
)

// checkAck is asked before a message leaves the pending entries: nothing may be
// acknowledged whose outcome the cloud has not taken, that it did not cancel and
// that is not parked. The world is locked.
func (w *world) checkAck(id, why string) {
	m := w.redis.entry(id).msg
	s := w.redis.of(m.JobID)
	taken := kindOf(w.cloud.taken[m.JobID])
	switch why {
	case "completed", "failed":
		if taken != why {
			w.breaks("%s of %s is acknowledged as %s, and what the cloud has is %q", id, m.JobID, why, w.cloud.taken[m.JobID])
		}
		if s.state != why {
			w.breaks("%s of %s is acknowledged as %s, and its state is %s", id, m.JobID, why, s.state)
		}
	case "cancelled":
		if !w.redis.cancel[m.JobID] {
			w.breaks("%s of %s is acknowledged as cancelled, and nobody cancelled it", id, m.JobID)
		}
		if w.cloud.seen[m.JobID] != "" {
			w.breaks("%s of %s is acknowledged as cancelled, and %q was posted", id, m.JobID, w.cloud.seen[m.JobID])
		}
	case "parked":
		if !w.inDeadLetters(id) {
			w.breaks("%s of %s is acknowledged as parked, and is not in the dead-letter stream", id, m.JobID)
		}
	}
}

// inDeadLetters reports whether the operator finds a message there, with the body
// that was refused.
func (w *world) inDeadLetters(id string) bool {
	m := w.redis.entry(id).msg
	return slices.ContainsFunc(w.redis.dead, func(l simLetter) bool {
		return l.messageID == id && (m.JobID == "" || l.body != "" && l.body == w.cloud.seen[m.JobID])
	})
}

// settled reports whether nothing remains to be done. The world is locked.
func (w *world) settled() bool {
	if len(w.redis.pending) > 0 || w.redis.next < len(w.redis.entries) {
		return false
	}
	for _, n := range w.nodes {
		for _, r := range n.disk.synced {
			if r.state == "decided" || r.state == "published" {
				return false
			}
		}
	}
	return true
}

// checkEnds looks at what became of everything. The world is locked.
func (w *world) checkEnds() {
	if w.redis.next < len(w.redis.entries) {
		w.breaks("%d messages were never read", len(w.redis.entries)-w.redis.next)
	}
	for id, p := range w.redis.pending {
		w.breaks("%s of %s is still pending for %s", id, w.redis.entry(id).msg.JobID, p.owner)
	}
	for _, n := range w.nodes {
		for id, r := range n.disk.synced {
			if r.state == "decided" || r.state == "published" {
				w.breaks("%s still waits to be delivered on the disk of %s: %s", id, n.name, r.state)
			}
		}
	}
	for id, job := range w.cloud.jobs {
		s, taken := w.redis.of(id), w.cloud.taken[id]
		parked := slices.ContainsFunc(job.messages, w.inDeadLetters)
		switch {
		case id == "":
			if !parked {
				w.breaks("the message without a job id is not in the dead-letter stream")
			}
		case s.state == "completed" || s.state == "failed":
			if kindOf(taken) != s.state {
				w.breaks("%s is %s, and what the cloud has is %q", id, s.state, taken)
			}
		case s.state == "cancelled":
			if taken != "" || !w.redis.cancel[id] {
				w.breaks("%s is cancelled, and what the cloud has is %q", id, taken)
			}
		case s.phase == "parked" && parked:
		default:
			w.breaks("%s ended without an end: %+v, the cloud has %q", id, s, taken)
		}
		if s.state == "completed" && !strings.HasPrefix(taken, "completed ") {
			w.breaks("%s: completed is replaced", id)
		}
	}
}
